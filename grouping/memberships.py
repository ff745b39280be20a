"""Who belongs to which group, as intervals; and the small table that the view ``effective_prices`` stands on."""

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.database.models import (
    AmbassadorTenure,
    Base,
    Category,
    Coverage,
    Crawl,
    Membership,
    Store,
    StoreCategory,
    StoreGroup,
)

_EXCEPTIONS = "exceptions"  # where a session remembers them, by store
LOST = frozenset({"ejected", "dissolved"})  # not left for another place


def open_membership(session: Session, store_id: int, category_id: int | None = None) -> Membership | None:
    """Return the store's (row id) open place in a whole-list group, or its open exception for one root category.

    An exception is a place in a group of that category, or (without group) own prices.
    """
    same_category = Membership.category_id.is_(None) if category_id is None else Membership.category_id == category_id
    return session.scalar(
        sa.select(Membership).where(Membership.store_id == store_id, Membership.until.is_(None), same_category)
    )


def open_memberships(session: Session, store_ids: Collection[int]) -> list[Membership]:
    """Return the open places of stores (row ids) in whole-list groups."""
    places = sa.select(Membership).where(
        Membership.store_id.in_(store_ids), Membership.until.is_(None), Membership.category_id.is_(None)
    )
    return list(session.scalars(places))


def members(session: Session, group_id: int) -> list[Membership]:
    """Return the open memberships of a group, ordered by store row id."""
    return members_of(session, [group_id])[group_id]


def members_of(session: Session, group_ids: Collection[int]) -> dict[int, list[Membership]]:
    """Return the open memberships of groups by group, each ordered by store row id."""
    found: dict[int, list[Membership]] = {group_id: [] for group_id in group_ids}
    for place in session.scalars(
        sa.select(Membership)
        .where(Membership.group_id.in_(group_ids), Membership.until.is_(None))
        .order_by(Membership.store_id)
    ):
        found[place.group_id or 0].append(place)
    return found


def join_group(
    session: Session,
    store_id: int,
    group_id: int,
    at: datetime,
    confirmed_at: datetime | None,
    *,
    category_id: int | None = None,
) -> Membership:
    """Open a membership; the store must have no open place for the same scope. Refreshes what the store infers.

    A place in a category group takes the place of own prices there.
    """
    if category_id is not None:
        leave_group(session, store_id, at, "moved", category_id=category_id)
    membership = Membership(
        store_id=store_id, category_id=category_id, group_id=group_id, since=at, until=None, confirmed_at=confirmed_at
    )
    session.add(membership)
    session.flush()
    refresh_store_categories(session, [store_id])
    return membership


def except_category(session: Session, store_id: int, category_id: int, at: datetime) -> None:
    """From ``at`` the store keeps its own prices in one root category, whatever its group shows."""
    if open_membership(session, store_id, category_id) is None:
        session.add(Membership(store_id=store_id, category_id=category_id, group_id=None, since=at, confirmed_at=at))
        session.flush()
        refresh_store_categories(session, [store_id])


def leave_group(
    session: Session, store_id: int, at: datetime, ended_by: str, *, category_id: int | None = None
) -> None:
    """Close the store's whole-list membership with its exceptions, or its place in the group of a category, at ``at``.

    A place in a category group has its own proof and outlives the whole-list membership. Who loses it while its whole
    list has another group keeps its own prices in the category: that group does not show them.
    """
    scope = Membership.category_id == category_id
    if category_id is None:
        scope = sa.or_(Membership.category_id.is_(None), Membership.group_id.is_(None))
    for membership in session.scalars(
        sa.select(Membership).where(Membership.store_id == store_id, Membership.until.is_(None), scope)
    ):
        membership.until = max(at, membership.since)
        membership.ended_by = ended_by
    session.flush()
    if category_id is not None and ended_by in LOST and open_membership(session, store_id) is not None:
        session.add(Membership(store_id=store_id, category_id=category_id, group_id=None, since=at, confirmed_at=at))
        session.flush()
    refresh_store_categories(session, [store_id])


def confirm(session: Session, store_id: int, group_id: int, crawled_at: datetime) -> None:
    """A crawl of ``crawled_at`` proved the membership; lifts a suspension."""
    membership = _place_in(session, store_id, group_id)
    if membership is not None:
        prove(session, membership, crawled_at)


def prove(session: Session, membership: Membership, crawled_at: datetime) -> None:
    """As ``confirm``, of an open membership that is at hand. What was proven before infers what it did."""
    proven = membership.confirmed_at is not None and membership.suspended_at is None
    membership.confirmed_at = max(membership.confirmed_at or crawled_at, crawled_at)
    membership.suspended_at = None
    if not proven:
        session.flush()
        refresh_store_categories(session, [membership.store_id])


def suspend(session: Session, store_id: int, group_id: int, at: datetime) -> None:
    """Until further notice the store's own prices only: its membership is in doubt."""
    membership = _place_in(session, store_id, group_id)
    if membership is not None and membership.suspended_at is None:
        membership.suspended_at = at
        session.flush()
        refresh_store_categories(session, [store_id])


def _place_in(session: Session, store_id: int, group_id: int) -> Membership | None:
    return session.scalar(
        sa.select(Membership).where(
            Membership.store_id == store_id, Membership.group_id == group_id, Membership.until.is_(None)
        )
    )


