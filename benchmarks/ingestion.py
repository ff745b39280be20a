"""How fast a product file becomes committed rows, beside COPY of the same rows and beside two ways with an ORM.

Each round times, one after another, on the same server and with the same rows: the reference (binary COPY of the
price rows into a logged table with the same primary key, one transaction), a first load, an unchanged file and one with
3 % of its prices changed, each from the file on disk to committed rows. Every round has a store of its own::

    python -m benchmarks.ingestion rounds            # PostgreSQL; --sqlite for SQLite
    python -m benchmarks.ingestion series --files 1000
    python -m benchmarks.ingestion workers
    python -m benchmarks.ingestion orm
"""

import argparse
import gzip
import logging
import os
import platform
import resource
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from random import Random
from statistics import mean, median
from time import perf_counter
from typing import Any

import sqlalchemy as sa
from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session
from stdnum.ean import calc_check_digit

from splitcart.config import get_chain
from splitcart.database import create_engine, transaction, upgrade
from splitcart.database.bulk import load
from splitcart.database.models import OFFER_COLUMNS, Price, PriceHistory, Sku, Store
from splitcart.ingest import CrawlIngester
from splitcart.ingest.stores import update_stores
from splitcart.transfer.lines import encode_line
from splitcart.transfer.records import CategoryRecord, CrawlRecord, ProductRecord, StoreRecord
from tests.postgres import postgres_server

SERVER = {"shared_buffers": "1GB", "max_wal_size": "4GB"}  # fsync stays on
START = datetime(2026, 3, 2, 2, tzinfo=UTC)
ROOTS = 13
CHANGED = 0.03
COMPANY = "woolworths"
FIRST_STORE = 1001
TEXTS = ("Full Cream", "Organic", "Light", "Crunchy", "Traditional", "Family Pack", "Smooth", "Wholemeal", "Original")
THINGS = ("Milk", "Bread Rolls", "Peanut Butter", "Greek Yoghurt", "Muesli", "Tomato Passata", "Olive Oil", "Biscuits")
PRICE_COLUMNS = tuple(column.name for column in Price.__table__.columns)


class Files:
    """Crawl files of one chain: the same shelf in every store, and what changes from day to day."""

    def __init__(self, folder: Path, rows: int) -> None:
        self.folder, self.rng = folder, Random(1)
        self.rows = [self._product(number) for number in range(rows)]

    def _product(self, number: int) -> ProductRecord:
        rng = self.rng
        brand = f"Brand {rng.randrange(900)}"
        size = rng.choice(("500g", "1kg", "2 x 250mL", "6 pack", "1.25L"))
        digits = f"93{number:010d}"
        price = rng.randrange(90, 3000)
        special = rng.random() < 0.2
        return ProductRecord(
            sku=str(100_000 + number),
            name=f"{brand} {rng.choice(TEXTS)} {rng.choice(THINGS)} {number} {size}",
            brand=brand,
            size=size,
            category_path=[f"Root {number % ROOTS}", f"Aisle {number % (ROOTS * 9)}", f"Shelf {number % (ROOTS * 45)}"],
            price_cents=price,
            was_cents=price + 100 if special else None,
            special_kind="special" if special else None,
            unit_price_cents=price * 2,
            unit_measure="1 kg",
            available=True,
            barcode=digits + calc_check_digit(digits),
            barcode_is_local=False,
            description=f"{rng.choice(TEXTS)} {rng.choice(THINGS)} made in the traditional way, best before see pack.",
            image_url=f"https://cdn0.example/assets/large/{100_000 + number}.jpg",
            url=f"https://www.example/shop/productdetails/{100_000 + number}",
        )

    def change(self, share: float) -> None:
        """Give a share of the rows another price."""
        for position in self.rng.sample(range(len(self.rows)), round(share * len(self.rows))):
            row = self.rows[position]
            self.rows[position] = replace(
                row, price_cents=(row.price_cents or 0) % 3000 + 50, was_cents=row.price_cents
            )

    def write(self, store_id: str, day: int) -> Path:
        """Write a crawl of one store; ``day`` counts from the first crawls."""
        at = START + timedelta(days=day)
        end = at + timedelta(hours=2)
        counts = [0] * ROOTS
        for number in range(len(self.rows)):
            counts[number % ROOTS] += 1
        closing = CrawlRecord(
            crawl_id=f"{COMPANY}-{store_id}-{at:%Y%m%dT%H%M%SZ}-000000",
            spider=COMPANY,
            company=COMPANY,
            store_id=store_id,
            started_at=at,
            finished_at=end,
            rows=len(self.rows),
            complete=True,
            store_verified=True,
            categories=[
                CategoryRecord(category=f"Root {n}", rows=counts[n], complete=True, observed_from=at, observed_to=end)
                for n in range(ROOTS)
            ],
        )
        path = self.folder / f"{closing.crawl_id}.jsonl.gz"
        body = b"".join([*map(encode_line, self.rows), encode_line(closing)])
        path.write_bytes(gzip.compress(body, 6, mtime=0))
        return path


