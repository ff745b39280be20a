"""What history costs on disk: bytes a row of the tables that grow, measured on a real PostgreSQL.

``python -m benchmarks.storage`` fills the tables set-based with rows like those of a supermarket chain, measures tables
and indexes, and prints what a year of daily crawls comes to (docs/scaling.md).
"""

# ruff: noqa: S608 - the statements are made of this file's own words and of numbers

import argparse
from dataclasses import dataclass

import sqlalchemy as sa

from splitcart.database import create_engine, transaction, upgrade
from splitcart.database.partitions import open_months_of
from splitcart.database.statistics import vacuum
from tests.postgres import QUICK, postgres_server

# One offer in three is on special, with the price before it; nine of ten have a unit price.
OFFER = """
  100 + (k * 7919 + n * 31) % 2900, CASE WHEN (k + n) % 3 = 0 THEN 3000 + k % 100 END,
  CASE WHEN k % 10 > 0 THEN 50 + k % 900 END, CASE WHEN k % 10 > 0 THEN '100 g' END,
  CASE WHEN (k + n) % 3 = 0 THEN 'special' END, NULL, NULL, NULL
"""
OFFER_NAMES = (
    "price_cents, was_cents, unit_price_cents, unit_measure, special_kind, multi_buy_quantity, multi_buy_cents,"
    " member_cents"
)
BEGIN = "TIMESTAMPTZ '2026-01-01 00:00+00'"
SCOPE = """
  (SELECT json_agg(json_build_object('category', 'Root category ' || c, 'rows', 1000, 'claimed', true, 'complete', true,
    'observed_from', '2026-03-02T09:00:00.123456+00:00', 'observed_to', '2026-03-02T09:04:00.123456+00:00',
    'problem', NULL)) FROM generate_series(1, 20) c)
"""


@dataclass(frozen=True)
class Measured:
    """Bytes a row of one table: the rows themselves, and their indexes."""

    table: str
    rows: int
    heap: float
    index: float

    @property
    def bytes_a_row(self) -> float:
        """Rows and indexes together."""
        return self.heap + self.index


def fill(engine: sa.Engine, stores: int, skus: int, days: int, changing: float) -> None:
    """Write ``days`` daily crawls of ``stores`` with ``skus`` each, of which ``changing`` change every day."""
    every = round(1 / changing)
    with transaction(engine) as session:
        ends = sa.func.generate_series(sa.text(BEGIN), sa.text(f"{BEGIN} + INTERVAL '{days} days'"), sa.text("'1 day'"))
        open_months_of(session, sa.select(ends.label("at")).subquery().c.at)
        for statement in (
            "INSERT INTO companies (id, slug, name) VALUES (1, 'aldi', 'ALDI')",
            f"""INSERT INTO stores (id, company_id, store_id, name, is_active)
                SELECT s, 1, 'G' || s, 'Store', true FROM generate_series(1, {stores}) s""",
            """INSERT INTO categories (id, company_id, name, path)
               SELECT c, 1, 'Root category ' || c, 'Root category ' || c FROM generate_series(1, 20) c""",
            f"""INSERT INTO skus (id, company_id, code, name, category_id, root_category_id, details_key,
                  details_seen_at, first_seen_at)
                SELECT k, 1, lpad(k::text, 18, '0'), 'An article with a name of usual length ' || k, 1 + k % 20,
                  1 + k % 20, md5(k::text), {BEGIN}, {BEGIN} FROM generate_series(1, {skus}) k""",
            f"""INSERT INTO crawls (crawl_id, company_id, store_id, spider, host, started_at, finished_at,
                  observed_from, observed_to, complete, store_verified, finish_reason, scope, counts, rows,
                  sha256, file,                  ingested_at)
                SELECT 'aldi-g' || s || '-20260302T090000Z-' || lpad(n::text, 6, '0'), 1, s, 'aldi', 'scraper-1',
                  d, d, d,                  d, true, true, 'finished', {SCOPE}, json_build_object(
                    'created', 0, 'changed', 600, 'returned', 3,
                    'left', 5, 'unchanged', 19392, 'gaps', 0, 'implausible', 0, 'list_news', 0, 'skus_created', 0,
                    'skus_updated', 0, 'products_created', 0, 'products_matched', 0, 'quarantined', 0, 'duplicates', 0),
                  {skus},
                  md5(s || '-' || n) || md5(n || '-' || s), 'ingested/aldi/2026-03/aldi-g' || s || '-20260302T090000Z-'
                  || lpad(n::text, 6, '0') || '.jsonl.gz', d
                FROM generate_series(0, {days - 1}) n, generate_series(1, {stores}) s,
                  LATERAL (SELECT {BEGIN} + n * INTERVAL '1 day' AS d) at""",
            """INSERT INTO coverage (crawl_id, category_id, store_id, observed_from, observed_to, rows)
               SELECT w.id, c, w.store_id, w.observed_from, w.observed_to, 1000 FROM crawls w, generate_series(1, 20) c
               ORDER BY w.id, c""",
            f"""INSERT INTO prices (store_id, sku_id, root_category_id, available, since, listed_since, crawl_id,
                  {OFFER_NAMES})
                SELECT s, k, 1 + k % 20, true, {BEGIN}, {BEGIN}, 1, {OFFER}
                FROM generate_series(1, {stores}) s, generate_series(1, {skus}) k, (SELECT 0 AS n) zero
                ORDER BY s, k""",
            f"""INSERT INTO price_history (store_id, sku_id, until, since, reason, crawl_id, {OFFER_NAMES})
                SELECT s, k, {BEGIN} + n * INTERVAL '1 day', {BEGIN} + (n - {every}) * INTERVAL '1 day', 'changed', 1,
                  {OFFER}
                FROM generate_series(1, {days}) n, generate_series(1, {stores}) s, generate_series(1, {skus}) k
                WHERE (k + n) % {every} = 0 ORDER BY n, s, k""",
        ):
            session.execute(sa.text(statement.replace(":", r"\:")))


