"""How fast a product file becomes committed rows, beside COPY of the same rows and beside two ways with an ORM.

Each round times, one after another, on the same server and with the same rows: the reference (binary COPY of the
price rows into a logged table with the same primary key, one transaction), a first load, an unchanged file and one with
3 % of its prices changed, each from the file on disk to committed rows. Every round has two stores of its own: one for
a worker that has taken files of the same price list before, one for a worker that remembers no lines. A third worker
starts in every round and has to read the catalogue first::

    python -m benchmarks.ingestion rounds            # PostgreSQL; --sqlite for SQLite
    python -m benchmarks.ingestion series --files 1000
    python -m benchmarks.ingestion workers
    python -m benchmarks.ingestion keys              # what foreign keys under prices would cost
"""

import argparse
import logging
import resource
import tempfile
from collections import defaultdict
from functools import partial
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from benchmarks.crawl_files import CHANGED, Files, clock, database, list_stores, say_machine, seconds
from splitcart.database import create_engine, transaction
from splitcart.database.bulk import load
from splitcart.database.models import Price
from splitcart.ingest import CrawlIngester
from splitcart.ingest.shelf_lines import ShelfLines

PRICE_COLUMNS = tuple(column.name for column in Price.__table__.columns)
NEW_LINES = ", no line remembered"
STARTING = "the first file of a worker"
FOREIGN_KEYS = {"store_id": "stores", "sku_id": "skus", "root_category_id": "categories", "crawl_id": "crawls"}


class Reference:
    """Price rows of one store, copied into a logged table with the same columns and primary key."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        table = sa.Table("copied_prices", sa.MetaData())
        for column in Price.__table__.columns:
            table.append_column(sa.Column(column.name, column.type, primary_key=column.primary_key))
        self.table = table
        table.metadata.create_all(engine)
        self.stores = 0

    def copy(self, rows: list[tuple[Any, ...]]) -> float:
        """Copy a store's rows under a store id of its own; return the seconds."""
        self.stores += 1
        position = PRICE_COLUMNS.index("store_id")
        mine = [(*row[:position], self.stores, *row[position + 1 :]) for row in rows]

        def work() -> None:
            with transaction(self.engine) as session:
                load(session, self.table, PRICE_COLUMNS, mine)

        return seconds(work)


def rounds(args: argparse.Namespace, console: Console) -> None:
    """Time reference, first load, unchanged and changed files in turn."""
    with tempfile.TemporaryDirectory() as name, database(sqlite=args.sqlite, folder=Path(name)) as engine:
        files = Files(Path(name), args.rows)
        first, *stores = list_stores(engine, 2 * args.rounds + 1)
        worker = partial(CrawlIngester, engine, Path(name) / "data", clock)
        remembers, forgets = worker(), worker(lines=ShelfLines(max_bytes=0))
        path = files.write(first, 0)
        opening = seconds(partial(remembers.ingest, path))
        forgets.ingest(files.write(first, 1))
        with engine.connect() as connection:
            rows = [tuple(row) for row in connection.execute(sa.select(*Price.__table__.columns))]
        reference = Reference(engine)
        found: dict[str, list[float]] = defaultdict(list)
        for number, pair in enumerate(zip(stores[::2], stores[1::2], strict=True)):
            found["reference"].append(reference.copy(rows))
            days = count(4 * number + 2)
            for what, day in zip(("first load", "unchanged", "3 % changed"), days, strict=False):
                if what == "3 % changed":
                    files.change(CHANGED)
                for store_id, ingester, how in zip(pair, (remembers, forgets), ("", NEW_LINES), strict=True):
                    path = files.write(store_id, day)
                    found[what + how].append(seconds(partial(ingester.ingest, path)))
            path = files.write(pair[0], next(days))
            found[f"unchanged, {STARTING}"].append(seconds(partial(worker().ingest, path)))
        table = Table("", "ms a file", "rows/s", "of the reference", title=f"{args.rows:,} rows, {engine.dialect.name}")
        base = median(found["reference"])
        for what, times in found.items():
            value = median(times)
            table.add_row(what, f"{value * 1000:.0f}", f"{args.rows / value:,.0f}", f"{base / value:.2f}")
        table.add_row("the very first file (new skus)", f"{opening * 1000:.0f}", f"{args.rows / opening:,.0f}", "")
        console.print(table)


