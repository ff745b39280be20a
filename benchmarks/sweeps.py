"""How many calls a sweep of each chain's stores takes, on the replica of its site, with stores where real ones stand.

``python -m benchmarks.sweeps`` takes the recorded store list where SPLITCART_RECORDED_DATA names a folder with one,
else the replica's own stores in the recorded numbers. Beside the calls stands a fixed grid, one call a point (IGA:
one a location). Each sweep is a ``scrapy crawl`` without pauses; pass chains to run these only.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from splitcart.measures.ids import clean_state
from splitcart.replica.config import CHAINS, ChainConfig, MarketConfig
from splitcart.replica.market import Market
from splitcart.replica.server import ReplicaServer
from splitcart.replica.stores import MarketStore
from splitcart.transfer import read_crawl_file
from splitcart.transfer.records import CrawlRecord, StoreRecord

START = datetime(2026, 11, 2, tzinfo=UTC)
COMPANIES = {1: "aldi", 2: "coles", 3: "iga", 4: "woolworths"}
# Stores that have a range, and those beside them for each of these (docs/retailers.md#store-lists).
COUNTS = {"aldi": (495, 0.0), "coles": (827, 1.05), "iga": (430, 2.0), "woolworths": (1131, 0.96)}
DIVISIONS = {"Coles Supermarkets": "COL", "Liquorland": "LQR", "Vintage Cellars": "VIN"}
PETROL = {"AMPOL", "EG"}
# Points of the grids: half a degree over the country (Woolworths' begins two degrees farther north); IGA's locations.
GRIDS = {"aldi": 69 * 85, "coles": 69 * 85, "iga": 23_001, "woolworths": 65 * 85}


class RecordedMarket(Market):
    """A market whose stores are given; nothing but its store lists is asked for."""

    def __init__(self, config: MarketConfig, stores: Mapping[str, Sequence[MarketStore]]) -> None:
        super().__init__(config)
        self._lists = {chain: list(rows) for chain, rows in stores.items()}

    def stores(self, chain: str) -> list[MarketStore]:
        return self._lists[chain]


def markets(chains: Sequence[str]) -> tuple[str, Market]:
    """Return where the stores come from, and a market with them."""
    configs = {
        chain: ChainConfig(stores=COUNTS[chain][0], petrol_share=COUNTS[chain][1], skus=60, roots=1) for chain in chains
    }
    config = MarketConfig(start=START, chains=configs)
    folder = Path(os.environ.get("SPLITCART_RECORDED_DATA", "recorded"))
    found = sorted(folder.glob("*/companies.store.json.gz"))
    if not found:
        return "the replica's own stores", Market(config)
    rows = json.loads(gzip.decompress(found[0].read_bytes()))
    names = json.loads(gzip.decompress(found[0].with_name("companies.division.json.gz").read_bytes()))
    divisions = {row["pk"]: row["fields"]["name"] for row in names}
    by_chain: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        fields = row["fields"]
        by_chain[COMPANIES[fields["company"]]].append(fields | {"division": divisions.get(fields["division"])})
    return "the recorded store list", RecordedMarket(
        config, {chain: recorded(chain, by_chain[chain]) for chain in chains}
    )


def recorded(chain: str, rows: Sequence[Mapping[str, Any]]) -> list[MarketStore]:
    """Make market stores of recorded rows; one whose place is unknown stands where another of its state does."""
    known: dict[str | None, tuple[float, float]] = {}
    for row in rows:
        if place := _place(row):
            known.setdefault(clean_state(row["state"]), place)
    return [_store(chain, row, known) for row in rows]


def _place(row: Mapping[str, Any]) -> tuple[float, float] | None:
    latitude, longitude = (float(row[name]) if row[name] else 0.0 for name in ("latitude", "longitude"))
    return (latitude, longitude) if -44 < latitude < -10 and 112 < longitude < 154 else None


def _store(chain: str, row: Mapping[str, Any], known: Mapping[str | None, tuple[float, float]]) -> MarketStore:
    state = clean_state(row["state"])
    place = _place(row)
    true_place = place or known.get(state) or next(iter(known.values()))
    shown = place or (None, None)
    tag = row["retailer_store_id"]
    division = row["division"]
    return MarketStore(
        chain=chain,
        store_id=row["store_id"],
        name=row["store_name"] or "",
        division=division,
        address=row["address_line_1"] or "",
        suburb=row["suburb"] or "",
        state=state or "NSW",
        postcode=row["postcode"] or "",
        latitude=shown[0],
        longitude=shown[1],
        true_latitude=true_place[0],
        true_longitude=true_place[1],
        phone="",
        city="",
        retailer_store_id=str(tag) if tag else None,
        priced=bool(tag) if chain == "iga" else division not in {*PETROL, "Liquorland", "Vintage Cellars"},
    )


def sweep(chain: str, server: ReplicaServer, folder: Path) -> dict[str, Any]:
    """Run the spider of a chain's store list; return calls, stores and seconds."""
    before = len(server.book)
    environment = os.environ | server.urls | {"SPLITCART_DATA_DIR": str(folder)}
    command = [sys.executable, "-m", "scrapy", "crawl", f"{chain}_stores", "-s", "DOWNLOAD_DELAY=0"]
    begun = time.perf_counter()
    subprocess.run([*command, "-s", "LOG_LEVEL=ERROR"], check=True, env=environment)  # noqa: S603 - our own
    seconds = time.perf_counter() - begun
    (path,) = (folder / "store_outbox").glob(f"{chain}-*.jsonl.gz")
    *rows, closing = [record for _, record in read_crawl_file(path)]
    assert isinstance(closing, CrawlRecord)
    found = {row.store_id for row in rows if isinstance(row, StoreRecord)}
    there = {store.store_id for store in server.market.stores(chain)}
    statuses = Counter(visit.status for visit in server.book[before:])
    return {
        "stores": len(there),
        "missed": sorted(there - found),
        "calls": sum(statuses.values()),
        "complete": closing.complete,
        "seconds": seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chains", nargs="*", choices=[*CHAINS, []], default=[])
    chains = parser.parse_args().chains or list(CHAINS)
    source, market = markets(chains)
    print(f"{source}\n\n| chain | stores | missed | complete | calls | grid | grid / calls | seconds |")
    print("| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: |")
    with TemporaryDirectory() as folder, ReplicaServer(market, lambda: START) as server:
        for chain in chains:
            done = sweep(chain, server, Path(folder))
            ratio = GRIDS[chain] / done["calls"]
            cells = [
                {"aldi": "ALDI", "iga": "IGA"}.get(chain, chain.title()),
                f"{done['stores']:,}",
                str(len(done["missed"])),
                "yes" if done["complete"] else "no",
                *(f"{number:,.0f}" for number in (done["calls"], GRIDS[chain], ratio, done["seconds"])),
            ]
            print(f"| {' | '.join(cells)} |", flush=True)
            if done["missed"]:
                print(f"missed at {chain}: {', '.join(done['missed'][:20])}", file=sys.stderr)


if __name__ == "__main__":
    main()
