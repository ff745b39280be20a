"""How groups came to be what they are: members, Ambassadors, accuracy and decisions over time."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grouping.accuracy import AccuracyLine, begin_of_step, read_tallies, step_days, tell_accuracy
from grouping.overview import EventLine, GroupLine, list_groups, only_group, read_events
from splitcart.database.models import AmbassadorTenure, Company, GroupEvent, Membership, Store, StoreGroup

STRUCTURE = ("seeded", "founded", "merged", "dissolved", "diverged", "ambassador_rogue", "promoted", "reanalysed")


@dataclass(frozen=True, slots=True)
class MemberStep:
    """Who came and went in a step from ``begins`` on, and how many groups and members there were at its end."""

    begins: date
    groups: int
    members: int
    joined: int
    left: int


@dataclass(frozen=True, slots=True)
class PlaceLine:
    """A store's stay in a group; ``until`` None: it is a member. ``ended_by`` tells how it ended."""

    store_id: str
    name: str
    since: datetime
    until: datetime | None
    ended_by: str | None
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class TenureLine:
    """A store's time as Ambassador."""

    store_id: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class LifeLine:
    """A group from its beginning to its end (None: it is active), and the most members that it ever had."""

    group: GroupLine
    since: datetime
    until: datetime | None
    most_members: int
    ambassadors: int


@dataclass(frozen=True, slots=True)
class Chronicle:
    """The history of one group, or of the groups of one company or of all; steps of 1 or 7 days, oldest first.

    ``places`` and ``tenures`` are told of one group only. Of several groups, events are those that change groups.
    """

    groups: list[LifeLine]
    step_days: int
    steps: list[MemberStep]
    accuracy: list[AccuracyLine]
    places: list[PlaceLine]
    tenures: list[TenureLine]
    events: list[EventLine]


def tell_group(session: Session, group_id: int, events: int) -> Chronicle:
    """Return a group's history with its newest ``events`` log entries; raise InputError for an unknown id."""
    group = only_group(session, group_id)
    places = session.execute(
        sa.select(Membership, Store.store_id, Store.name)
        .join(Store, Store.id == Membership.store_id)
        .where(Membership.group_id == group_id)
        .order_by(Membership.since, Store.store_id)
    ).all()
    tenures = session.execute(
        sa.select(Store.store_id, AmbassadorTenure.since, AmbassadorTenure.until)
        .join(Store, Store.id == AmbassadorTenure.store_id)
        .where(AmbassadorTenure.group_id == group_id)
        .order_by(AmbassadorTenure.since, AmbassadorTenure.id)
    )
    return _chronicle(
        session,
        [group],
        read_events(session, GroupEvent.group_id == group_id, events),
        [
            PlaceLine(store_id, name, place.since, place.until, place.ended_by, place.confirmed_at)
            for place, store_id, name in places
        ],
        [TenureLine(*tenure) for tenure in tenures],
    )


def tell_groups(session: Session, company: str | None, events: int) -> Chronicle:
    """Return the history of the groups of one company (slug) or of all, ended ones among them."""
    changes: sa.ColumnElement[bool] = GroupEvent.kind.in_(STRUCTURE)
    if company is not None:
        of_company = sa.select(Company.id).where(Company.slug == company).scalar_subquery()
        changes = sa.and_(changes, GroupEvent.company_id == of_company)
    return _chronicle(session, list_groups(session, company, ended=True), read_events(session, changes, events))


def _chronicle(
    session: Session,
    groups: list[GroupLine],
    events: list[EventLine],
    places: Iterable[PlaceLine] = (),
    tenures: Iterable[TenureLine] = (),
) -> Chronicle:
    group_ids = [group.id for group in groups]
    stays = _stays(session, group_ids)
    tallies = read_tallies(session, group_ids)
    changes = {at.date() for _, *instants in stays for at in instants if at is not None}
    days = step_days(changes | {day for _, day in tallies})
    return Chronicle(
        _lives(session, groups, stays),
        days,
        _member_steps(stays, sorted({begin_of_step(day, days) for day in changes}), days),
        tell_accuracy(tallies, days),
        list(places),
        list(tenures),
        events,
    )


Stay = tuple[int, datetime, datetime | None]  # group (row id), since, until


def _stays(session: Session, group_ids: Collection[int]) -> list[Stay]:
    rows = session.execute(
        sa.select(sa.type_coerce(Membership.group_id, sa.Integer), Membership.since, Membership.until)
        .where(Membership.group_id.in_(group_ids))
        .order_by(Membership.since)
    )
    return [(group_id, since, until) for group_id, since, until in rows]


def _member_steps(stays: list[Stay], begins: list[date], days: int) -> list[MemberStep]:
    """The steps in which anybody came or went."""

    def step(at: datetime | None) -> date | None:
        return None if at is None else begin_of_step(at.date(), days)

    told = [(group_id, step(since), step(until)) for group_id, since, until in stays]
    steps = []
    for begin in begins:
        here = [group for group, since, until in told if since and since <= begin and (until is None or until > begin)]
        joined = sum(since == begin for _, since, _ in told)
        left = sum(until == begin for *_, until in told)
        steps.append(MemberStep(begin, len(set(here)), len(here), joined, left))
    return steps


def _lives(session: Session, groups: list[GroupLine], stays: list[Stay]) -> list[LifeLine]:
    rows = session.execute(
        sa.select(StoreGroup.id, StoreGroup.created_at, sa.func.count(AmbassadorTenure.store_id.distinct()))
        .join(AmbassadorTenure, AmbassadorTenure.group_id == StoreGroup.id, isouter=True)
        .where(StoreGroup.id.in_([group.id for group in groups]))
        .group_by(StoreGroup.id)
    )
    begun: dict[int, tuple[datetime, int]] = {group_id: (at, ambassadors) for group_id, at, ambassadors in rows}
    of_group: dict[int, list[Stay]] = {}
    for stay in stays:
        of_group.setdefault(stay[0], []).append(stay)
    return [
        LifeLine(
            group,
            begun[group.id][0],
            None
            if group.is_active
            else max((until for *_, until in of_group.get(group.id, []) if until), default=None),
            _most_members(of_group.get(group.id, [])),
            begun[group.id][1],
        )
        for group in groups
    ]


def _most_members(stays: Iterable[Stay]) -> int:
    """The most stays that ever held at once; one that ends at an instant is over before another begins then."""
    changes: list[tuple[datetime, int]] = []
    for _, since, until in stays:
        if since != until:
            changes += [(since, 1), *([(until, -1)] if until else [])]
    most = count = 0
    for _, change in sorted(changes):
        count += change
        most = max(most, count)
    return most
