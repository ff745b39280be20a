"""How quickly prices leave the server, and in how much memory, on a real PostgreSQL.

    python -m benchmarks.exports

bare: a server-side cursor of the driver over the table ``prices``, 2,000 rows at a time, whose rows nobody looks at.
lines: the rows of an export as the server makes them, one scan, without HTTP. http: the whole export over loopback, in
one page or in pages of 25 stores, gzip, read by another process that throws it away. The ways take turns.
"""

# ruff: noqa: S603, S608 - the statements and the reader are made of this file's own words and of numbers

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psutil
import psycopg
import sqlalchemy as sa
from pydantic import SecretStr

from benchmarks.storage import fill
from splitcart.config import Settings
from splitcart.database import create_engine, reading, transaction, upgrade
from splitcart.database.statistics import vacuum
from splitcart.database.streaming import CHUNK, fingerprint, stream_rows
from splitcart.server import BackgroundServer, create_app
from splitcart.server.export_queries import Export, Wanted
from splitcart.server.price_queries import PRICES
from tests.postgres import QUICK, postgres_server

KEY = "sc_benchmark"
SERVER = {**QUICK, "shared_buffers": "512MB"}
READER = """
import sys, requests
address, key, limit = sys.argv[1:]
session = requests.Session()
session.headers.update({"X-API-Key": key, "Accept-Encoding": "gzip"})
query = "?limit=" + limit
while query:
    with session.get(address + query, stream=True) as answer:
        answer.raise_for_status()
        while answer.raw.read(1 << 18):
            pass
        query = answer.links.get("next", {}).get("url")
"""
STORES_A_GROUP = 10


def make_chain(engine: sa.Engine, stores: int, skus: int) -> None:
    """Fill the tables: a crawl of each store, groups of ten, and lists of which a tenth is news to their members."""
    fill(engine, stores, skus, 1, 0.03)
    groups = max(1, stores // STORES_A_GROUP)
    with transaction(engine) as session:
        for statement in (
            f"""INSERT INTO store_groups (company_id, name, is_active, status, created_at)
                SELECT 1, 'Group ' || g, true, 'HEALTHY', now() FROM generate_series(1, {groups}) g""",
            f"""INSERT INTO store_categories (store_id, category_id, covered_at, crawl_id, group_id)
                SELECT s.id, c.id, '2026-01-01 00:00+00', w.id, 1 + s.id % {groups}
                FROM stores s JOIN crawls w ON w.store_id = s.id, categories c""",
            f"""INSERT INTO store_group_memberships (store_id, group_id, since, confirmed_at)
                SELECT id, 1 + id % {groups}, '2026-01-01 00:00+00', '2026-01-01 00:00+00' FROM stores""",
            """INSERT INTO group_prices (group_id, sku_id, changed_at, listed_from, crawl_id, price_cents)
                SELECT g.id, k.id, TIMESTAMPTZ '2026-01-02 00:00+00' - (k.id % 10 <> 0)::int * INTERVAL '9 days',
                  '2025-01-01 00:00+00', (SELECT min(id) FROM crawls), 500 FROM store_groups g, skus k""",
        ):
            session.execute(sa.text(statement))
    vacuum(engine)


def bare(engine: sa.Engine) -> int:
    """Read the table with the driver's server-side cursor; return its rows."""
    with reading(engine) as session:
        driver = session.connection().connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        with driver.cursor("bare", binary=True) as cursor:
            cursor.itersize = CHUNK
            cursor.execute("SELECT * FROM prices WHERE left_at IS NULL")
            return sum(1 for _ in cursor)


def lines(engine: sa.Engine, export: Export, stores: int) -> int:
    """Make the lines of an export in one scan; return how many."""
    count = 0
    with reading(engine) as session:
        for rows in stream_rows(session, export.rows(Wanted(stores=tuple(range(1, stores + 1))))):
            export.encode(rows)
            count += len(rows)
    return count


def marks(engine: sa.Engine, export: Export, stores: int) -> None:
    """Tell whether the export has changed."""
    wanted = Wanted(stores=tuple(range(1, stores + 1)))
    with reading(engine) as session:
        for query in export.marks(wanted):
            fingerprint(session, query)


def http(url: str, kind: str, limit: int) -> None:
    """Read a whole export over HTTP with a process of its own."""
    address = f"{url}/api/export/{kind}/"
    subprocess.run([sys.executable, "-c", READER, address, KEY, str(limit)], check=True, stdout=subprocess.DEVNULL)


def timed(work: Callable[[], object]) -> float:
    """Return seconds."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--stores", type=int, default=50)
    parser.add_argument("--skus", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with postgres_server(SERVER) as url, TemporaryDirectory() as folder:
        engine = create_engine(url.render_as_string(hide_password=False))
        upgrade(engine)
        make_chain(engine, given.stores, given.skus)
        settings = Settings(data_dir=Path(folder), api_secret_key=SecretStr(KEY))
        with BackgroundServer(create_app(settings, engine, lambda: datetime.now(UTC))) as server:
            rows = bare(engine)
            ways: dict[str, Callable[[], object]] = {"bare cursor": lambda: bare(engine)}
            for export in PRICES:
                ways[f"{export.kind}, lines"] = lambda export=export: lines(engine, export, given.stores)
                ways[f"{export.kind}, http"] = lambda export=export: http(server.url, export.kind, given.stores)
                ways[f"{export.kind}, pages of 25"] = lambda export=export: http(server.url, export.kind, 25)
            process = psutil.Process(os.getpid())
            found: dict[str, list[float]] = {name: [] for name in ways}
            memory = {}
            for _ in range(given.rounds):
                for name, work in ways.items():
                    found[name].append(timed(work))
                    memory[name] = process.memory_info().rss >> 20
            tags = {e.kind: median(timed(lambda e=e: marks(engine, e, given.stores)) for _ in range(5)) for e in PRICES}
        engine.dispose()
    print(f"{rows:,} rows of {given.stores} stores; median of {given.rounds} rounds, Python {sys.version.split()[0]}")
    least = median(found["bare cursor"])
    for name, seconds in found.items():
        speed = rows / median(seconds)
        print(f"{name:32} {speed:>10,.0f} rows/s {least / median(seconds):5.2f} of the bare cursor, {memory[name]} MB")
    for kind, seconds in tags.items():
        print(f"{kind:32} {seconds * 1000:>8.1f} ms to tell that all is unchanged")


if __name__ == "__main__":
    main()