def measure(engine: sa.Engine) -> list[Measured]:
    """Return the bytes a row of the tables that grow."""
    query = """
        SELECT count(*), coalesce(sum(pg_table_size(p.oid)), 0), coalesce(sum(pg_indexes_size(p.oid)), 0)
        FROM pg_class p WHERE p.oid = '{0}'::regclass
          OR p.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = '{0}'::regclass)
    """
    found = []
    with engine.connect() as connection:
        for table in ("prices", "price_history", "coverage", "crawls"):
            rows = connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
            _, heap, index = connection.exec_driver_sql(query.format(table)).one()
            found.append(Measured(table, rows, float(heap) / rows, float(index) / rows))
    return found


def estimate(measured: list[Measured], stores: int, skus: int, changing: float, days: int) -> dict[str, float]:
    """Return the bytes of each table after ``days`` daily crawls of everything."""
    a_row = {each.table: each.bytes_a_row for each in measured}
    return {
        "prices": stores * skus * a_row["prices"],
        "price_history": stores * skus * changing * days * a_row["price_history"],
        "coverage": stores * 20 * days * a_row["coverage"],
        "crawls": stores * days * a_row["crawls"],
    }


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stores", type=int, default=20)
    parser.add_argument("--skus", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--changing", type=float, default=0.03, help="share of the prices that change every day")
    given = parser.parse_args()
    with postgres_server(QUICK) as url:
        engine = create_engine(url.render_as_string(hide_password=False))
        upgrade(engine)
        fill(engine, given.stores, given.skus, given.days, given.changing)
        vacuum(engine)
        measured = measure(engine)
        with engine.connect() as connection:
            print(connection.exec_driver_sql("SHOW server_version").scalar_one())
        engine.dispose()
    for each in measured:
        print(f"{each.table:15} {each.rows:>12,} rows {each.heap:8.1f} + {each.index:7.1f} = {each.bytes_a_row:8.1f} B")
    for days in (30, 365, 730):
        sizes = estimate(measured, 4_000, 20_000, given.changing, days)
        parts = ", ".join(f"{name} {size / 1e9:,.1f} GB" for name, size in sizes.items())
        print(f"4,000 stores x 20,000 skus, {days} days: {parts}; together {sum(sizes.values()) / 1e9:,.1f} GB")


if __name__ == "__main__":
    main()