def series(args: argparse.Namespace, console: Console) -> None:
    """Take in many files in a row, 3 % changed each: how much slower at the end, how much memory."""
    with tempfile.TemporaryDirectory() as name, database(sqlite=args.sqlite, folder=Path(name)) as engine:
        files = Files(Path(name), args.rows)
        stores = list_stores(engine, args.stores)
        ingester = CrawlIngester(engine, Path(name) / "data", clock)
        times, working = [], []
        for number in range(args.files):
            if number % args.stores == 0:
                files.change(CHANGED)
            path = files.write(stores[number % args.stores], number // args.stores)
            began = process_time()
            times.append(seconds(lambda path=path: ingester.ingest(path)))
            working.append(process_time() - began)
            path.unlink()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        console.print(f"{args.files} files of {args.rows:,} rows; peak memory {peak:.0f} MB; ms a file:")
        table = Table("", "first hundred", "second hundred", "last hundred", "last / second")
        for what, values in (("by the clock", times), ("this process at work", working)):
            hundreds = [median(part) * 1000 for part in (values[:100], values[100:200] or values, values[-100:])]
            table.add_row(what, *(f"{value:.0f}" for value in hundreds), f"{hundreds[2] / hundreds[1]:.2f}")
        console.print(table)


def _work(url: str, folder: str, paths: list[Path]) -> None:
    engine = create_engine(url)
    ingester = CrawlIngester(engine, Path(folder) / "data", clock)
    for path in paths:
        ingester.ingest(path)
    engine.dispose()


def workers(args: argparse.Namespace, console: Console) -> None:
    """Take in files with one process, then as many with two."""
    with tempfile.TemporaryDirectory() as name, database(sqlite=args.sqlite, folder=Path(name)) as engine:
        files = Files(Path(name), args.rows)
        stores = list_stores(engine, args.stores)
        ingester = CrawlIngester(engine, Path(name) / "data", clock)
        for store_id in stores:
            ingester.ingest(files.write(store_id, 0))
        url = engine.url.render_as_string(hide_password=False)
        took = {}
        for day, count in enumerate((1, 2), start=1):
            files.change(CHANGED)
            paths = [files.write(store_id, day) for store_id in stores]
            parts = [paths[start::count] for start in range(count)]
            context = get_context("spawn")
            processes = [context.Process(target=_work, args=(url, name, part)) for part in parts]

            def run(processes: list[Any] = processes) -> None:
                for process in processes:
                    process.start()
                for process in processes:
                    process.join()

            took[count] = seconds(run)
        console.print(
            f"{args.stores} files: one worker {took[1]:.2f} s, two {took[2]:.2f} s; ratio {took[1] / took[2]:.2f}"
        )


def keys(args: argparse.Namespace, console: Console) -> None:
    """Write a store's prices into a copy of the table, without and with foreign keys."""
    with tempfile.TemporaryDirectory() as name, database(sqlite=False, folder=Path(name)) as engine:
        files = Files(Path(name), args.rows)
        ingester = CrawlIngester(engine, Path(name) / "data", clock)
        ingester.ingest(files.write(list_stores(engine, 1)[0], 0))
        for title, references in (("without", ()), ("with", FOREIGN_KEYS.items())):
            with engine.begin() as connection:
                connection.exec_driver_sql("CREATE TABLE copied (LIKE prices INCLUDING ALL)")
                for column, other in references:
                    connection.exec_driver_sql(f"ALTER TABLE copied ADD FOREIGN KEY ({column}) REFERENCES {other} (id)")
            took = []
            for _ in range(args.rounds):
                with engine.begin() as connection:
                    connection.exec_driver_sql("TRUNCATE copied")
                with engine.begin() as connection:
                    took.append(seconds(partial(connection.exec_driver_sql, "INSERT INTO copied SELECT * FROM prices")))
            with engine.begin() as connection:
                connection.exec_driver_sql("DROP TABLE copied")
            console.print(f"{args.rows:,} prices {title} foreign keys: {median(took) * 1000:.0f} ms")


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("rounds", "series", "workers", "keys"))
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--stores", type=int, default=50)
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    {"rounds": rounds, "series": series, "workers": workers, "keys": keys}[args.what](args, say_machine())


if __name__ == "__main__":
    main()
