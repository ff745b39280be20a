"""The exports of prices: whole stores at a time."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from splitcart.database import OFFER_COLUMNS
from splitcart.database.models import Company, Crawl, GroupEvent, GroupPrice, Price, Sku, Store, StoreCategory
from splitcart.database.models.base import UtcDateTime
from splitcart.database.views import effective_rows
from splitcart.server.export_queries import Export, Query, Wanted, named, select_row

FILTERS = frozenset({"company", "store", "since", "cursor", "limit"})

_EFFECTIVE_COLUMNS: tuple[sa.ColumnClause[Any], ...] = (
    *(sa.column(name) for name in ("store_id", "sku_id", *OFFER_COLUMNS, "source", "inferred_from", "group_id")),
    sa.column("available", sa.Boolean),
    sa.column("is_new_range", sa.Boolean),
    sa.column("seen_at", UtcDateTime),
)


def _prices(wanted: Wanted) -> Query:
    columns = named(Price) | {"company": Company.slug, "store_id": Store.store_id, "sku": Sku.code}
    return (
        select_row("prices", columns)
        .select_from(Price)
        .join(Sku, Sku.id == Price.sku_id)
        .join(Store, Store.id == Price.store_id)
        .join(Company, Company.id == Store.company_id)
        .where(Price.store_id.in_(_page(wanted)), Price.left_at.is_(None))
    )


def _effective_prices(wanted: Wanted) -> Query:
    source = aliased(Store)
    rows = sa.text(effective_rows(_page(wanted))).columns(*_EFFECTIVE_COLUMNS).subquery("effective_prices").c
    columns = dict(rows) | {
        "company": Company.slug,
        "store_id": Store.store_id,
        "sku": Sku.code,
        "inferred_from": source.store_id,
        "group": rows.group_id,
    }
    return (
        select_row("effective-prices", columns)
        .join(Sku, Sku.id == rows.sku_id)
        .join(Store, Store.id == rows.store_id)
        .join(Company, Company.id == Store.company_id)
        .outerjoin(source, source.id == rows.inferred_from)
        .where(rows.store_id.in_(_page(wanted)))
    )


def _price_marks(wanted: Wanted) -> list[Query]:
    """The crawls that the stores' rows were made from, and what each changed: a replay may count otherwise."""
    columns = named(Crawl)
    crawls = sa.select(*(columns[name] for name in ("id", "store_id", "sha256", "ingested_at", "counts")))
    return [crawls.where(Crawl.store_id.in_(_page(wanted)))]


def _effective_marks(wanted: Wanted) -> list[Query]:
    """A store's own crawls, which groups it listens to in which categories, and what stands on their lists."""
    places = sa.select(StoreCategory.__table__).where(StoreCategory.store_id.in_(_page(wanted)))
    groups = sa.select(StoreCategory.group_id).where(StoreCategory.store_id.in_(_page(wanted)))
    lists = sa.select(GroupPrice.__table__).where(GroupPrice.group_id.in_(groups))
    return [*_price_marks(wanted), places, lists]


def _crawled(since: datetime) -> sa.ColumnElement[bool]:
    return Store.id.in_(sa.select(Crawl.store_id).where(Crawl.ingested_at >= since))


def _crawled_or_told(since: datetime) -> sa.ColumnElement[bool]:
    """A store that was crawled or moved, or whose group may have news: one of it was crawled, or it was checked."""
    of_crawled = sa.select(StoreCategory.group_id).join(Crawl, Crawl.store_id == StoreCategory.store_id)
    checked = sa.select(GroupEvent.group_id).where(GroupEvent.at >= since, GroupEvent.group_id.is_not(None))
    with_news = of_crawled.where(Crawl.ingested_at >= since, StoreCategory.group_id.is_not(None)).union(checked)
    told = sa.select(StoreCategory.store_id).where(StoreCategory.group_id.in_(with_news))
    moved = sa.select(GroupEvent.store_id).where(GroupEvent.at >= since, GroupEvent.store_id.is_not(None))
    return sa.or_(_crawled(since), Store.id.in_(told), Store.id.in_(moved))


def _page(wanted: Wanted) -> tuple[int, ...]:
    if wanted.stores is None:
        raise ValueError("prices are read in pages of stores")
    return wanted.stores


PRICES: tuple[Export, ...] = (
    Export("prices", _prices, _price_marks, FILTERS, _crawled),
    Export("effective-prices", _effective_prices, _effective_marks, FILTERS, _crawled_or_told),
)
