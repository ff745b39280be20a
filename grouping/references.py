"""What a group's candidates are measured against: crawls of its Ambassador and of confirmed stores, and its list."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import InitVar, dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache, cached_property
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grouping.choosing import Moment
from grouping.journal import record
from grouping.memberships import exceptions
from grouping.overlap import Catalogue, Comparison, compare
from grouping.pace import roll_out
from grouping.shelf import Shelf
from grouping.snapshots import Snapshots
from grouping.verdict import MIN_COMPARABLE_SHARE, Match, Snapshot, match
from splitcart.config import Chain
from splitcart.database.bulk import padded
from splitcart.database.models import AmbassadorTenure, Coverage, Crawl, GroupEvent, Membership, Store, StoreGroup

MIN_FOUNDERS = 2  # of a group of whole lists


READ_AHEAD = timedelta(days=5)  # references are asked for since one store's crawl or another's


class _Spoken(NamedTuple):
    """The crawls that speak for a group, as far back as ``since``."""

    since: datetime
    moments: list[Moment]


@dataclass
class Step:
    """One transaction of a run: what it works on, and what it has read so far.

    ``scope`` is the root category (row id) that the step is about, None: whole lists. A step sees nothing else: its
    catalogue and its snapshots hold that category alone.
    """

    session: Session
    chain: Chain
    company_id: int
    catalogue: Catalogue
    now: datetime
    scope: int | None = None
    shelf: InitVar[Shelf | None] = None
    snapshots: Snapshots = field(init=False)
    spoken: dict[int, "_Spoken"] = field(init=False, default_factory=dict)  # by group, until something of it is logged

    def __post_init__(self, shelf: Shelf | None) -> None:
        if self.scope is not None:
            self.catalogue = self.catalogue.within(self.scope)
        self.snapshots = Snapshots(self.session, self.catalogue, self.chain.window_hours, shelf or Shelf(), self.scope)

    def about(self, scope: int | None) -> "Step":
        """Return a step of the same transaction about one root category (row id), or whole lists; from whole lists."""
        if scope == self.scope:
            return self
        return Step(self.session, self.chain, self.company_id, self.catalogue, self.now, scope)

    @property
    def min_founders(self) -> int:
        """How many stores it takes to found a group."""
        return MIN_FOUNDERS if self.scope is None else self.chain.min_category_stores

    @property
    def window(self) -> timedelta:
        """How far apart two crawls may be to be compared directly."""
        return timedelta(hours=self.chain.window_hours)

    @property
    def bracket(self) -> timedelta:
        """How far apart two crawls may be to bracket a third, and how long a candidate waits."""
        return timedelta(days=self.chain.bracket_days)

    @cached_property
    def names(self) -> dict[int, str]:
        """The chain's own ids of all its stores, by row id; whatever is ordered is ordered by them."""
        rows = self.session.execute(sa.select(Store.id, Store.store_id).where(Store.company_id == self.company_id))
        return dict(rows.all())

    @cached_property
    def states(self) -> dict[int, str | None]:
        """The state of each of its stores, by row id: it tells the time zone."""
        rows = self.session.execute(sa.select(Store.id, Store.state).where(Store.company_id == self.company_id))
        return dict(rows.all())

    def roll_out(self, store_ids: Iterable[int], at: datetime) -> timedelta:
        """How long a change of prices takes to reach all of some stores (row ids)."""
        return roll_out(self.chain, [self.states.get(store_id) for store_id in store_ids], at)

    def exceptions(self, store_ids: Collection[int]) -> dict[int, frozenset[int]]:
        """Return the categories of the scope in which stores (row ids) do not follow their group, where there are any.

        Within one category there is none: who does not follow there is no member.
        """
        return exceptions(self.session, store_ids) if self.scope is None else {}

    def log(
        self,
        kind: str,
        group: StoreGroup | None,
        store_id: int | None = None,
        *,
        verdict: str | None = None,
        candidate: int | None = None,
        reference: int | None = None,
        figures: dict[str, object] | None = None,
    ) -> None:
        """Record an event of this run."""
        if group is not None:
            self.spoken.pop(group.id, None)
        record(
            self.session,
            self.company_id,
            kind,
            self.now,
            group_id=group.id if group else None,
            store_id=store_id,
            verdict=verdict,
            candidate=candidate,
            reference=reference,
            figures=figures,
        )


def read_moments(session: Session, condition: sa.ColumnElement[bool], scope: int | None = None) -> list[Moment]:
    """Return the crawls that fulfil a condition and completed at least one category, ordered by row id.

    ``scope`` asks for those that completed this root category (row id), as if they had seen nothing else.
    """
    return _moments(session.execute(_select_moments(scope).where(condition)))


def _select_moments(scope: int | None) -> sa.Select[int, int, datetime, datetime, int]:
    seen_by: type[Crawl | Coverage] = Crawl if scope is None else Coverage
    found = (
        sa.select(Crawl.id, Coverage.store_id, seen_by.observed_from, seen_by.observed_to, Coverage.category_id)
        .join(Coverage, Coverage.crawl_id == Crawl.id)
        .order_by(Crawl.id)
    )
    return found if scope is None else found.where(Coverage.category_id == scope)


def _moments(rows: Iterable[Any]) -> list[Moment]:
    """One moment of each crawl's rows: crawl, store, begin, end, and a category that it completed."""
    completed: dict[tuple[int, int, datetime, datetime], set[int]] = {}
    for *crawl, category_id in rows:
        completed.setdefault(tuple(crawl), set()).add(category_id)
    return [Moment(*crawl, frozenset(category_ids)) for crawl, category_ids in completed.items()]


