"""What groups of one category are worth, where stores differ in produce alone and each region has few of them.

Twelve stores of ten regions: of 40 produce skus 8 cost something else in each region, the other 360 skus cost the same
everywhere. No two regions are one list, so that no whole-list group holds. Every store is crawled on the first day;
from then on the scheduler leases, up to the rows of two whole stores a day. Prices change daily (1 %) and, at the
chain's change time, weekly (15 %). The same market is played without category groups and with them::

    python -m benchmarks.category_groups

wrong: share of effective prices that differ from the truth at the end of a day, from the second on. rows: crawled after
the first day.
"""

import argparse
import logging
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import mean

import msgspec
import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from grouping import effective_prices
from grouping.run import run_groups
from scheduler import lease_stores, release_lease
from splitcart.config import get_chain
from splitcart.database import open_database, reading, transaction
from splitcart.database.models import Sku, Store
from splitcart.ingest import CrawlIngester
from splitcart.ingest.stores import update_stores
from splitcart.measures.lease import StoreLease
from splitcart.transfer.records import StoreRecord
from tests.ingest.crawl_files import category, product, write_crawl

BEGIN = datetime(2026, 3, 2, 0, tzinfo=UTC)
STORES, REGIONS, APART = 12, 10, 8
ROOTS = {f"root {number}": range(number * 40, number * 40 + 40) for number in range(10)}
PRODUCE = "root 0"
SKUS = [sku for skus in ROOTS.values() for sku in skus]
DAILY, WEEKLY = 0.01, 0.15
WEDNESDAY = 2
CRAWL_MINUTES = 20
NEVER = 10_000


@dataclass
class Score:
    """What one play came to."""

    wrong: list[float] = field(default_factory=list)
    rows: int = 0
    whole: int = 0
    partial: int = 0


class Prices:
    """What each region charges on each day."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(seed)
        self._common = {sku: self._rng.randrange(100, 3000) for sku in SKUS}
        produce = list(ROOTS[PRODUCE])
        self._apart = [dict.fromkeys(self._rng.sample(produce, APART), region + 1) for region in range(REGIONS)]

    def change(self, day: int) -> None:
        """A day begins."""
        share = WEEKLY if day % 7 == WEDNESDAY else DAILY
        for sku in self._rng.sample(SKUS, round(share * len(SKUS))):
            self._common[sku] = self._rng.randrange(100, 3000)

    def of_store(self, number: int) -> dict[int, int]:
        """The list of a store: that of its region."""
        apart = self._apart[number % REGIONS]
        return {sku: price + 7 * apart.get(sku, 0) for sku, price in self._common.items()}


def play(seed: int, days: int, min_category_stores: int, folder: Path) -> Score:
    """Play one market; ``min_category_stores`` above the number of stores: without category groups."""
    rng, prices, score = Random(seed), Prices(seed), Score()
    chain = msgspec.structs.replace(get_chain("aldi"), min_category_stores=min_category_stores)
    engine = open_database(f"sqlite:///{folder}/play.sqlite")
    now = BEGIN

    def clock() -> datetime:
        return now

    ingester = CrawlIngester(engine, folder / "data", clock)
    names = {f"G{number + 1:03}": number for number in range(STORES)}
    with transaction(engine) as session:
        stores = [StoreRecord(store_id=store_id, name=store_id, state="WA") for store_id in names]
        update_stores(session, chain, stores, now, is_whole_sweep=True)
    for day in range(days):
        if day:
            prices.change(day)
        now, spent = BEGIN + timedelta(days=day, hours=8), 0
        while spent < (STORES if day == 0 else 2) * len(SKUS):
            with transaction(engine) as session:
                leases = lease_stores(session, chain, "host", 1, clock, rng)
            if not leases:
                break
            lease = leases[0]
            path, rows = _crawl(folder / "files", lease, prices.of_store(names[lease.store_id]), now)
            now += timedelta(minutes=CRAWL_MINUTES)
            ingester.ingest(path)
            with transaction(engine) as session:
                release_lease(session, lease.lease_id or 0, "finished", None, clock)
            spent += rows
            if day:
                score.rows += rows
                score.whole += lease.categories is None
                score.partial += lease.categories is not None
        now += timedelta(minutes=1)
        run_groups(engine, chain, clock)
        if day:
            score.wrong.append(_wrong(engine, prices, names))
    engine.dispose()
    return score


def _crawl(folder: Path, lease: StoreLease, shelf: dict[int, int], at: datetime) -> tuple[Path, int]:
    roots = lease.categories or list(ROOTS)
    rows = [product(str(sku), root, shelf[sku]) for root in roots for sku in ROOTS[root]]
    scope = [category(root, at, minutes=CRAWL_MINUTES) for root in roots]
    facts = {"complete": lease.categories is None, "asked": lease.categories}
    return write_crawl(folder, rows, scope, store_id=lease.store_id, **facts), len(rows)


def _wrong(engine: sa.Engine, prices: Prices, names: dict[str, int]) -> float:
    wrong = told = 0
    with reading(engine) as session:
        codes = {row.id: int(row.code) for row in session.execute(sa.select(Sku.id, Sku.code))}
        for row in session.execute(sa.select(Store.id, Store.store_id)):
            truth = prices.of_store(names[row.store_id])
            believed = effective_prices(session, row.id)
            told += len(believed)
            wrong += sum(truth[codes[price.sku_id]] != price.offer.price_cents for price in believed)
    return wrong / max(told, 1)


def main() -> None:
    """Read the options, play each seed both ways, print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--days", type=int, default=14)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    table = Table("seed", "category groups", "wrong", "worst day", "rows", "whole crawls", "of one category")
    for seed in range(1, options.seeds + 1):
        for least in (NEVER, get_chain("aldi").min_category_stores):
            with tempfile.TemporaryDirectory() as folder:
                score = play(seed, options.days, least, Path(folder))
            told = (f"{mean(score.wrong):.2%}", f"{max(score.wrong):.2%}", f"{score.rows:,}")
            table.add_row(str(seed), "no" if least == NEVER else "yes", *told, str(score.whole), str(score.partial))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
