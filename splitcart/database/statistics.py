"""How large the tables are and how fresh their rows, and what keeps them quick."""

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.database.models import Base, Company, Coverage, Crawl, Sku, Store, StoreCategory

# When the newest row of a table was written or observed.
_INSTANTS = {
    "prices": "since",
    "price_history": "until",
    "group_prices": "changed_at",
    "group_price_history": "until",
    "coverage": "observed_to",
    "crawls": "ingested_at",
    "store_categories": "covered_at",
    "stores": "last_scraped_at",
    "skus": "details_seen_at",
    "products": "created_at",
    "group_events": "at",
    "leases": "leased_at",
    "uploads": "received_at",
    "inference_audits": "audited_at",
}


@dataclass(frozen=True, slots=True)
class TableSize:
    """A table's rows and bytes, indexes included; ``newest`` is the latest instant in it, where it has one."""

    name: str
    rows: int
    size_bytes: int | None
    newest: datetime | None


@dataclass(frozen=True, slots=True)
class ChainFreshness:
    """What a chain has, and how old it is: ``newest`` and ``oldest`` are the ends of its stores' newest coverages."""

    company: str
    stores: int
    covered_stores: int
    skus: int
    crawls: int
    newest: datetime | None
    oldest: datetime | None


def table_sizes(session: Session) -> list[TableSize]:
    """Return all tables, the largest first."""
    tables = Base.metadata.tables
    sizes = _sizes(session)
    found = []
    for name, table in tables.items():
        instant = _INSTANTS.get(name)
        newest = sa.func.max(table.c[instant]) if instant else sa.null()
        rows, latest = session.execute(sa.select(sa.func.count(), newest).select_from(table)).one()
        found.append(TableSize(name, rows, sizes.get(name), latest))
    return sorted(found, key=lambda each: (-(each.size_bytes or 0), -each.rows, each.name))


def chain_freshness(session: Session) -> list[ChainFreshness]:
    """Return one line a chain, by slug; stores that a chain no longer lists are left out."""
    seen = (
        sa.select(StoreCategory.store_id, sa.func.max(StoreCategory.covered_at).label("at"))
        .group_by(StoreCategory.store_id)
        .subquery("seen")
    )
    stores = (
        sa.select(
            Store.company_id,
            sa.func.count().label("stores"),
            sa.func.count(seen.c.at).label("covered"),
            sa.func.max(seen.c.at).label("newest"),
            sa.func.min(seen.c.at).label("oldest"),
        )
        .join(seen, seen.c.store_id == Store.id, isouter=True)
        .where(Store.is_active)
        .group_by(Store.company_id)
        .subquery("by_company")
    )
    rows = session.execute(
        sa.select(
            Company.slug,
            sa.func.coalesce(stores.c.stores, 0),
            sa.func.coalesce(stores.c.covered, 0),
            sa.select(sa.func.count()).where(Sku.company_id == Company.id).scalar_subquery(),
            sa.select(sa.func.count()).where(Crawl.company_id == Company.id).scalar_subquery(),
            sa.type_coerce(stores.c.newest, Coverage.observed_to.type),
            sa.type_coerce(stores.c.oldest, Coverage.observed_to.type),
        )
        .join(stores, stores.c.company_id == Company.id, isouter=True)
        .order_by(Company.slug)
    )
    return [ChainFreshness(*row) for row in rows]


def database_size(session: Session) -> int:
    """Return the bytes that the whole database takes on its disk."""
    if session.get_bind().dialect.name == "postgresql":
        size = session.scalar(sa.text("SELECT pg_database_size(current_database())"))
    else:
        size = session.scalar(sa.text("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"))
    return int(size or 0)


def vacuum(engine: sa.Engine, *, full: bool = False) -> None:
    """Free the space of dead rows for new ones, and count anew what the planner goes by.

    ``full`` gives the space back to the disk: every table is rewritten, and nobody else can work meanwhile.
    """
    if engine.dialect.name == "sqlite":
        statements = [*(["VACUUM"] if full else []), "ANALYZE", "PRAGMA optimize", "PRAGMA wal_checkpoint(TRUNCATE)"]
        with closing(engine.raw_connection()) as driver:  # which opens no transaction
            for statement in statements:
                driver.cursor().execute(statement).fetchall()
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        for name in sorted(Base.metadata.tables):
            connection.exec_driver_sql(f"VACUUM ({'FULL, ' if full else ''}ANALYZE) {name}")
        connection.exec_driver_sql("RESET statement_timeout")


def _sizes(session: Session) -> dict[str, int]:
    """Bytes by table, indexes and partitions included; empty for an SQLite that was built without dbstat."""
    if session.get_bind().dialect.name == "postgresql":
        query = sa.text(
            "SELECT c.relname, pg_total_relation_size(c.oid) + coalesce("
            "(SELECT sum(pg_total_relation_size(i.inhrelid)) FROM pg_inherits i WHERE i.inhparent = c.oid), 0)"
            " FROM unnest(CAST(:names AS text[])) AS n, pg_class c WHERE c.oid = CAST(n AS regclass)"
        )
        rows = session.execute(query, {"names": list(Base.metadata.tables)})
        return {name: int(size) for name, size in rows}
    query = sa.text(
        "SELECT m.tbl_name, sum(s.pgsize) AS size FROM dbstat s JOIN sqlite_master m ON m.name = s.name"
        " GROUP BY m.tbl_name"
    )
    try:
        return {row.tbl_name: row.size for row in session.execute(query)}
    except sa.exc.OperationalError:
        return {}
