"""Items a second through all pipelines, beside a bare Scrapy spider on the same pages, and the memory of a long crawl.

    python -m benchmarks.crawling [--skus N] [--stores N] [--rounds N] [--long STORES] [--profile]

The pages of ALDI's replica are recorded once and served from memory by another process. Each way of crawling is a
process of its own: ``bare`` yields a dict for each row and writes nothing, ``feed`` is the same with
``-o out.jsonl.gz``, ``splitcart`` is the spider with all its pipelines, its file in the outbox. Rounds take
turns; the best of each counts, since other work on the machine only ever slows one down.
"""

import argparse
import asyncio
import cProfile
import json
import multiprocessing
import os
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import requests
import scrapy
from rich.console import Console
from scrapy.crawler import CrawlerProcess
from scrapy.http import Response
from scrapy.settings import Settings

from splitcart.measures.clock import shifted_clock
from splitcart.measures.lease import StoreLease
from splitcart.replica.config import MarketConfig, still
from splitcart.replica.market import Market
from splitcart.replica.server import ReplicaServer
from splitcart.replica.sites.weather import Weather
from splitcart_scrapy.spiders.aldi import AldiSpider

WAYS = ("bare", "feed", "splitcart")
STORE = "servicePoint="
console = Console()


def record(skus: int) -> dict[str, bytes]:
    """Return the bodies of one store's pages by path and query without the store."""
    market = Market(MarketConfig(seed=1, chains={"aldi": still(skus=skus)}))
    store = market.stores("aldi")[0].store_id
    with ReplicaServer(market, shifted_clock(datetime(2026, 11, 5, 2, tzinfo=UTC)), Weather()) as server:
        os.environ.update(server.urls)
        spider, lease = AldiSpider(), StoreLease(company="aldi", store_id=store, reason="")
        base = spider.base_url("api")
        tree = spider.tree_request(lease)
        pages = {_key(tree.url.removeprefix(base)): _get(tree)}
        for listing in spider.parse_tree(next(iter(pages.values())), spider.chain.excluded_categories):
            page, total = 1, 1
            while (page - 1) * spider.page_size < total:
                request = spider.listing_request(lease, listing, page)
                body = pages[_key(request.url.removeprefix(base))] = _get(request)
                total, page = json.loads(body)["meta"]["pagination"]["totalCount"], page + 1
    return pages


def _get(request: scrapy.Request) -> bytes:
    answer = requests.get(request.url, headers=request.headers.to_unicode_dict(), timeout=30)
    answer.raise_for_status()
    return answer.content


def _key(path: str) -> str:
    place, _, query = path.partition("?")
    return place + "?" + "&".join(sorted(each for each in query.split("&") if not each.startswith(STORE)))


class _Memory(asyncio.Protocol):
    pages: dict[str, bytes]

    def connection_made(self, transport: Any) -> None:
        self.transport, self.buffer = transport, b""

    def data_received(self, received: bytes) -> None:
        self.buffer += received
        while b"\r\n\r\n" in self.buffer:
            head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
            body = self.pages.get(_key(head.split(b" ", 2)[1].decode()), b"")
            status = b"200 OK" if body else b"404 Not Found"
            start = b"HTTP/1.1 " + status + b"\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            self.transport.write(start % len(body) + body)


