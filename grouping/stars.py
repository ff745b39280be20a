"""Which stores show one list, by their latest coverage alone: stars of stores, whatever groups there are.

Time does not separate: two lists that match do so whenever they were seen, and what does not match may still be one
list between two crawls. Only such a bracket joins two stars.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa

from grouping.answering import Answering
from grouping.choosing import Moment
from grouping.cover import star_cover
from grouping.loading import read_matrix
from grouping.matrix import PriceMatrix
from grouping.memberships import exceptions
from grouping.pairs import Overlaps, ask, matches, threads
from grouping.placing import agreement
from grouping.references import Step, read_moments
from grouping.ungrouped import kept_divisions
from grouping.verdict import Snapshot
from splitcart.database.models import Crawl, Store, StoreCategory


@dataclass(frozen=True)
class Sky:
    """All covered stores (row ids) in stars, the largest first, a leader in front of its members.

    A store that shows nobody's list is a star of its own. ``distinct`` counts the different price lists.
    """

    stars: list[list[int]]
    distinct: int


def read_sky(step: Step, answering: Answering) -> Sky:
    """Find the stars of a company's active, covered stores of kept divisions."""
    store_ids = step.session.scalars(
        sa.select(Store.id)
        .where(
            Store.company_id == step.company_id,
            Store.is_active.is_(True),
            Store.id.in_(sa.select(StoreCategory.store_id)),
            *kept_divisions(step),
        )
        .order_by(Store.store_id)
    ).all()
    silent = exceptions(step.session, store_ids)
    matrix = read_matrix(step.session, step.catalogue, store_ids, step.window, silent)
    rows, like = matrix.distinct()
    found = _overlaps(matrix.rows(rows), step, answering)
    stars = [[store_ids[row] for row in star] for star in _spread(star_cover(found), like)]
    return Sky(_join(step, stars, silent), len(rows))


def _overlaps(lists: PriceMatrix, step: Step, answering: Answering) -> Overlaps:
    with threads() as pool:
        question = ask(lists, step.chain, pool)
    return matches(question, answering(question))


def _spread(stars: Sequence[Sequence[int]], like: np.typing.NDArray[np.int64]) -> list[list[int]]:
    """Put the stores with identical lists beside each other, and those that are left by themselves."""
    alike: dict[int, list[int]] = {}
    for row, place in enumerate(like.tolist()):
        alike.setdefault(place, []).append(row)
    single = sorted(alike.keys() - {place for star in stars for place in star})
    return [[row for place in star for row in alike[place]] for star in (*stars, *([place] for place in single))]


def _join(step: Step, stars: list[list[int]], silent: Mapping[int, frozenset[int]]) -> list[list[int]]:
    """Join stars whose leaders are proven to show one list between two crawls of the other star."""
    order = sorted(stars, key=lambda star: (-len(star), step.names[star[0]]))
    moments = _moments(step, [store_id for star in stars for store_id in star])
    joined: list[list[int]] = []
    for star in order:
        for larger in joined:
            if len(larger) > 1 and _one_list(step, larger, star, moments, silent):
                larger.extend(star)
                break
        else:
            joined.append(list(star))
    return joined


def _moments(step: Step, store_ids: list[int]) -> dict[int, list[Moment]]:
    moments: dict[int, list[Moment]] = {}
    for moment in read_moments(step.session, Crawl.store_id.in_(store_ids)):
        moments.setdefault(moment.store_id, []).append(moment)
    return moments


def _one_list(
    step: Step,
    larger: list[int],
    star: list[int],
    moments: dict[int, list[Moment]],
    silent: Mapping[int, frozenset[int]],
) -> bool:
    """Whether a witness of one star, crawled before and after the leader of the other, saw the leader's list."""
    for leader, others in ((star[0], larger), (larger[0], star)):
        judged = step.snapshots.of_store(leader, silent.get(leader, frozenset()))
        witness = _witness(step, judged, others, moments) if judged else None
        if judged is None or witness is None:
            continue
        standing = step.snapshots.of_store(witness, silent.get(witness, frozenset()))
        if standing is not None and agreement(step, judged, standing, moments) is not None:
            return True
    return False


def _witness(step: Step, judged: Snapshot, store_ids: list[int], moments: dict[int, list[Moment]]) -> int | None:
    """The store whose crawls lie closest around what is judged."""
    spans = []
    for store_id in store_ids:
        before = [each.observed_to for each in moments.get(store_id, ()) if each.observed_to <= judged.observed_from]
        after = [each.observed_from for each in moments.get(store_id, ()) if each.observed_from >= judged.observed_to]
        if before and after and min(after) - max(before) <= step.bracket:
            spans.append((min(after) - max(before), step.names[store_id], store_id))
    return min(spans)[2] if spans else None
