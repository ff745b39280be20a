"""What benchmarks of the ingestion share: crawl files of a made-up chain, and a database of one's own for them."""

import gzip
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from time import perf_counter

import sqlalchemy as sa
from rich.console import Console
from stdnum.ean import calc_check_digit

from splitcart.config import get_chain
from splitcart.database import create_engine, transaction, upgrade
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
            price = (row.price_cents or 0) % 3000 + 50
            self.rows[position] = replace(row, price_cents=price, was_cents=row.price_cents, unit_price_cents=2 * price)

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


def say_machine() -> Console:
    """Print what the figures are of; return the console for them."""
    console = Console(width=120)
    console.print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    return console