def serve(pages: dict[str, bytes], port: Any) -> None:
    """Answer from memory until the process is ended; sends its port first."""
    _Memory.pages = pages

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(_Memory, "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


class BareSpider(scrapy.Spider):
    """What a tutorial would write."""

    name = "bare"

    def __init__(self, paths: str, **arguments: str) -> None:
        super().__init__(**arguments)
        self.wanted = json.loads(Path(paths).read_text(encoding="utf-8"))

    async def start(self) -> AsyncIterator[scrapy.Request]:
        for store in self.stores.split(","):
            for path in self.wanted:
                yield scrapy.Request(f"{self.base}{path}&{STORE}{store}")

    def parse(self, response: Response) -> Iterator[dict[str, Any]]:
        yield from json.loads(response.body)["data"]


def crawl(way: str, base: str, paths: str, stores: str, profile: str | None) -> None:
    """Crawl in this process; prints the items and the seconds from the first request to the end."""
    settings = Settings()
    if way == "splitcart":
        settings.setmodule("splitcart_scrapy.settings", priority="project")
    settings.setdict({"DOWNLOAD_DELAY": 0, "LOG_LEVEL": "WARNING", "TELNETCONSOLE_ENABLED": False}, priority="cmdline")
    if way == "feed":
        plugins = ["scrapy.extensions.postprocessing.GzipPlugin"]
        feed = {"format": "jsonlines", "postprocessing": plugins, "overwrite": True}
        settings.set("FEEDS", {str(Path(paths).with_name("out.jsonl.gz")): feed}, priority="cmdline")
    process = CrawlerProcess(settings)
    crawler = process.create_crawler("aldi" if way == "splitcart" else BareSpider)
    process.crawl(
        crawler, **({"store": stores} if way == "splitcart" else {"base": base, "paths": paths, "stores": stores})
    )
    profiler = cProfile.Profile()
    began, cpu = time.perf_counter(), time.process_time()
    if profile:
        profiler.enable()
    process.start()
    if profile:
        profiler.disable()
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("cumtime").print_stats(70)
    stats = crawler.stats.get_stats()
    items = stats["splitcart/rows/kept"] if way == "splitcart" else stats["item_scraped_count"]
    spent = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
    sys.stdout.write(json.dumps({"items": items, **spent}) + "\n")


def measure(way: str, base: str, paths: str, stores: list[str], *, profile: bool = False) -> dict[str, Any]:
    """Crawl in a process of its own; adds its resident memory over time, in MiB."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"ALDI_API_URL": base, "SPLITCART_DATA_DIR": folder}
        command = [sys.executable, "-m", "benchmarks.crawling", "--way", way, base, paths, ",".join(stores)]
        child = subprocess.Popen(  # noqa: S603 - itself
            [*command, *(["--profile"] if profile else [])], env=environment, stdout=subprocess.PIPE, text=True
        )
        seen, memory = psutil.Process(child.pid), []
        while child.poll() is None:
            memory.append(seen.memory_info().rss / 2**20)
            time.sleep(0.25)
        if child.returncode:
            raise SystemExit(f"{way} failed")
        assert child.stdout is not None
        return json.loads(child.stdout.read()) | {"memory": memory}


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--skus", type=int, default=1500)
    parser.add_argument("--stores", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--long", type=int, default=0, help="stores of a last, long crawl: how its memory grows")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--way", nargs=4, metavar=("WAY", "BASE", "PATHS", "STORES"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way:
        crawl(*given.way, profile=given.profile)
        return
    pages = record(given.skus)
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(pages, theirs), daemon=True)
    server.start()
    base = f"http://127.0.0.1:{ours.recv()}"
    with tempfile.TemporaryDirectory() as folder:
        paths = str(Path(folder) / "paths.json")
        Path(paths).write_text(json.dumps([path for path in pages if "product-search" in path]), encoding="utf-8")
        report(given, base, paths)
    server.terminate()


def report(given: argparse.Namespace, base: str, paths: str) -> None:
    """Measure and print."""
    stores = [f"G{number:03}" for number in range(1, given.stores + 1)]
    best: dict[str, float] = dict.fromkeys(WAYS, 0.0)
    best_cpu = dict(best)
    for _ in range(given.rounds):
        for way in WAYS:
            found = measure(way, base, paths, stores)
            best[way] = max(best[way], found["items"] / found["seconds"])
            best_cpu[way] = max(best_cpu[way], found["items"] / found["cpu"])
    for way in WAYS:
        line = f"{way:10} {best[way]:8,.0f} items/s {best[way] / best['bare']:5.2f}"
        console.print(f"{line}   {best_cpu[way]:8,.0f} items per CPU second {best_cpu[way] / best_cpu['bare']:5.2f}")
    if given.long:
        found = measure("splitcart", base, paths, [f"G{number:03}" for number in range(1, given.long + 1)])
        memory = found["memory"]
        tenths = [memory[at * (len(memory) - 1) // 10] for at in range(1, 11)]
        console.print(f"{found['items']:,} items, MiB at each tenth: {', '.join(f'{each:.0f}' for each in tenths)}")
    if given.profile:
        measure("splitcart", base, paths, stores, profile=True)


if __name__ == "__main__":
    main()