def clock() -> datetime:
    """The benchmark's time: after all crawls."""
    return START + timedelta(days=4000)


@contextmanager
def database(*, sqlite: bool, folder: Path) -> Iterator[sa.Engine]:
    """A migrated database of one's own."""
    if sqlite:
        yield _migrated(f"sqlite:///{folder}/bench.sqlite")
        return
    with postgres_server(SERVER) as url:
        admin = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with admin.connect() as connection:
            connection.exec_driver_sql("CREATE DATABASE bench")
        engine = _migrated(url.set(database="bench").render_as_string(hide_password=False))
        yield engine
        engine.dispose()


def _migrated(url: str) -> sa.Engine:
    engine = create_engine(url)
    upgrade(engine)
    return engine


def list_stores(engine: sa.Engine, count: int) -> list[str]:
    """Put so many stores of the chain into the database; return their ids."""
    ids = [str(FIRST_STORE + number) for number in range(count)]
    rows = [StoreRecord(store_id=store_id, name=f"Store {store_id}", state="WA") for store_id in ids]
    with transaction(engine) as session:
        update_stores(session, get_chain(COMPANY), rows, START, is_whole_sweep=False)
    return ids


def seconds(work: Callable[[], object]) -> float:
    """How long a piece of work takes."""
    began = perf_counter()
    work()
    return perf_counter() - began


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
        folder = Path(name)
        files = Files(folder, args.rows)
        stores = list_stores(engine, args.rounds + 1)
        ingester = CrawlIngester(engine, folder / "data", clock)
        opening = seconds(lambda: ingester.ingest(files.write(stores[0], 0).resolve()))
        reference = Reference(engine)
        found: dict[str, list[float]] = {name: [] for name in ("reference", "first load", "unchanged", "3 % changed")}
        for number, store_id in enumerate(stores[1:], start=1):
            paths = [files.write(store_id, 3 * number), files.write(store_id, 3 * number + 1)]
            files.change(CHANGED)
            paths.append(files.write(store_id, 3 * number + 2))
            with engine.connect() as connection:
                rows = [
                    tuple(row)
                    for row in connection.execute(
                        sa.select(*Price.__table__.columns)
                        .join(Store, Store.id == Price.store_id)
                        .where(Store.store_id == stores[0])
                    )
                ]
            found["reference"].append(reference.copy(rows))
            for what, path in zip(("first load", "unchanged", "3 % changed"), paths, strict=True):
                found[what].append(seconds(lambda path=path: ingester.ingest(path)))
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
        times = []
        for number in range(args.files):
            if number % args.stores == 0:
                files.change(CHANGED)
            path = files.write(stores[number % args.stores], number // args.stores)
            times.append(seconds(lambda path=path: ingester.ingest(path)))
            path.unlink()
        early, late = times[100:200] or times, times[-100:]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        console.print(
            f"{args.files} files of {args.rows:,} rows: second hundred {mean(early) * 1000:.0f} ms a file, last hundred"
            f" {mean(late) * 1000:.0f} ms ({mean(late) / mean(early):.2f}); peak memory {peak:.0f} MB"
        )


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


def _orm_row_by_row(engine: sa.Engine, store: int, rows: list[ProductRecord], at: datetime) -> None:
    """Get or create, one row at a time."""
    with Session(engine) as session, session.begin():
        for row in rows:
            sku = session.scalars(sa.select(Sku).where(Sku.code == row.sku)).one()
            price = session.get(Price, (store, sku.id))
            if price is None:
                session.add(_new_price(store, sku, row, at))
            else:
                _change_price(session, price, row, at)


def _orm_cached(engine: sa.Engine, store: int, rows: list[ProductRecord], at: datetime) -> None:
    """Look-up caches, and bulk writes of 500."""
    with Session(engine) as session, session.begin():
        skus = {sku.code: sku for sku in session.scalars(sa.select(Sku))}
        prices = {price.sku_id: price for price in session.scalars(sa.select(Price).where(Price.store_id == store))}
        fresh = []
        for row in rows:
            sku = skus[row.sku]
            price = prices.get(sku.id)
            if price is None:
                fresh.append(_new_price(store, sku, row, at))
            else:
                _change_price(session, price, row, at)
            if len(fresh) == 500:
                session.bulk_save_objects(fresh)
                fresh.clear()
        session.bulk_save_objects(fresh)


def _new_price(store: int, sku: Sku, row: ProductRecord, at: datetime) -> Price:
    offer = {name: getattr(row, name) for name in OFFER_COLUMNS}
    return Price(
        store_id=store,
        sku_id=sku.id,
        root_category_id=sku.root_category_id,
        available=row.available,
        since=at,
        listed_since=at,
        crawl_id=1,
        **offer,
    )


def _change_price(session: Session, price: Price, row: ProductRecord, at: datetime) -> None:
    if all(getattr(price, name) == getattr(row, name) for name in OFFER_COLUMNS):
        return
    old = {name: getattr(price, name) for name in OFFER_COLUMNS}
    session.add(
        PriceHistory(
            store_id=price.store_id,
            sku_id=price.sku_id,
            since=price.since,
            until=at,
            reason="changed",
            crawl_id=price.crawl_id,
            **old,
        )
    )
    for name in OFFER_COLUMNS:
        setattr(price, name, getattr(row, name))
    price.since = at


def orm(args: argparse.Namespace, console: Console) -> None:
    """The same rows through an ORM, parsed already, beside the ingestion from the file."""
    with tempfile.TemporaryDirectory() as name, database(sqlite=args.sqlite, folder=Path(name)) as engine:
        files = Files(Path(name), args.rows)
        stores = list_stores(engine, 4)
        ingester = CrawlIngester(engine, Path(name) / "data", clock)
        ingester.ingest(files.write(stores[0], 0))
        with engine.connect() as connection:
            ids = list(connection.scalars(sa.select(Store.id).order_by(Store.store_id)))
        first, second = list(files.rows), files.write(stores[1], 1)
        files.change(CHANGED)
        changed, later = list(files.rows), files.write(stores[1], 2)
        table = Table("", "first load, ms", "3 % changed, ms", title=f"{args.rows:,} rows, {engine.dialect.name}")
        day = timedelta(days=1)
        took = [seconds(lambda: ingester.ingest(second)), seconds(lambda: ingester.ingest(later))]
        table.add_row("from the file, all of it", *(f"{value * 1000:.0f}" for value in took))
        for what, work, store in (
            ("ORM, look-up caches, bulk of 500", _orm_cached, ids[2]),
            ("ORM, row by row", _orm_row_by_row, ids[3]),
        ):
            slow = [
                seconds(lambda work=work, store=store: work(engine, store, first, START)),
                seconds(lambda work=work, store=store: work(engine, store, changed, START + day)),
            ]
            cells = (f"{value * 1000:.0f} ({value / own:.1f} times)" for value, own in zip(slow, took, strict=True))
            table.add_row(what, *cells)
        console.print(table)


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("rounds", "series", "workers", "orm"))
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--stores", type=int, default=50)
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    console = Console(width=120)
    console.print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    {"rounds": rounds, "series": series, "workers": workers, "orm": orm}[args.what](args, console)


if __name__ == "__main__":
    main()
