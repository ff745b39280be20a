"""What a store's shelf showed at an instant, from its intervals, as set-based SQL."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from splitcart.database.models import OFFER_COLUMNS, Base

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
