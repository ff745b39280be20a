"""Ten million current prices on a real PostgreSQL: how long one store, one sku, and the whole price matrix take.

``python -m benchmarks.effective`` fills 500 stores by 20,000 skus set-based, in 25 groups whose lists have news that
the stores have not shown themselves. 30 % of the prices are then updated, as specials are, so that a store's rows do
not lie side by side. Measured are different stores and skus each time, warm: the rows of the view
``effective_prices`` at the client, and ``grouping.effective_prices`` with its objects; then the matrix that
``splitcart group reanalyse`` compares, and how it finds the stores that show one list.
"""

# ruff: noqa: S608 - the statements are made of this file's own words and of numbers

import argparse
import resource
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import psutil
import sqlalchemy as sa

from benchmarks.storage import BEGIN, OFFER, OFFER_NAMES, fill
from grouping import effective_prices
from grouping.answering import answer_here
from grouping.loading import read_matrix
from grouping.references import Step
from grouping.snapshots import read_catalogue
from grouping.stars import read_sky
from splitcart.config import get_chain
from splitcart.database import create_engine, reading, transaction, upgrade
from splitcart.database.statistics import vacuum
from tests.postgres import QUICK, postgres_server

GROUPS, ROUNDS = 25, 40
STORE_AIM_MS, SKU_AIM_MS = 100, 25


def fill_groups(engine: sa.Engine, stores: int, skus: int) -> None:
    """Put the stores of a filled database into groups with lists, and age their prices.

    A fifth of a list's lines changed after the stores were seen, 2 % left since, 1 % are new to all but Ambassadors.
    """
    later = f"{BEGIN} + INTERVAL '30 hours'"
    statements = (
        f"""INSERT INTO store_groups (id, company_id, name, is_active, status, ambassador_id, created_at)
            SELECT g, 1, 'group ' || g, true, 'HEALTHY', g, {BEGIN} FROM generate_series(1, {GROUPS}) g""",
        f"""INSERT INTO store_group_memberships (store_id, group_id, since, confirmed_at)
            SELECT s, 1 + s % {GROUPS}, {BEGIN}, {BEGIN} FROM generate_series(1, {stores}) s""",
        f"""INSERT INTO store_categories (store_id, category_id, covered_at, crawl_id, group_id)
            SELECT s, c, {BEGIN} + s % 24 * INTERVAL '1 hour', 1, 1 + s % {GROUPS}
            FROM generate_series(1, {stores}) s, generate_series(1, 20) c""",
        f"""INSERT INTO group_prices (group_id, sku_id, changed_at, listed_from, left_at, crawl_id, {OFFER_NAMES})
            SELECT n, k, CASE WHEN (k / 20 + n) % 5 = 0 OR (k / 20 + n) % 100 = 7 THEN {later} ELSE {BEGIN} END,
              CASE WHEN (k / 20 + n) % 100 = 7 THEN {later} ELSE {BEGIN} END,
              CASE WHEN (k / 20 + n) % 50 = 9 THEN {later} END, 1, {OFFER}
            FROM generate_series(1, {GROUPS}) n, generate_series(1, {skus}) k ORDER BY n, k""",
        f"DELETE FROM prices WHERE store_id > {GROUPS} AND (sku_id / 20 + 1 + store_id % {GROUPS}) % 100 = 7",
        """UPDATE prices SET price_cents = price_cents + 10 WHERE (store_id * 7 + sku_id * 13) % 10 < 3""",
    )
    with transaction(engine) as session:
        for statement in statements:
            session.execute(sa.text(statement.replace(":", r"\:")))


