"""Stores leave their groups without being ejected: they closed, or show their whole-list group's prices again."""

import sqlalchemy as sa

from grouping.memberships import exceptions, leave_group, make_ambassador, open_membership
from grouping.references import Step
from splitcart.database.models import Candidate, Membership, Store, StoreCategory, StoreGroup


def drop_inactive(step: Step) -> list[str]:
    """Take inactive stores out of their groups of the scope; return the chain's own ids of those that left.

    A group that loses its Ambassador gets its freshest confirmed member.
    """
    gone = step.session.execute(
        sa.select(Store.id, Membership.group_id)
        .join(Membership, Membership.store_id == Store.id)
        .where(
            Store.company_id == step.company_id,
            Store.is_active.is_(False),
            Membership.until.is_(None),
            Membership.category_id.is_not_distinct_from(step.scope),
            Membership.group_id.is_not(None),
        )
        .order_by(Store.store_id)
    ).all()
    for store_id, group_id in gone:
        group = step.session.get_one(StoreGroup, group_id)
        leave_group(step.session, store_id, step.now, "inactive", category_id=step.scope)
        step.session.execute(sa.delete(Candidate).where(Candidate.group_id == group_id, Candidate.store_id == store_id))
        step.log("inactive", group, store_id)
        if group.ambassador_id == store_id:
            replace_ambassador(step, group)
    return [step.names[store_id] for store_id, _ in gone]


def replace_ambassador(step: Step, group: StoreGroup) -> None:
    """Make the freshest confirmed member without exceptions Ambassador; none if there is no such member."""
    fresh = step.session.execute(
        sa.select(Membership.store_id, Store.store_id, sa.func.max(StoreCategory.covered_at))
        .join(Store, Store.id == Membership.store_id)
        .join(
            StoreCategory,
            sa.and_(StoreCategory.store_id == Membership.store_id, StoreCategory.group_id == Membership.group_id),
        )
        .where(
            Membership.group_id == group.id,
            Membership.until.is_(None),
            Membership.confirmed_at.is_not(None),
            Membership.suspended_at.is_(None),
            Store.is_active.is_(True),
        )
        .group_by(Membership.store_id, Store.store_id)
    ).all()
    silent = exceptions(step.session, [row[0] for row in fresh]) if group.category_id is None else {}
    by_name = sorted((row for row in fresh if row[0] not in silent), key=lambda row: row[1])
    ranked = sorted(by_name, key=lambda row: row[2], reverse=True)
    make_ambassador(step.session, group, ranked[0][0] if ranked else None, step.now)
    if ranked:
        step.log("promoted", group, ranked[0][0])


def follow_whole_list(
    step: Step, store_id: int, category_id: int, crawl_id: int | None, figures: dict[str, object] | None = None
) -> None:
    """End a store's exception in a category (row ids): its crawl shows there what its whole-list group shows.

    A category group that loses its Ambassador so gets its freshest confirmed member.
    """
    place = open_membership(step.session, store_id, category_id)
    if place is None:
        return
    leave_group(step.session, store_id, step.now, "moved", category_id=category_id)
    group = step.session.get(StoreGroup, place.group_id) if place.group_id is not None else None
    step.log("unexcepted", group or whole_list_group(step, store_id), store_id, candidate=crawl_id, figures=figures)
    if group is not None and group.ambassador_id == store_id:
        replace_ambassador(step, group)


def whole_list_group(step: Step, store_id: int) -> StoreGroup | None:
    """Return the whole-list group whose news a store (row id) takes: one that is proven and not in doubt."""
    place = open_membership(step.session, store_id)
    if place is None or place.confirmed_at is None or place.suspended_at is not None:
        return None
    return step.session.get(StoreGroup, place.group_id)
