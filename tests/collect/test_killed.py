"""Crawls that are killed (SIGKILL) at any moment, and started again."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from random import Random

from splitcart.replica.sites.weather import Fault, Rule
from tests.collect.runs import outbox, read, seen, small_market, truth, working_files
from tests.collect.test_command import PROJECT

# A crawl is a process of its own, forked from one that has imported what all of them need.
CRAWLS = """
import os, sys
import scrapy.cmdline, scrapy.crawler, scrapy.core.engine, scrapy.spiderloader
from scrapy.utils.misc import load_object
from scrapy.utils.project import get_project_settings
settings = get_project_settings()
scrapy.spiderloader.get_spider_loader(settings)
for kind in ("DOWNLOADER_MIDDLEWARES", "DOWNLOAD_HANDLERS", "EXTENSIONS", "ITEM_PIPELINES", "SPIDER_MIDDLEWARES"):
    for each in settings.getwithbase(kind).items():
        [load_object(name) for name in each if isinstance(name, str) and "." in name]
assert "twisted.internet.reactor" not in sys.modules
for line in sys.stdin:
    if child := os.fork():
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    else:
        sys.exit(scrapy.cmdline.execute(["scrapy", "crawl", *line.split()]))
"""
OPTIONS = "-s DOWNLOAD_DELAY=0 -s LOG_LEVEL=CRITICAL"
CATEGORY = re.compile(r"categoryKey=(\w+)|categoryId=(\w+)|/categories/(\w+)/search")
MOST_KILLS = 2


@contextmanager
def processes():
    """Start crawls in the environment as it is now: ``start`` returns a process, and how to wait for its exit code."""
    parent = subprocess.Popen(
        [sys.executable, "-c", CRAWLS], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    with parent, parent.stdin, parent.stdout:

        def start(arguments):
            parent.stdin.write(f"{arguments} {OPTIONS}\n")
            parent.stdin.flush()
            return int(parent.stdout.readline()), lambda: int(parent.stdout.readline())

        yield start


def roots_by_listing(market, chain):
    return {leaf.id: root.name for root in market.tree(chain).roots for leaf in (root, *root.leaves())}


def category(path):
    match = CATEGORY.search(path)
    return match and next(filter(None, match.groups()))


def listings(visits):
    """What was asked for and answered, without what changes from run to run."""
    return [
        re.sub(r"&sessionId=[^&]*", "", visit.path) for visit in visits if visit.status == 200 and category(visit.path)
    ]


def test_killed_crawls_ask_for_one_category_again_and_lose_and_double_nothing(replica):
    market = small_market(skus=150, roots=4, leaves_per_root=3, cross_listed_share=0.2)
    server = replica(market)
    server.weather.add(Rule(fault=Fault.DELAY, seconds=0.01))  # a moment to be killed in
    with processes() as start:
        for chain in market.chains:
            store = next(store for store in market.stores(chain) if store.priced)
            kills = crawl_through_kills(server, start, chain, store, Random(f"kill {chain}"))
            assert kills
            ((rows, closing),) = map(read, outbox())
            assert seen(rows) == truth(market, chain, store.store_id)
            assert closing.complete
            assert not working_files()
            outbox()[0].unlink()


def crawl_through_kills(server, start, chain, store, rng):
    """Start the crawl of a store until it comes to its end, and kill it at moments that the generator draws."""
    named = "@".join(filter(None, (store.store_id, store.retailer_store_id)))
    root_of = roots_by_listing(server.market, chain)
    asked: set[str] = set()
    kills = 0
    while not outbox():
        before = len(server.book)
        process, ended = start(f"{chain} -a store={named}")
        if kills < MOST_KILLS:
            with suppress(ProcessLookupError):  # it has come to its end
                wait_for_requests(server, before + rng.randint(2, 7), process)
                time.sleep(rng.uniform(0, 0.03))
                os.kill(process, signal.SIGKILL)
        code = ended()
        assert code in {0, -signal.SIGKILL}
        kills += code != 0
        now = listings(server.book[before:])
        assert len({root_of.get(category(path), category(path)) for path in asked.intersection(now)}) <= 1
        asked.update(now)
    return kills


def wait_for_requests(server, number, process):
    while len(server.book) < number:
        os.kill(process, 0)
        time.sleep(0.001)
