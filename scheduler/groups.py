"""How each group of a company stands: its members, and what is still in doubt."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.past import LATELY, PastLease
from splitcart.database.models import (
    Candidate,
    Category,
    Crawl,
    GroupEvent,
    InferenceAudit,
    Membership,
    StoreCategory,
    StoreGroup,
)

DIVERGED = "DIVERGENCE_DETECTED"
STALE = "AMBASSADOR_STALE"
HEALTHY = "HEALTHY"
OWN_NEWS = ("news", "news_waiting")  # of the Ambassador
NEWS_EVENTS = (*OWN_NEWS, "shared", "withdrawn")  # all others are about stores
VERDICTS = ("confirmed", "rogue")
CAME_TO_NOTHING = ("failed", "expired")


@dataclass(slots=True, kw_only=True)
class PendingCandidate:
    """A member's crawl without a verdict so far."""

    store: int
    observed_to: datetime
    stamped_at: datetime


@dataclass(slots=True, kw_only=True)
class GroupStanding:
    """One active group. ``category`` is the root category that it is about (None: the whole list).

    ``members`` are the stores (row ids) with an open membership and when each was confirmed, ``suspended`` those
    whose membership is in doubt since some instant. ``judged`` holds (store, instant) of the verdicts,
    ``last_event_at`` when a run last had something to say of the group, ``news_waits_since`` when its Ambassador
    showed news that waits for a second store, ``changed_at`` when it last showed more news than single prices make,
    ``wrong_share`` the share of its inferences that late audits found
    wrong, ``seen`` the newest coverage of its category by store (empty for a whole-list group, whose stores' own
    coverage counts).
    """

    id: int
    name: str
    status: str
    category: str | None
    ambassador: int | None
    last_checked_at: datetime | None
    members: dict[int, datetime | None] = field(default_factory=dict)
    suspended: dict[int, datetime] = field(default_factory=dict)
    pending: list[PendingCandidate] = field(default_factory=list)
    judged: list[tuple[int, datetime]] = field(default_factory=list)
    last_event_at: datetime | None = None
    news_waits_since: datetime | None = None
    changed_at: datetime | None = None
    wrong_share: float = 0.0
    leases: list[PastLease] = field(default_factory=list)
    seen: dict[int, tuple[datetime, datetime]] = field(default_factory=dict)

    @property
    def diverged_at(self) -> datetime | None:
        """When the first of its suspended members was suspended."""
        return min(self.suspended.values(), default=None)

    @property
    def unsuspended(self) -> list[int]:
        """The members whose place is not in doubt, by row id."""
        return [store for store in self.members if store not in self.suspended]

    def leased(self, kind: str, since: datetime) -> list[PastLease]:
        """Return the leases of this step of the queue from ``since`` on that did not come to nothing."""
        return [
            lease
            for lease in self.leases
            if lease.kind == kind and lease.leased_at >= since and lease.outcome not in CAME_TO_NOTHING
        ]


def read_groups(
    session: Session, company_id: int, leases: Iterable[PastLease], now: datetime, event_share: float
) -> list[GroupStanding]:
    """Read the active groups of a company, oldest first; a constant number of queries.

    ``event_share``: from which share of a list on its news is more than single prices.
    """
    groups = {
        row.id: GroupStanding(
            id=row.id,
            name=row.name,
            status=row.status,
            category=row.category,
            ambassador=row.ambassador_id,
            last_checked_at=row.last_checked_at,
        )
        for row in session.execute(
            sa.select(
                StoreGroup.id,
                StoreGroup.name,
                StoreGroup.status,
                Category.name.label("category"),
                StoreGroup.ambassador_id,
                StoreGroup.last_checked_at,
            )
            .join(Category, Category.id == StoreGroup.category_id, isouter=True)
            .where(StoreGroup.company_id == company_id, StoreGroup.is_active.is_(True))
            .order_by(StoreGroup.id)
        )
    }
    _add_members(session, company_id, groups)
    _add_candidates(session, company_id, groups)
    _add_events(session, company_id, groups)
    _add_changes(session, groups, now - LATELY, event_share)
    _add_category_coverage(session, company_id, groups)
    _add_accuracy(session, groups, now - LATELY)
    for lease in leases:
        if group := groups.get(lease.group_id or 0):
            group.leases.append(lease)
    return list(groups.values())


def read_placed(session: Session, company_id: int) -> set[int]:
    """Return the stores (row ids) with an open whole-list membership; all others are outliers."""
    return set(
        session.scalars(
            sa.select(Membership.store_id)
            .join(StoreGroup, StoreGroup.id == Membership.group_id)
            .where(StoreGroup.company_id == company_id, Membership.until.is_(None), Membership.category_id.is_(None))
        )
    )


def _add_members(session: Session, company_id: int, groups: dict[int, GroupStanding]) -> None:
    rows = session.execute(
        sa.select(Membership.group_id, Membership.store_id, Membership.confirmed_at, Membership.suspended_at)
        .join(StoreGroup, StoreGroup.id == Membership.group_id)
        .where(StoreGroup.company_id == company_id, StoreGroup.is_active.is_(True), Membership.until.is_(None))
        .order_by(Membership.store_id)
    )
    for group_id, store_id, confirmed_at, suspended_at in rows:
        if group := groups.get(group_id or 0):
            group.members[store_id] = confirmed_at
            if suspended_at is not None:
                group.suspended[store_id] = suspended_at


