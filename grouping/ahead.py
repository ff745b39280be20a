"""Reading ahead: what the checks of groups will ask for one after the other, read for all of them at once.

Nothing depends on it but time: whoever asks for what was not read ahead reads it then.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

import sqlalchemy as sa

from grouping.choosing import choose
from grouping.memberships import exceptions
from grouping.references import Step, read_references, references
from grouping.verdict import Snapshot
from splitcart.database.models import Base, Candidate, Crawl, Membership, Store, StoreGroup


@contextmanager
def reading_ahead(
    step: Step, groups: Sequence[StoreGroup], places: Mapping[int, Collection[Membership]]
) -> Iterator[None]:
    """Read what checks of active groups (with the members of each) ask for; rows stay at hand until the end."""
    exceptions(step.session, {place.store_id for some in places.values() for place in some})
    candidates: dict[int, set[int]] = {}
    for group_id, crawl_id in step.session.execute(
        sa.select(Candidate.group_id, Candidate.crawl_id).where(Candidate.group_id.in_(list(places)))
    ):
        candidates.setdefault(group_id, set()).add(crawl_id)
    shown = step.snapshots.of_crawls({crawl_id for some in candidates.values() for crawl_id in some})
    step.snapshots.of_lists(candidates)
    step.snapshots.read_looks([group.ambassador_id for group in groups if group.ambassador_id is not None])
    _read_nearest(step, groups, {group_id: [shown[one] for one in some] for group_id, some in candidates.items()})
    at_hand = _rows(step, shown.values())  # a session forgets rows that nobody holds
    yield
    at_hand.clear()


def _read_nearest(step: Step, groups: Sequence[StoreGroup], candidates: Mapping[int, Collection[Snapshot]]) -> None:
    """The crawls that candidates are compared with first."""
    begun = [candidate.observed_from for some in candidates.values() for candidate in some]
    if not begun:
        return
    since = min(begun) - step.bracket
    read_references(step, groups, since)
    nearest = set()
    for group in groups:
        moments = references(step, group, since)
        for candidate in candidates.get(group.id, ()):
            others = [moment for moment in moments if moment.store_id != candidate.store_id]
            choice = choose(candidate, candidate.prices.completed, others, step.chain)
            nearest |= {moment.crawl_id for moment in choice.near}
    step.snapshots.of_crawls(nearest)


def _rows(step: Step, candidates: Collection[Snapshot]) -> list[Base]:
    crawls = sa.select(Crawl).where(Crawl.id.in_([candidate.crawl_id for candidate in candidates]))
    stores = sa.select(Store).where(Store.id.in_([candidate.store_id for candidate in candidates]))
    return [*step.session.scalars(crawls), *step.session.scalars(stores)]
