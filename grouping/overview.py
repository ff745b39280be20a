"""How the groups of a company stand, for people and programs to read."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grouping.accuracy import AccuracyLine, read_tallies, step_days, tell_accuracy
from splitcart.database.models import (
    Candidate,
    Category,
    Company,
    GroupEvent,
    InferenceAudit,
    Membership,
    Store,
    StoreGroup,
)
from splitcart.errors import InputError


@dataclass(frozen=True, slots=True)
class GroupLine:
    """One group at a glance. ``accuracy`` is the share of audited inferences that were right; None: none audited."""

    id: int
    company: str
    name: str
    category: str | None
    is_active: bool
    status: str
    ambassador: str | None
    members: int
    unconfirmed: int
    suspended: int
    candidates: int
    last_checked_at: datetime | None
    accuracy: float | None
    audited: int


@dataclass(frozen=True, slots=True)
class MemberLine:
    """A member by the chain's own id, with the root categories in which it does not follow the group.

    An exception that follows a category group is told with that group's name.
    """

    store_id: str
    name: str
    since: datetime
    confirmed_at: datetime | None
    suspended_at: datetime | None
    exceptions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventLine:
    """One entry of the group's log."""

    at: datetime
    kind: str
    group: str | None
    store_id: str | None
    verdict: str | None
    figures: dict[str, Any]


@dataclass(frozen=True, slots=True)
class GroupDetails:
    """A group with its members, its accuracy over time (oldest first), and the newest log entries, newest first.

    A step of the accuracy is of ``step_days``.
    """

    line: GroupLine
    members: list[MemberLine]
    step_days: int
    accuracy: list[AccuracyLine]
    events: list[EventLine]


def list_groups(
    session: Session, company: str | None = None, *, ended: bool = False, group_ids: Collection[int] | None = None
) -> list[GroupLine]:
    """Return the groups of one company (slug) or of all, largest first; ``ended`` adds those that are no more."""
    place = sa.select(
        Membership.group_id,
        sa.func.count().label("members"),
        sa.func.sum(sa.case((Membership.confirmed_at.is_(None), 1), else_=0)).label("unconfirmed"),
        sa.func.sum(sa.case((Membership.suspended_at.is_not(None), 1), else_=0)).label("suspended"),
    ).where(Membership.until.is_(None))
    places = place.group_by(Membership.group_id).subquery("places")
    audits = (
        sa.select(
            InferenceAudit.group_id,
            sa.func.sum(InferenceAudit.inferred_compared).label("compared"),
            sa.func.sum(InferenceAudit.inferred_equal).label("equal"),
        )
        .group_by(InferenceAudit.group_id)
        .subquery("audits")
    )
    waiting = (
        sa.select(Candidate.group_id, sa.func.count().label("candidates"))
        .group_by(Candidate.group_id)
        .subquery("waiting")
    )
    query = (
        sa.select(
            StoreGroup,
            Company.slug,
            Category.name.label("category"),
            Store.store_id.label("ambassador"),
            *(places.c[name] for name in ("members", "unconfirmed", "suspended")),
            audits.c.compared,
            audits.c.equal,
            waiting.c.candidates,
        )
        .join(Company, Company.id == StoreGroup.company_id)
        .join(Category, Category.id == StoreGroup.category_id, isouter=True)
        .join(Store, Store.id == StoreGroup.ambassador_id, isouter=True)
        .join(places, places.c.group_id == StoreGroup.id, isouter=True)
        .join(audits, audits.c.group_id == StoreGroup.id, isouter=True)
        .join(waiting, waiting.c.group_id == StoreGroup.id, isouter=True)
        .order_by(Company.slug, sa.func.coalesce(places.c.members, 0).desc(), StoreGroup.id)
    )
    if company is not None:
        query = query.where(Company.slug == company)
    if not ended:
        query = query.where(StoreGroup.is_active.is_(True))
    if group_ids is not None:
        query = query.where(StoreGroup.id.in_(group_ids))
    return [_group_line(row) for row in session.execute(query)]


def _group_line(row: Any) -> GroupLine:
    group: StoreGroup = row.StoreGroup
    audited = int(row.compared or 0)
    return GroupLine(
        id=group.id,
        company=row.slug,
        name=group.name,
        category=row.category,
        is_active=group.is_active,
        status=group.status,
        ambassador=row.ambassador,
        members=row.members or 0,
        unconfirmed=int(row.unconfirmed or 0),
        suspended=int(row.suspended or 0),
        candidates=row.candidates or 0,
        last_checked_at=group.last_checked_at,
        accuracy=int(row.equal) / audited if audited else None,
        audited=audited,
    )


def only_group(session: Session, group_id: int) -> GroupLine:
    """Return one group, ended or not; raise InputError for an unknown id."""
    lines = list_groups(session, ended=True, group_ids=[group_id])
    if not lines:
        raise InputError(f"there is no group {group_id}; splitcart group list --ended shows their ids")
    return lines[0]


def read_events(session: Session, condition: sa.ColumnElement[bool], most: int) -> list[EventLine]:
    """Return the newest ``most`` log entries that fulfil a condition, newest first."""
    rows = session.execute(
        sa.select(GroupEvent, StoreGroup.name, Store.store_id)
        .join(StoreGroup, StoreGroup.id == GroupEvent.group_id, isouter=True)
        .join(Store, Store.id == GroupEvent.store_id, isouter=True)
        .where(condition)
        .order_by(GroupEvent.id.desc())
        .limit(most)
    )
    return [
        EventLine(event.at, event.kind, group, store_id, event.verdict, event.figures)
        for event, group, store_id in rows
    ]


def show_group(session: Session, group_id: int, events: int = 30) -> GroupDetails:
    """Return one group with its members and its last ``events`` log entries; raise InputError for an unknown id."""
    line = only_group(session, group_id)
    places = session.execute(
        sa.select(Membership, Store.store_id, Store.name)
        .join(Store, Store.id == Membership.store_id)
        .where(Membership.group_id == group_id, Membership.until.is_(None))
        .order_by(Store.store_id)
    )
    excepted = _excepted(session) if line.category is None else {}
    members = [
        MemberLine(
            store_id,
            name,
            place.since,
            place.confirmed_at,
            place.suspended_at,
            tuple(excepted.get(place.store_id, ())),
        )
        for place, store_id, name in places
    ]
    tallies = read_tallies(session, [group_id])
    days = step_days([day for _, day in tallies])
    told = read_events(session, GroupEvent.group_id == group_id, events)
    return GroupDetails(line, members, days, tell_accuracy(tallies, days), told)


def _excepted(session: Session) -> dict[int, list[str]]:
    """The categories in which stores (row ids) do not follow their whole-list group, with the group they follow."""
    rows = session.execute(
        sa.select(Membership.store_id, Category.name, StoreGroup.name)
        .join(Category, Category.id == Membership.category_id)
        .join(StoreGroup, StoreGroup.id == Membership.group_id, isouter=True)
        .where(Membership.until.is_(None))
        .order_by(Category.name)
    )
    found: dict[int, list[str]] = {}
    for store_id, category, followed in rows:
        found.setdefault(store_id, []).append(f"{category} ({followed})" if followed else category)
    return found
