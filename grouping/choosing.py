"""Which crawls a candidate crawl is measured against, category by category; pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from grouping.verdict import Snapshot
from splitcart.config import Chain

AROUND_HOURS = 24.0


@dataclass(frozen=True, slots=True)
class Moment:
    """When a reference crawl was made and which root categories it completed, before its prices are read."""

    crawl_id: int
    store_id: int
    observed_from: datetime
    observed_to: datetime
    category_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class Choice:
    """The reference crawls that a verdict needs, those that decide first in front.

    Each stands with the categories that it speaks for: a crawl that lacks a category leaves it to the next one.
    """

    near: tuple[Moment, ...]
    before: tuple[Moment, ...]
    after: tuple[Moment, ...]
    around: tuple[Moment, ...]


def choose(
    candidate: Snapshot,
    categories: Collection[int],
    moments: Sequence[Moment],
    chain: Chain,
    apart: timedelta = timedelta(0),
) -> Choice:
    """Choose the comparable crawls among those of the Ambassador and of confirmed stores, nearest first.

    Comparable is what shares a completed category with the candidate. What comes before and after lies at least
    ``apart`` from it. Ties go to the lower crawl id.
    """
    wanted = frozenset(categories)
    others = [
        replace(moment, category_ids=moment.category_ids & wanted)
        for moment in moments
        if moment.crawl_id != candidate.crawl_id and not moment.category_ids.isdisjoint(wanted)
    ]
    window, bracket = timedelta(hours=chain.window_hours), timedelta(days=chain.bracket_days)
    near = sorted(
        (moment for moment in others if _distance(candidate, moment) <= window),
        key=lambda moment: (_distance(candidate, moment), moment.crawl_id),
    )
    earlier = _by_category(
        sorted(
            (moment for moment in others if moment.observed_to <= candidate.observed_from - apart),
            key=lambda moment: (-moment.observed_to.timestamp(), moment.crawl_id),
        )
    )
    later = _by_category(
        sorted(
            (moment for moment in others if moment.observed_from >= candidate.observed_to + apart),
            key=lambda moment: (moment.observed_from, moment.crawl_id),
        )
    )
    held = {
        category_id
        for category_id in earlier.keys() & later.keys()
        if later[category_id].observed_from - earlier[category_id].observed_to <= bracket
    }
    before, after = _speaking(earlier, held), _speaking(later, held)
    around = tuple(
        moment
        for moment in others
        if _distance(candidate, moment) <= timedelta(hours=AROUND_HOURS) and moment not in (*before, *after)
    )
    nearest = _by_category(near)
    return Choice(_speaking(nearest, nearest.keys()), before, after, around)


def _by_category(moments: Iterable[Moment]) -> dict[int, Moment]:
    """The first crawl that completed each category."""
    found: dict[int, Moment] = {}
    for moment in moments:
        for category_id in sorted(moment.category_ids):
            found.setdefault(category_id, moment)
    return found


def _speaking(speakers: Mapping[int, Moment], category_ids: Collection[int]) -> tuple[Moment, ...]:
    """These crawls in their order, each with those of the categories that it is the first to speak for."""
    spoken_for: dict[Moment, set[int]] = {}
    for category_id, moment in speakers.items():
        if category_id in category_ids:
            spoken_for.setdefault(moment, set()).add(category_id)
    return tuple(replace(moment, category_ids=frozenset(ids)) for moment, ids in spoken_for.items())


def _distance(candidate: Snapshot, moment: Moment) -> timedelta:
    """The gap between two crawls; none when they overlap."""
    return max(moment.observed_from - candidate.observed_to, candidate.observed_from - moment.observed_to, timedelta(0))
