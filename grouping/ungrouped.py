"""Stores that look for a place: in a group of whole lists, or in one of a category whose list no group gives them."""

import sqlalchemy as sa

from grouping.memberships import root_categories
from grouping.references import Step
from splitcart.database.models import Division, Membership, Store, StoreCategory, StoreGroup


def ungrouped(step: Step) -> list[int]:
    """The active, covered stores (row ids) of kept divisions without a place in the step's scope, by their own ids.

    A category looks for a place where the store is in no whole-list group, or is excepted from its own.
    """
    covered = sa.select(StoreCategory.store_id)
    if step.scope is not None:
        covered = covered.where(StoreCategory.category_id == step.scope)
    query = sa.select(Store.id).where(
        *_to_place(step), Store.id.in_(covered), _lacks_place() if step.scope is None else _lacks_list(step.scope)
    )
    return list(step.session.scalars(query.order_by(Store.store_id)))


def categories_to_place(step: Step) -> list[int]:
    """The root categories (row ids) in which a category group may be founded, joined or merged, ordered by name."""
    wanting = step.session.scalars(
        sa.select(StoreCategory.category_id)
        .join(Store, Store.id == StoreCategory.store_id)
        .where(*_to_place(step), _lacks_list(StoreCategory.category_id))
        .distinct()
    )
    names = root_categories(step.session, step.company_id)
    return sorted({*wanting, *category_groups(step)}, key=lambda category_id: names[category_id])


def category_groups(step: Step) -> list[int]:
    """The root categories (row ids) that have active groups, ordered by name."""
    having = sa.select(StoreGroup.category_id).where(
        StoreGroup.company_id == step.company_id, StoreGroup.is_active.is_(True), StoreGroup.category_id.is_not(None)
    )
    names = root_categories(step.session, step.company_id)
    return sorted((row for row in step.session.scalars(having.distinct()) if row is not None), key=names.__getitem__)


def kept_divisions(step: Step) -> list[sa.ColumnElement[bool]]:
    """The condition that a store belongs to a division that the chain's settings keep; none: all are kept."""
    if not step.chain.divisions_kept:
        return []
    kept = sa.select(Division.id).where(
        Division.company_id == step.company_id, Division.name.in_(step.chain.divisions_kept)
    )
    return [Store.division_id.in_(kept)]


def _to_place(step: Step) -> list[sa.ColumnElement[bool]]:
    return [Store.company_id == step.company_id, Store.is_active.is_(True), *kept_divisions(step)]


def _open_row(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.exists().where(Membership.store_id == Store.id, Membership.until.is_(None), *conditions)


def _lacks_place() -> sa.ColumnElement[bool]:
    return ~_open_row(Membership.category_id.is_(None))


def _lacks_list(category_id: int | sa.orm.InstrumentedAttribute[int]) -> sa.ColumnElement[bool]:
    """No category group speaks for the store here, nor does a whole-list group."""
    here = Membership.category_id == category_id
    return sa.and_(~_open_row(here, Membership.group_id.is_not(None)), sa.or_(_lacks_place(), _open_row(here)))