def make_ambassador(session: Session, group: StoreGroup, store_id: int | None, at: datetime) -> None:
    """Give the group another Ambassador (row id), or none; the list stays as it is."""
    if group.ambassador_id == store_id:
        return
    for tenure in session.scalars(
        sa.select(AmbassadorTenure).where(AmbassadorTenure.group_id == group.id, AmbassadorTenure.until.is_(None))
    ):
        tenure.until = max(at, tenure.since)
    if store_id is not None:
        session.add(AmbassadorTenure(group_id=group.id, store_id=store_id, since=at))
    group.ambassador_id = store_id
    session.flush()


def exceptions(session: Session, store_ids: Collection[int]) -> dict[int, frozenset[int]]:
    """Return the categories in which stores (row ids) do not follow their whole-list group, where there are any.

    The session remembers them until a membership of the store changes.
    """
    known = session.info.setdefault(_EXCEPTIONS, {})
    if unknown := set(store_ids) - known.keys():
        rows = session.execute(
            sa.select(Membership.store_id, sa.type_coerce(Membership.category_id, sa.Integer)).where(
                Membership.until.is_(None), Membership.category_id.is_not(None), Membership.store_id.in_(unknown)
            )
        )
        read: dict[int, set[int]] = {store_id: set() for store_id in unknown}
        for store_id, category_id in rows:
            read[store_id].add(category_id)
        known |= {store_id: frozenset(category_ids) for store_id, category_ids in read.items()}
    return {store_id: known[store_id] for store_id in store_ids if known[store_id]}


STORE_CATEGORY_COLUMNS = ("store_id", "category_id", "covered_at", "crawl_id", "group_id")


def refresh_store_categories(session: Session, store_ids: Collection[int]) -> None:
    """Derive ``store_categories`` of these stores (row ids) anew from coverage and open memberships."""
    if not store_ids:
        return
    for store_id in store_ids:
        session.info.get(_EXCEPTIONS, {}).pop(store_id, None)
    these = {"store_ids": list(store_ids)}
    for statement in _refreshing():
        session.execute(statement, these)


@cache
def _refreshing() -> tuple[sa.Executable, sa.Executable]:
    """Made once: for one store it takes longer to build the statements than to run them."""
    ids: sa.BindParameter[list[int]] = sa.bindparam("store_ids", expanding=True)
    table = Base.metadata.tables[StoreCategory.__tablename__]
    derived = derived_store_categories(Coverage.store_id.in_(ids))
    return (
        sa.delete(table).where(table.c.store_id.in_(ids)),
        sa.insert(table).from_select(list(STORE_CATEGORY_COLUMNS), derived),
    )


def derived_store_categories(*conditions: sa.ColumnElement[bool]) -> sa.Select[*tuple[Any, ...]]:
    """Return what ``store_categories`` is to hold (``STORE_CATEGORY_COLUMNS``), for the coverage that is chosen."""
    newest = (
        sa.select(
            Coverage.store_id,
            Coverage.category_id,
            Coverage.observed_to,
            Coverage.crawl_id,
            sa.func.row_number()
            .over(
                partition_by=(Coverage.store_id, Coverage.category_id),
                order_by=(Coverage.observed_to.desc(), Coverage.observed_from.desc(), Crawl.crawl_id.desc()),
            )
            .label("age"),
        )
        .join(Crawl, Crawl.id == Coverage.crawl_id)
        .where(*conditions)
        .subquery("newest")
    )
    exception, place = sa.orm.aliased(Membership, name="exception"), sa.orm.aliased(Membership, name="place")
    group_of = sa.case(
        (exception.id.is_not(None), _proven_group(exception)),
        else_=_proven_group(place),
    )
    return (
        sa.select(
            newest.c.store_id,
            newest.c.category_id,
            newest.c.observed_to.label("covered_at"),
            newest.c.crawl_id,
            group_of.label("group_id"),
        )
        .join_from(
            newest,
            exception,
            sa.and_(
                exception.store_id == newest.c.store_id,
                exception.category_id == newest.c.category_id,
                exception.until.is_(None),
            ),
            isouter=True,
        )
        .join(
            place,
            sa.and_(place.store_id == newest.c.store_id, place.category_id.is_(None), place.until.is_(None)),
            isouter=True,
        )
        .where(newest.c.age == 1)
    )


def _proven_group(membership: type[Membership]) -> sa.ColumnElement[int | None]:
    return sa.case(
        (sa.and_(membership.confirmed_at.is_not(None), membership.suspended_at.is_(None)), membership.group_id),
        else_=None,
    )


def root_categories(session: Session, company_id: int) -> dict[int, str]:
    """Return the names of a company's root categories by row id."""
    rows = session.execute(
        sa.select(Category.id, Category.name).where(Category.company_id == company_id, Category.root_id.is_(None))
    )
    return {row.id: row.name for row in rows}


def active_groups(session: Session, company_id: int) -> list[StoreGroup]:
    """Return the company's active groups, oldest first."""
    return list(
        session.scalars(
            sa.select(StoreGroup)
            .where(StoreGroup.company_id == company_id, StoreGroup.is_active.is_(True))
            .order_by(StoreGroup.id)
        )
    )


def store_names(session: Session, store_ids: Collection[int]) -> dict[int, str]:
    """Return the chain's own ids of stores by row id."""
    return dict(session.execute(sa.select(Store.id, Store.store_id).where(Store.id.in_(store_ids))).all())
