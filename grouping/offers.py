"""What shelves showed and lists said at an instant, from their intervals, as set-based SQL."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from splitcart.database.models import OFFER_COLUMNS, Base, Coverage, Sku

price_table = Base.metadata.tables["prices"]
history_table = Base.metadata.tables["price_history"]
list_table = Base.metadata.tables["group_prices"]
list_history_table = Base.metadata.tables["group_price_history"]

# The date of a line that nobody saw begin: it stood there when a store was first looked at, so it is no news to anyone.
BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)


def offer_columns(table: sa.FromClause) -> list[sa.ColumnElement[Any]]:
    """Return the columns of ``table`` that make an offer, in their fixed order."""
    return [table.c[name] for name in OFFER_COLUMNS]


def offer_differs(left: sa.FromClause, right: sa.FromClause) -> sa.ColumnElement[bool]:
    """Return the condition that any part of two offers differs, NULL being a value like any other."""
    return sa.or_(*(left.c[name].is_distinct_from(right.c[name]) for name in OFFER_COLUMNS))


def intervals(*conditions: sa.ColumnElement[bool], store_ids: list[int] | sa.BindParameter[Any]) -> sa.Subquery:
    """Return all intervals of the stores: ``store_id, sku_id, since, until, reason, crawl_id`` and the offer.

    ``until`` is NULL for what is on the shelf. A tombstone is no interval: its last one stands in the history.
    """
    open_ones = sa.select(
        price_table.c.store_id,
        price_table.c.sku_id,
        price_table.c.since,
        sa.cast(sa.null(), price_table.c.since.type).label("until"),
        sa.cast(sa.null(), sa.String(8)).label("reason"),
        price_table.c.crawl_id,
        *offer_columns(price_table),
    ).where(price_table.c.left_at.is_(None), price_table.c.store_id.in_(store_ids))
    closed = sa.select(
        history_table.c.store_id,
        history_table.c.sku_id,
        history_table.c.since,
        history_table.c.until,
        history_table.c.reason,
        history_table.c.crawl_id,
        *offer_columns(history_table),
    ).where(history_table.c.store_id.in_(store_ids))
    both = sa.union_all(open_ones, closed).subquery("intervals")
    if not conditions:
        return both
    return sa.select(both).where(*conditions).subquery("some_intervals")


def shelf_at(store_id: int, at: datetime) -> sa.Subquery:
    """Return the offers on one store's shelf at ``at``, as far as its crawls tell."""
    every = intervals(store_ids=[store_id])
    standing = sa.and_(every.c.since <= at, sa.or_(every.c.until.is_(None), every.c.until > at))
    return sa.select(every).where(standing).subquery("shelf")


def regular_price(table: sa.FromClause) -> sa.ColumnElement[int]:
    """Return the price (cents) of an offer when it is on no special."""
    return sa.func.coalesce(table.c.was_cents, table.c.price_cents)


@cache
def shown_by_crawls(*, scoped: bool) -> sa.Select[Any]:
    """Return what crawls showed: crawl, sku, price, regular price. Made once: it takes as long as to run it.

    Asked with ``crawl_ids``, their ``store_ids``, when the first and the last category was left (``begin``, ``end``),
    and (``scoped``) the root category ``scope``; row ids.
    """
    end, begin = (sa.bindparam(name, type_=Coverage.observed_to.type) for name in ("end", "begin"))
    every = intervals(store_ids=sa.bindparam("store_ids", expanding=True))
    standing = (
        sa.select(
            *(every.c.store_id, every.c.sku_id, every.c.since, every.c.until, every.c.price_cents),
            regular_price(every).label("regular"),
            Sku.root_category_id,
        )
        .join(Sku, Sku.id == every.c.sku_id)
        .where(every.c.since <= end, sa.or_(every.c.until.is_(None), every.c.until > begin))
        .where(Sku.root_category_id == sa.bindparam("scope") if scoped else sa.true())
        .cte("standing")
        .prefix_with("MATERIALIZED", dialect="postgresql")  # it takes the join below to have few rows, and is wrong
    )
    of_category = sa.and_(Coverage.store_id == standing.c.store_id, Coverage.category_id == standing.c.root_category_id)
    return (
        sa.select(Coverage.crawl_id, standing.c.sku_id, standing.c.price_cents, standing.c.regular)
        .join_from(standing, Coverage, of_category)
        .where(
            Coverage.crawl_id.in_(sa.bindparam("crawl_ids", expanding=True)),
            standing.c.since <= Coverage.observed_to,
            sa.or_(standing.c.until.is_(None), standing.c.until > Coverage.observed_to),
        )
    )


@cache
def listed_now(*, scoped: bool) -> sa.Select[Any]:
    """Return what the lists of groups (``group_ids``, row ids) say: group, sku, price, regular price. Made once.

    ``scoped``: of the root category ``scope`` alone.
    """
    line = list_table.c.group_id, list_table.c.sku_id, list_table.c.price_cents, regular_price(list_table)
    group_ids: sa.BindParameter[list[int]] = sa.bindparam("group_ids", expanding=True)
    standing = sa.select(*line).where(list_table.c.group_id.in_(group_ids), list_table.c.left_at.is_(None))
    if not scoped:
        return standing
    of_scope = Sku.root_category_id == sa.bindparam("scope")
    return standing.join(Sku, Sku.id == list_table.c.sku_id).where(of_scope)


def listed_at(group_id: int, at: datetime) -> sa.Select[Any]:
    """Return what a group's list said at an instant: group, sku, price, regular price."""

    def lines(table: sa.Table, *conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
        return sa.select(
            table.c.group_id, table.c.sku_id, table.c.price_cents, regular_price(table).label("regular")
        ).where(table.c.group_id == group_id, *conditions)

    both = sa.union_all(
        lines(list_table, list_table.c.left_at.is_(None), list_table.c.changed_at <= at),
        lines(list_history_table, list_history_table.c.since <= at, list_history_table.c.until > at),
    ).subquery("lines")
    return sa.select(both)