def _add_candidates(session: Session, company_id: int, groups: dict[int, GroupStanding]) -> None:
    rows = session.execute(
        sa.select(Candidate.group_id, Candidate.store_id, Crawl.observed_to, Candidate.stamped_at)
        .join(Crawl, Crawl.id == Candidate.crawl_id)
        .where(Crawl.company_id == company_id)
        .order_by(Candidate.id)
    )
    for group_id, store_id, observed_to, stamped_at in rows:
        if group := groups.get(group_id):
            group.pending.append(PendingCandidate(store=store_id, observed_to=observed_to, stamped_at=stamped_at))


def _add_events(session: Session, company_id: int, groups: dict[int, GroupStanding]) -> None:
    last = sa.select(GroupEvent.group_id, sa.func.max(GroupEvent.at)).where(
        GroupEvent.company_id == company_id,
        GroupEvent.kind.not_in(NEWS_EVENTS),
    )
    for group_id, at in session.execute(last.group_by(GroupEvent.group_id)):
        if group := groups.get(group_id or 0):
            group.last_event_at = at
    _add_waiting_news(session, company_id, groups)
    diverged = {group.id: since for group in groups.values() if (since := group.diverged_at)}
    if not diverged:
        return
    verdicts = sa.select(GroupEvent.group_id, GroupEvent.store_id, GroupEvent.at).where(
        GroupEvent.group_id.in_(diverged),
        GroupEvent.verdict.in_(VERDICTS),
        GroupEvent.store_id.is_not(None),
        GroupEvent.at >= min(diverged.values()),
    )
    for group_id, store_id, at in session.execute(verdicts):
        if group_id is not None and store_id is not None:
            groups[group_id].judged.append((store_id, at))


def _add_waiting_news(session: Session, company_id: int, groups: dict[int, GroupStanding]) -> None:
    """News waits until a verdict on another store came after it."""
    of_company = GroupEvent.company_id == company_id, GroupEvent.group_id.is_not(None)
    told = (
        sa.select(GroupEvent.group_id, sa.func.max(GroupEvent.id).label("last"))
        .where(*of_company, GroupEvent.kind == "verdict", GroupEvent.verdict.in_(VERDICTS))
        .group_by(GroupEvent.group_id)
        .subquery()
    )
    waiting = (
        sa.select(GroupEvent.group_id, sa.func.max(GroupEvent.at))
        .join(
            StoreGroup, sa.and_(StoreGroup.id == GroupEvent.group_id, StoreGroup.ambassador_id == GroupEvent.store_id)
        )
        .outerjoin(told, told.c.group_id == GroupEvent.group_id)
        .where(*of_company, GroupEvent.kind == "news_waiting", GroupEvent.id > sa.func.coalesce(told.c.last, 0))
        .group_by(GroupEvent.group_id)
    )
    for group_id, at in session.execute(waiting):
        if group := groups.get(group_id or 0):
            group.news_waits_since = at


def _add_changes(session: Session, groups: dict[int, GroupStanding], since: datetime, event_share: float) -> None:
    news = (
        sa.select(GroupEvent.group_id, GroupEvent.at, GroupEvent.figures)
        .where(GroupEvent.group_id.in_(groups), GroupEvent.kind.in_(OWN_NEWS), GroupEvent.at >= since)
        .order_by(GroupEvent.at)
    )
    for group_id, at, figures in session.execute(news):
        if group_id is not None and (figures or {}).get("share", 0) >= event_share:
            groups[group_id].changed_at = at


def _add_accuracy(session: Session, groups: dict[int, GroupStanding], since: datetime) -> None:
    compared = sa.func.sum(InferenceAudit.inferred_compared)
    audited = sa.select(InferenceAudit.group_id, compared, sa.func.sum(InferenceAudit.inferred_equal)).where(
        InferenceAudit.group_id.in_(groups), InferenceAudit.audited_at >= since
    )
    for group_id, told, right in session.execute(audited.group_by(InferenceAudit.group_id).having(compared > 0)):
        groups[group_id].wrong_share = 1 - int(right) / int(told)


def _add_category_coverage(session: Session, company_id: int, groups: dict[int, GroupStanding]) -> None:
    of_category: defaultdict[int, list[GroupStanding]] = defaultdict(list)
    scopes = sa.select(StoreGroup.id, StoreGroup.category_id).where(
        StoreGroup.company_id == company_id, StoreGroup.is_active.is_(True), StoreGroup.category_id.is_not(None)
    )
    for group_id, category_id in session.execute(scopes):
        if category_id is not None:
            of_category[category_id].append(groups[group_id])
    if not of_category:
        return
    rows = session.execute(
        sa.select(StoreCategory.category_id, StoreCategory.store_id, StoreCategory.covered_at, Crawl.observed_from)
        .join(Crawl, Crawl.id == StoreCategory.crawl_id)
        .where(StoreCategory.category_id.in_(of_category))
    )
    for category_id, store_id, covered_at, observed_from in rows:
        for group in of_category[category_id]:
            if store_id in group.members:
                group.seen[store_id] = (covered_at, observed_from)
