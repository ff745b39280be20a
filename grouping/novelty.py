"""What has news since it was last compared in vain: a run does not repeat comparisons that must fail again.

Nothing is stored for it. A pair that stayed apart when the last run ended stays apart until one of the two is crawled
or something is decided about it; within a run the pairs that were compared in vain are remembered.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import sqlalchemy as sa

from grouping.references import MIN_FOUNDERS, Step
from splitcart.database.models import Crawl, GroupEvent, Membership, StoreGroup

Subject = tuple[str, int]  # ("store", row id) or ("group", row id)


@dataclass
class Vain:
    """The comparisons that failed in this run, each with what was known of its two sides."""

    pairs: dict[tuple[Subject, Subject], tuple[int, ...]] = field(default_factory=dict)


Vains = defaultdict[tuple[str, int | None], Vain]  # by what was asked (a place, an exception) and scope


@dataclass
class Novelty:
    """How each store and group stands at one step, against the end of the last run and against this run's ``vain``."""

    vain: Vain
    last_event: int
    events: dict[int, int]  # by group: the last thing that was decided of it since the last run
    crawled: dict[int, int]  # by store: its newest crawl since the last run
    unplaced: set[int]  # stores that lost a place since
    members: dict[int, frozenset[int]]
    min_founders: int
    known: dict[Subject, tuple[int, int]] = field(default_factory=dict)  # marks that were asked for

    def is_old(self, one: Subject, other: Subject) -> bool:
        """Whether these two were compared in vain and nothing new is known of either."""
        marks = self._marks(one), self._marks(other)
        quiet = self.last_event and not any(marks[0]) and not any(marks[1])
        too_few = self.min_founders > MIN_FOUNDERS and one[0] == other[0] == "store"  # alike, but apart for the number
        if quiet and not too_few:
            return True
        return self.vain.pairs.get((one, other)) == (*marks[0], *marks[1])

    def has_news(self, store_ids: Iterable[int]) -> bool:
        """Whether anything is new of any of these stores."""
        return not self.last_event or any(any(self._marks(("store", store_id))) for store_id in store_ids)

    def has_group_news(self) -> bool:
        """Whether anything is new of any group of the scope."""
        return not self.last_event or any(any(self._marks(("group", group_id))) for group_id in self.members)

    def was_in_vain(self, one: Subject, other: Subject) -> None:
        """Remember that these two stay apart."""
        self.vain.pairs[one, other] = (*self._marks(one), *self._marks(other))

    def _marks(self, subject: Subject) -> tuple[int, int]:
        if subject not in self.known:
            self.known[subject] = self._mark(*subject)
        return self.known[subject]

    def _mark(self, kind: str, row_id: int) -> tuple[int, int]:
        if kind == "group":
            return self.events.get(row_id, 0), max(map(self._crawl, self.members.get(row_id, ())), default=0)
        return int(row_id in self.unplaced), self._crawl(row_id)

    def _crawl(self, store_id: int) -> int:
        return self.crawled.get(store_id, 0)


def read_novelty(step: Step, groups: Iterable[StoreGroup], vain: Vain) -> Novelty:
    """Read what is new since the last run that ended; a constant number of queries."""
    session = step.session
    mine = GroupEvent.company_id == step.company_id
    last = session.scalar(
        sa.select(GroupEvent).where(mine, GroupEvent.kind == "run").order_by(GroupEvent.id.desc()).limit(1)
    )
    last_event, last_crawl = (last.id, last.figures["newest_crawl"]) if last else (0, 0)
    decided = session.execute(
        sa.select(GroupEvent.group_id, sa.func.max(GroupEvent.id))
        .where(mine, GroupEvent.id > last_event, GroupEvent.kind != "pending", GroupEvent.group_id.is_not(None))
        .group_by(GroupEvent.group_id)
    )
    crawled = session.execute(
        sa.select(Crawl.store_id, sa.func.max(Crawl.id))
        .where(Crawl.company_id == step.company_id, Crawl.id > last_crawl)
        .group_by(Crawl.store_id)
    )
    scoped: sa.ColumnElement[bool]
    moved: sa.ColumnElement[bool]
    scoped, moved = Membership.category_id.is_not_distinct_from(step.scope), Membership.until.is_not(None)
    if step.scope is not None:  # a category seeks a place when the store is excepted there, or lost its whole list
        scoped, moved = sa.or_(scoped, Membership.category_id.is_(None)), sa.true()
    if last:
        moved = sa.and_(moved, sa.or_(Membership.until >= last.at, Membership.since >= last.at))
    unplaced = sa.select(Membership.store_id).where(scoped, moved)
    places = session.execute(
        sa.select(Membership.group_id, Membership.store_id).where(
            Membership.until.is_(None),
            Membership.group_id.in_([group.id for group in groups]),
        )
    )
    members: dict[int, set[int]] = {}
    for group_id, store_id in places:
        members.setdefault(group_id or 0, set()).add(store_id)
    return Novelty(
        vain,
        last_event,
        {group_id or 0: event for group_id, event in decided},
        {store_id or 0: crawl for store_id, crawl in crawled},
        set(session.scalars(unplaced)),
        {group_id: frozenset(stores) for group_id, stores in members.items()},
        step.min_founders,
    )