def measure(engine: sa.Engine, stores: int, skus: int) -> None:
    """Print a table of times."""
    print("| what | rows | median ms | fastest | slowest | aim | work of the server | of the client |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    with reading(engine) as session:
        server = psutil.Process(session.connection().exec_driver_sql("SELECT pg_backend_pid()").scalar_one())

        def view(column: str) -> Callable[[int], int]:
            query = f"SELECT * FROM effective_prices WHERE {column} = %s"
            return lambda key: len(session.connection().exec_driver_sql(query, (key,)).all())

        chosen = range(GROUPS + 1, stores, max(1, stores // ROUNDS))
        some_skus = range(1, skus, skus // ROUNDS)
        line = partial(_line, server)
        line("one store, rows of the view", view("store_id"), chosen, STORE_AIM_MS)
        line("one store, `effective_prices()`", lambda key: len(effective_prices(session, key)), chosen, None)
        line("one sku in all stores, rows of the view", view("sku_id"), some_skus, SKU_AIM_MS)


def _line(server: psutil.Process, name: str, ask: Callable[[int], int], keys: Sequence[int], aim: int | None) -> None:
    ask(keys[0])  # plans
    rows, spent = 0, []
    work_before, work_here_before = server.cpu_times(), time.process_time()
    for key in keys[1:]:
        begin = time.perf_counter()
        rows = ask(key)
        spent.append((time.perf_counter() - begin) * 1e3)
    work, work_here = server.cpu_times(), time.process_time() - work_here_before
    worked = work.user + work.system - work_before.user - work_before.system
    spent.sort()
    print(
        f"| {name} | {rows:,} | **{spent[len(spent) // 2]:.1f}** | {spent[0]:.1f} | {spent[-1]:.1f} | {aim or ''} |"
        f" {worked / len(spent) * 1e3:.1f} | {work_here / len(spent) * 1e3:.1f} |",
        flush=True,
    )


def measure_matrix(engine: sa.Engine, stores: int) -> None:
    """Print how long it takes to read the price matrix, and what memory it needs beside it."""
    begun_with = _peak_mb()
    with reading(engine) as session:
        begin = time.perf_counter()
        catalogue = read_catalogue(session, 1)
        between = time.perf_counter()
        matrix = read_matrix(session, catalogue, range(1, stores + 1), timedelta(hours=48))
        spent = time.perf_counter() - between
    prices, held = int((matrix.price >= 0).sum()), matrix.price.nbytes
    held += 0 if matrix.regular is None else matrix.regular.nbytes
    print(
        f"\nmatrix of {len(matrix):,} by {matrix.price.shape[1]:,}: {prices:,} prices in **{spent:.1f} s**"
        f" ({prices / spent / 1e6:.1f} million a second), catalogue {between - begin:.2f} s,"
        f" {held / 1e6:.0f} MB, {_peak_mb() - begun_with - held / 1e6:.0f} MB beside it",
        flush=True,
    )


def measure_stars(engine: sa.Engine) -> None:
    """Print how long it takes to find which stores show one list: all of a reanalysis but what it changes."""
    now = datetime(2026, 1, 2, tzinfo=UTC)
    with reading(engine) as session:
        for _ in range(2):  # the first time, loops may have to be compiled
            step = Step(session, get_chain("aldi"), 1, read_catalogue(session, 1), now)
            begin, work = time.perf_counter(), time.process_time()
            sky = read_sky(step, answer_here)
            spent, worked = time.perf_counter() - begin, time.process_time() - work
    shared = sum(len(star) > 1 for star in sky.stars)
    print(
        f"\nstars: {sky.distinct} different lists, {shared} shared ones, found in **{spent:.1f} s**"
        f" ({worked:.1f} s of work of the process), {_peak_mb():.0f} MB at most"
    )


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stores", type=int, default=500)
    parser.add_argument("--skus", type=int, default=20_000)
    given = parser.parse_args()
    with postgres_server(QUICK) as url:
        engine = create_engine(url.render_as_string(hide_password=False))
        begin = time.perf_counter()
        upgrade(engine)
        fill(engine, given.stores, given.skus, days=1, changing=0.03)
        fill_groups(engine, given.stores, given.skus)
        vacuum(engine)
        with engine.connect() as connection:
            count = connection.exec_driver_sql("SELECT count(*) FROM prices").scalar_one()
            version = connection.exec_driver_sql("SHOW server_version").scalar_one()
        print(f"PostgreSQL {version}, {count:,} current prices, filled in {time.perf_counter() - begin:.0f} s\n")
        measure(engine, given.stores, given.skus)
        measure_matrix(engine, given.stores)
        measure_stars(engine)
        engine.dispose()


if __name__ == "__main__":
    main()
