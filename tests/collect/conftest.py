"""A replica of the sites, and spiders run against it in this process."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from scrapy.crawler import Crawler, CrawlerRunner

from splitcart.config import get_settings
from splitcart.measures.clock import shifted_clock
from splitcart.replica.market import Market
from splitcart.replica.server import ReplicaServer
from splitcart.replica.sites.weather import Weather
from tests.collect.lending import LendingDesk
from tests.collect.runs import NOW, project_settings


@pytest.fixture
def replica(monkeypatch) -> Iterator[Callable[..., ReplicaServer]]:
    """Start a replica and point the settings at it: ``replica(market, ignores_store=True)``."""
    with ExitStack() as stack:

        def start(market: Market, *, ignores_store: bool = False) -> ReplicaServer:
            clock = shifted_clock(NOW)
            server = stack.enter_context(ReplicaServer(market, clock, Weather(), ignores_store=ignores_store))
            for name, url in server.urls.items():
                monkeypatch.setenv(name, url)
            monkeypatch.setenv("SPLITCART_CLOCK_START", NOW.isoformat())
            get_settings.cache_clear()
            return server

        yield start


@pytest.fixture
def crawl(caplog) -> Callable[..., Any]:
    """Run a spider by name to its end: ``crawler = await crawl("aldi", store="G001")``."""
    caplog.set_level(logging.INFO)

    async def run(spider: str, overrides: dict[str, Any] | None = None, **arguments: str) -> Crawler:
        crawler = CrawlerRunner(project_settings(**(overrides or {}))).create_crawler(spider)
        await crawler.crawl(**arguments)
        return crawler

    return run


@pytest.fixture
def desk(monkeypatch) -> Iterator[type[LendingDesk]]:
    """The configured store source is the lending desk."""
    monkeypatch.setenv("SPLITCART_STORE_SOURCE", "tests.collect.lending.LendingDesk")
    get_settings.cache_clear()
    LendingDesk.clear()
    yield LendingDesk
    LendingDesk.clear()
