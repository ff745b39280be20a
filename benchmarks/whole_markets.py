"""Crawl every store of a market, in fine weather or in foul, and compare with its truth.

``python -m benchmarks.whole_markets --stores 40 --skus 1500 iga`` serves a market of the chain, crawls every store with
``scrapy crawl`` (without pauses, several processes), and compares each file with what the shelf shows. ``--foul``: the
site blocks, limits, resets, cuts off and fails, and crawls are killed; those that did not come to their end are started
again until every store was seen whole. A row that is missing, doubled, foreign or mispriced is named; exit code 1.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from splitcart.replica.config import CHAINS, MarketConfig, default_chains
from splitcart.replica.market import Market
from splitcart.replica.server import ReplicaServer
from splitcart.replica.sites.weather import Fault, Rule
from splitcart.replica.stores import MarketStore
from splitcart.transfer import read_crawl_file
from splitcart.transfer.records import CrawlRecord
from splitcart.transfer.rows import ProductRow

NOW = datetime(2026, 11, 5, 2, tzinfo=UTC)
OFFER = (
    *("price_cents", "was_cents", "unit_price_cents", "unit_measure", "special_kind"),
    *("multi_buy_quantity", "multi_buy_cents", "member_cents"),
)
FOUL = (
    Rule(fault=Fault.RESET, after=20, every=97),
    Rule(fault=Fault.RATE_LIMIT, after=30, every=211, seconds=0),
    Rule(fault=Fault.SERVER_ERROR, after=40, every=149),
    Rule(fault=Fault.TRUNCATE, after=50, every=173),
    Rule(fault=Fault.HTML, after=400, every=1501),
    Rule(fault=Fault.BLOCK, after=700, every=1999),
)
KILL_SECONDS = (3.0, 12.0)
MAX_ROUNDS = 60


def truth(market: Market, chain: str, store_id: str) -> dict[str, Any]:
    """What the shelf shows; a sku whose price is hidden has none of an offer."""
    return {
        code: tuple(getattr(offer, name) for name in OFFER) if offer.price_shown else None
        for code, offer in market.offers(chain, store_id, NOW).items()
    }


def files(outbox: Path) -> Iterable[tuple[list[ProductRow], CrawlRecord]]:
    for path in sorted(outbox.glob("*.jsonl.gz")):
        *rows, closing = [record for _, record in read_crawl_file(path)]
        assert isinstance(closing, CrawlRecord)
        yield [row for row in rows if isinstance(row, ProductRow)], closing


def wrong_rows(market: Market, chain: str, rows: Sequence[ProductRow], closing: CrawlRecord) -> list[str]:
    """Name the rows of a file that are not the store's, and those that it lacks in a complete category."""
    assert closing.store_id is not None
    expected = truth(market, chain, closing.store_id)
    seen: dict[str, Any] = {}
    wrong = []
    for row in rows:
        if row.sku in seen:
            wrong.append(f"{closing.store_id}: {row.sku} twice")
        seen[row.sku] = tuple(getattr(row, name) for name in OFFER) if row.price_cents is not None else None
        if row.sku not in expected or seen[row.sku] != expected[row.sku]:
            wrong.append(f"{closing.store_id}: {row.sku} is {expected.get(row.sku)}, not {seen[row.sku]}")
    complete = {record.category for record in closing.categories if record.complete}
    skus = market.skus(chain)
    lost = [code for code in expected if code not in seen and skus[code].root in complete]
    return wrong + [f"{closing.store_id}: {code} is missing" for code in lost]


def crawl(chain: str, stores: Sequence[MarketStore], environment: dict[str, str], killed_after: float | None) -> None:
    """Crawl these stores in one process, and kill it after so many seconds."""
    named = ",".join("@".join(filter(None, (store.store_id, store.retailer_store_id))) for store in stores)
    command = [sys.executable, "-m", "scrapy", "crawl", chain, "-a", f"store={named}", "-s", "LOG_LEVEL=CRITICAL"]
    command += ["-s", "DOWNLOAD_DELAY=0", "-s", "RETRY_AFTER_DEFAULT_SECONDS=0", "-s", "RETRY_TIMES=1"]
    with subprocess.Popen(command, env=environment) as process:  # noqa: S603 - our own
        try:
            process.wait(killed_after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)


def play(chain: str, market: Market, folder: Path, *, foul: bool) -> tuple[list[str], dict[str, int]]:
    """Crawl until every store was seen whole; return what was wrong, and figures."""
    rng = Random(1)
    stores = [store for store in market.stores(chain) if store.priced]
    outbox = folder / "product_outbox"
    rounds = kills = 0
    with ReplicaServer(market, lambda: NOW) as server:
        if foul:
            for rule in FOUL:
                server.weather.add(rule)
        environment = os.environ | server.urls
        environment |= {"SPLITCART_DATA_DIR": str(folder), "SPLITCART_CLOCK_START": NOW.isoformat()}
        while unseen := unfinished(stores, outbox):
            rounds += 1
            if rounds > MAX_ROUNDS:
                return [f"{len(unseen)} stores were never seen whole"], {"rounds": rounds}
            is_killed = foul and rounds % 3 == 1
            kills += is_killed
            crawl(chain, unseen, environment, rng.uniform(*KILL_SECONDS) if is_killed else None)
        requests = len(server.book)
    wrong: list[str] = []
    rows = whole = 0
    for listed, closing in files(outbox):
        wrong += wrong_rows(market, chain, listed, closing)
        rows, whole = rows + len(listed), whole + closing.complete
    return wrong, {"stores": len(stores), "rows": rows, "requests": requests, "runs": rounds, "kills": kills}


def unfinished(stores: Sequence[MarketStore], outbox: Path) -> list[MarketStore]:
    whole = {closing.store_id for _, closing in files(outbox) if closing.complete}
    return [store for store in stores if store.store_id not in whole]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chain", choices=CHAINS)
    parser.add_argument("--stores", type=int, default=40)
    parser.add_argument("--skus", type=int, default=1500)
    parser.add_argument("--foul", action="store_true")
    asked = parser.parse_args()
    config = msgspec.structs.replace(default_chains()[asked.chain], stores=asked.stores, skus=asked.skus)
    market = Market(MarketConfig(chains={asked.chain: config}))
    begun = time.perf_counter()
    with TemporaryDirectory() as folder:
        wrong, figures = play(asked.chain, market, Path(folder), foul=asked.foul)
    weather = "foul" if asked.foul else "fine"
    told = ", ".join(f"{number:,} {name}" for name, number in figures.items())
    print(f"{asked.chain}, {weather} weather: {told}, {len(wrong)} wrong, {time.perf_counter() - begun:.0f} s")
    for line in wrong[:20]:
        print(line, file=sys.stderr)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
