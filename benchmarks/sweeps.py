"""How many requests a sweep of a chain's stores takes: the spiders against replicas of the sites.

    python -m benchmarks.sweeps [--stores FILE] [CHAIN…]

``FILE``: a store list as a JSON array (gzip) of objects {"fields": {"company": 1, "store_id": …, "latitude": …,
"longitude": …}}, companies 1 ALDI, 2 Coles, 3 IGA (with its "retailer_store_id"), 4 Woolworths. Without it the
replicas' own invented stores, as many as the chains have. Stores without coordinates stand nowhere and are left out. A
grid of half a degree over the country, blind to what the answers say, is 5,865 requests; IGA has 23,001 locations.
"""

import argparse
import gzip
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
import orjson
from rich.console import Console
from rich.table import Table

from splitcart.measures.clock import system_clock
from splitcart.replica.config import MarketConfig, still
from splitcart.replica.market import Market
from splitcart.replica.server import ReplicaServer
from splitcart.replica.stores import MarketStore

COMPANIES = {1: "aldi", 2: "coles", 3: "iga", 4: "woolworths"}
DIVISIONS = {"COL": "Coles Supermarkets", "LQR": "Liquorland", "VIN": "Vintage Cellars"}
INVENTED = {  # stores with a range, and the share of others beside them
    "aldi": (495, 0.0),
    "coles": (827, 1.0),
    "iga": (430, 2.0),
    "woolworths": (1131, 0.96),
}


class ListedMarket(Market):
    """A market whose chains list the stores of a file."""

    def __init__(self, config: MarketConfig, rows: dict[str, list[MarketStore]]) -> None:
        super().__init__(config)
        self._rows = rows

    def stores(self, chain: str) -> list[MarketStore]:
        return self._rows[chain]


def read_stores(path: Path, market: Market) -> dict[str, list[MarketStore]]:
    """Return the stores of a file by chain, each made from one that the market invented."""
    found: dict[str, list[MarketStore]] = {chain: [] for chain in COMPANIES.values()}
    for row in orjson.loads(gzip.decompress(path.read_bytes())):
        fields = row["fields"]
        chain = COMPANIES.get(fields["company"])
        if chain is None or fields["latitude"] is None:
            continue
        model = market.stores(chain)[0]
        here = {"latitude": float(fields["latitude"]), "longitude": float(fields["longitude"])}
        store_id = str(fields["store_id"])
        division = DIVISIONS.get(store_id[:3], model.division) if chain == "coles" else model.division
        if chain == "coles" and ":" not in store_id:
            continue
        if chain == "iga":  # the tag; whoever has none sells nothing online
            tag = str(fields.get("retailer_store_id") or "") or None
            model = msgspec.structs.replace(model, retailer_store_id=tag, priced=tag is not None)
        there = {f"true_{name}": degrees for name, degrees in here.items()}
        found[chain].append(msgspec.structs.replace(model, store_id=store_id, division=division, **here, **there))
    return found


def sweep(chain: str, server: ReplicaServer) -> tuple[int, int]:
    """Run a chain's store spider in a process of its own; return (requests, stores found)."""
    before = len(server.book)
    with tempfile.TemporaryDirectory() as folder:
        outside = {"SPLITCART_DATA_DIR": folder, "SPLITCART_ENV_FILE": "", "API_SERVER_URL": ""}
        command = [
            sys.executable,
            "-m",
            "scrapy",
            "crawl",
            f"{chain}_stores",
            "-s",
            "DOWNLOAD_DELAY=0",
            "-s",
            "LOG_LEVEL=ERROR",
        ]
        subprocess.run(command, env=os.environ | server.urls | outside, check=True)  # noqa: S603 - our own spiders
        (path,) = Path(folder, "store_outbox").glob("*.jsonl.gz")
        rows = gzip.decompress(path.read_bytes()).count(b"\n") - 1
    return len(server.book) - before, rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stores", type=Path, help="a store list to use in place of invented stores")
    parser.add_argument("chains", nargs="*", metavar="CHAIN", help="sweep these chains only")
    options = parser.parse_args(arguments)
    chains = {
        chain: still(stores=stores, petrol_share=share, skus=40, isolated_share=0.12)
        for chain, (stores, share) in INVENTED.items()
    }
    config = MarketConfig(chains=chains)
    market = Market(config)
    if options.stores:
        market = ListedMarket(config, read_stores(options.stores, market))
    table = Table("chain", "stores listed", "found", "requests")
    with ReplicaServer(market, system_clock) as server:
        for chain in options.chains or INVENTED:
            requests, found = sweep(chain, server)
            table.add_row(chain, str(len(market.stores(chain))), str(found), str(requests))
    Console().print(table)


if __name__ == "__main__":
    main()
