"""Stores that closed leave their groups."""

import sqlalchemy as sa

from grouping.memberships import leave_group, make_ambassador
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
    silent = step.exceptions([row[0] for row in fresh])
    by_name = sorted((row for row in fresh if row[0] not in silent), key=lambda row: row[1])
    ranked = sorted(by_name, key=lambda row: row[2], reverse=True)
    make_ambassador(step.session, group, ranked[0][0] if ranked else None, step.now)
    if ranked:
        step.log("promoted", group, ranked[0][0])