def references(step: Step, group: StoreGroup, since: datetime) -> list[Moment]:
    """Return the crawls from ``since`` on that speak for a group: its Ambassador's, and confirmed ones of members.

    So do those by which others were confirmed, as a former Ambassador's, if their store was proven then or later in the
    same stay. A store with category exceptions speaks for its other categories only.
    """
    read_references(step, [group], since)
    return [moment for moment in step.spoken[group.id].moments if moment.observed_to >= since]


def read_references(step: Step, groups: Iterable[StoreGroup], since: datetime) -> None:
    """Read at once what ``references`` will be asked of many groups."""
    unknown: dict[int | None, list[int]] = {}
    for group in groups:
        if group.id not in step.spoken or step.spoken[group.id].since > since:
            unknown.setdefault(group.category_id, []).append(group.id)
    earlier = since - READ_AHEAD
    for category_id, group_ids in unknown.items():
        for group_id, moments in _read_references(step.session, group_ids, category_id, earlier).items():
            step.spoken[group_id] = _Spoken(earlier, moments)


def _read_references(
    session: Session, group_ids: list[int], category_id: int | None, since: datetime
) -> dict[int, list[Moment]]:
    session.flush()
    asked = {"group_ids": padded(group_ids), "since": since}
    rows: dict[int, list[Any]] = {group_id: [] for group_id in group_ids}
    for *row, group_id in session.execute(_speaking(category_id), asked):
        rows[group_id].append(row)
    moments = {group_id: _moments(found) for group_id, found in rows.items()}
    if category_id is not None:
        return moments
    silent = exceptions(session, {moment.store_id for found in moments.values() for moment in found})
    return {group_id: [heard for one in found if (heard := _heard(one, silent))] for group_id, found in moments.items()}


def _heard(moment: Moment, silent: Mapping[int, frozenset[int]]) -> Moment | None:
    """The moment without what its store is excepted in; None: nothing is left."""
    left = moment.category_ids - silent.get(moment.store_id, frozenset())
    if len(left) < len(moment.category_ids):
        moment = replace(moment, category_ids=left)
    return moment if left else None


@cache
def _speaking(category_id: int | None) -> sa.Select[Any]:
    """The crawls since an instant that speak for groups: the columns of a moment, and the group. Made once."""
    group_ids: sa.BindParameter[list[int]] = sa.bindparam("group_ids", expanding=True)
    recent = Crawl.observed_to >= sa.bindparam("since", type_=Crawl.observed_to.type)
    standing = sa.and_(
        Membership.group_id == GroupEvent.group_id,
        Membership.store_id == Crawl.store_id,
        Membership.until.is_(None),
        Membership.suspended_at.is_(None),
    )
    confirmed, witnesses = (
        sa.select(GroupEvent.group_id, Crawl.id.label("crawl_id"))
        .join(Crawl, Crawl.id == crawl_id)
        .join(Membership, standing)
        .where(GroupEvent.group_id.in_(group_ids), GroupEvent.verdict == "confirmed", recent)
        for crawl_id in (GroupEvent.candidate_crawl_id, GroupEvent.reference_crawl_id)
    )
    rogue = sa.orm.aliased(GroupEvent)
    witnesses = witnesses.where(
        Membership.since <= Crawl.observed_to,
        Membership.confirmed_at >= Crawl.observed_to,
        ~sa.exists().where(
            rogue.group_id == GroupEvent.group_id, rogue.candidate_crawl_id == Crawl.id, rogue.verdict == "rogue"
        ),
    )
    reigning = sa.or_(Crawl.observed_to >= AmbassadorTenure.since, Crawl.ingested_at >= AmbassadorTenure.since)
    own = (
        sa.select(StoreGroup.id.label("group_id"), Crawl.id.label("crawl_id"))
        .join(AmbassadorTenure, sa.and_(AmbassadorTenure.group_id == StoreGroup.id, AmbassadorTenure.until.is_(None)))
        .join(Crawl, Crawl.store_id == StoreGroup.ambassador_id)
        .where(StoreGroup.id.in_(group_ids), recent, reigning)
    )
    speaking = sa.union(confirmed, witnesses, own).subquery("speaking")
    of_crawl = speaking.c.crawl_id == Crawl.id
    return _select_moments(category_id).join(speaking, of_crawl).add_columns(speaking.c.group_id)


def has_told(step: Step, group_id: int | None, crawl_id: int | None) -> bool:
    """Whether a crawl brought news into a group's list, which follows it since then and so cannot prove it; row ids."""
    told = sa.select(GroupEvent.id).where(
        GroupEvent.group_id == group_id, GroupEvent.kind == "news", GroupEvent.candidate_crawl_id == crawl_id
    )
    return step.session.scalar(told.limit(1)) is not None


def speak_for_most(a: Snapshot, b: Snapshot, comparison: Comparison | None = None) -> bool:
    """Whether the categories that both completed hold most of all that is known of either side.

    ``comparison`` is theirs, where it was made before.
    """
    comparison = comparison or compare(a.prices, b.prices)
    return (
        comparison.range_a >= MIN_COMPARABLE_SHARE * a.whole.size
        and comparison.range_b >= MIN_COMPARABLE_SHARE * b.whole.size
    )


def same_list(step: Step, a: Snapshot, b: Snapshot, comparison: Comparison | None = None) -> Match | None:
    """Compare in two stages, Range Overlap and then the match rule; None: not one list, or it cannot be told.

    ``comparison`` is theirs, where it was made before.
    """
    comparison = comparison or compare(a.prices, b.prices)
    if comparison.range_overlap < step.chain.range_overlap or not speak_for_most(a, b, comparison):
        return None
    found = match(comparison, step.chain)
    return found if found.holds else None
