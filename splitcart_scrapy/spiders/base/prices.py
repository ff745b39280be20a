"""The base of the product spiders: stores from a store source, one after the other."""

import asyncio
import logging
import secrets
from abc import abstractmethod
from collections.abc import AsyncGenerator, Collection, Mapping
from typing import Any, ClassVar, Self

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider

from splitcart.config import get_chain, get_settings
from splitcart.measures.lease import StoreLease, StoreSource
from splitcart.transfer.crawl_writer import CrawlWriter
from splitcart.transfer.records import FailureClass
from splitcart_scrapy.failures import STOPS_SPIDER
from splitcart_scrapy.items import Item
from splitcart_scrapy.parsers import Listing, ListingPage
from splitcart_scrapy.sources import NamedStores, store_source
from splitcart_scrapy.spiders.base.arguments import StoreArguments
from splitcart_scrapy.spiders.base.site import SiteSpider
from splitcart_scrapy.spiders.base.store_crawl import StoreCrawl

MAX_FAILED_STORES = 3


class StorePricesSpider(SiteSpider):
    """Crawls the products of store after store until the store source has none left.

    A subclass says how a chain's requests look and which parser reads the answers. ``past_end_statuses``: the HTTP
    statuses that a page beyond the end of a listing has. ``unknown_store_statuses``: those that the category tree has
    for a store that does not exist; ``absent_listing_statuses``: those that come, with JSON, for a category that a
    store has nothing of, though ``max_absent_listings`` of them in a row are not believed.
    ``max_listing_rows``: what the site serves of one listing, whatever its length. ``needs_retailer_store_id``: the
    site knows stores by a number that is not their id.
    """

    arguments = ("store", "max_stores", "cluster")
    page_size: ClassVar[int]
    past_end_statuses: ClassVar[frozenset[int]] = frozenset()
    unknown_store_statuses: ClassVar[frozenset[int]] = frozenset()
    absent_listing_statuses: ClassVar[frozenset[int]] = frozenset()
    max_absent_listings: ClassVar[int] = 1
    needs_retailer_store_id: ClassVar[bool] = False
    max_listing_rows: ClassVar[int] = 10_000

    def __init__(self, name: str | None = None, **arguments: Any) -> None:
        super().__init__(name, **arguments)
        self.asked = StoreArguments.parse(arguments, self.chain, needs_number=self.needs_retailer_store_id)
        self._job: str | None = arguments.get("_job")
        self._source: StoreSource
        self._lease: StoreLease | None = None

    @classmethod
    def check_arguments(cls, arguments: Mapping[str, Any]) -> None:
        super().check_arguments(arguments)
        StoreArguments.parse(arguments, get_chain(cls.company), needs_number=cls.needs_retailer_store_id)

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider._give_back, signal=signals.spider_closed)  # noqa: SLF001 - its own
        return spider

    @abstractmethod
    def tree_request(self, lease: StoreLease) -> Request:
        """Return the request for the category tree of a store."""

    @abstractmethod
    def listing_request(self, lease: StoreLease, listing: Listing, page: int) -> Request:
        """Return the request for a page of a listing; the first page is 1."""

    @staticmethod
    @abstractmethod
    def parse_tree(body: bytes, excluded: Collection[str]) -> list[Listing]:
        """Return the listings below the category tree, without the excluded slugs."""

    @staticmethod
    @abstractmethod
    def parse_listing(body: bytes, listing: Listing, roots: Mapping[str, str]) -> ListingPage:
        """Return the products of a page; ``roots`` are the names of the crawled roots by slug."""

    async def warm_up(self, lease: StoreLease) -> None:
        """Ask for what a site wants to be asked for before anything else, if it does."""

    async def listings(self, lease: StoreLease) -> list[Listing]:
        """Return the listings that make up a store's range."""
        excluded = self.chain.excluded_categories
        return await self.read(self.tree_request(lease), lambda body: self.parse_tree(body, excluded))

    async def crawl(self) -> AsyncGenerator[Item]:
        await asyncio.to_thread(self._commit_leftovers)
        if self.asked.stores:
            self._source = NamedStores(self.company, self.asked.stores)
        else:
            self._source = store_source(get_settings(), self.company, self.asked.cluster, self._job)
        crawled = failed_in_a_row = 0
        while self.asked.max_stores is None or crawled < self.asked.max_stores:
            if (lease := await self._next_store()) is None:
                break
            crawled += 1
            store = StoreCrawl(self, lease)
            heartbeats = asyncio.create_task(self._heartbeats(lease))
            try:
                async for item in store.items():
                    yield item
            finally:
                heartbeats.cancel()
            await self._release(store.outcome, store.failure_class)
            self._report(store)
            failed_in_a_row = failed_in_a_row + 1 if store.outcome == "failed" else 0
            is_last_named = len(self.asked.stores) == crawled
            if store.failure_class in STOPS_SPIDER or failed_in_a_row == (1 if is_last_named else MAX_FAILED_STORES):
                raise CloseSpider(store.failure_class.value if store.failure_class else "failed")
        if not crawled:
            self.logger.info("%s: no store is due", self.company)

    async def _next_store(self) -> StoreLease | None:
        try:
            lease = await asyncio.to_thread(self._source.next_store)
        except Exception as error:
            self.logger.error("no store to crawl: %s", error)  # noqa: TRY400 - one line says it
            raise CloseSpider("no_store_source") from error
        self._lease = lease
        if lease is not None:
            self.logger.info("%s %s: crawling it (%s)", self.company, lease.store_id, lease.reason)
        return lease

    async def _heartbeats(self, lease: StoreLease) -> None:
        seconds = self.settings.getfloat("HEARTBEAT_SECONDS")
        while True:
            await asyncio.sleep(seconds)
            try:
                await asyncio.to_thread(self._source.heartbeat, lease)
            except Exception as error:  # noqa: BLE001 - a source may be anyone's; the next sign may succeed
                # What has been read stays true, so the crawl goes on even if the store is lent to someone else by now.
                self.logger.warning("store %s: no sign of life given: %s", lease.store_id, error)

    async def _release(self, outcome: str, failure_class: FailureClass | None) -> None:
        lease, self._lease = self._lease, None
        if lease is None:
            return
        try:
            await asyncio.to_thread(self._source.release, lease, outcome, failure_class)
        except Exception as error:  # noqa: BLE001 - the same; the next store can be crawled all the same
            self.logger.warning("store %s: not given back, its lease will run out: %s", lease.store_id, error)

    async def _give_back(self) -> None:
        """Give back the store that was being crawled when the spider was told to end; its finished categories stay."""
        await self._release("failed", FailureClass.KILLED)

    def _report(self, store: StoreCrawl) -> None:
        self.logger.log(logging.INFO if store.outcome == "finished" else logging.WARNING, "%s", store.summary())
        self.count(f"stores/{store.outcome}")
        self.count("rows/kept", store.rows)
        for record in store.records:
            self.count(f"categories/{'complete' if record.complete else 'incomplete'}")
        if store.failure_class:
            self.count(f"failures/{store.failure_class}")

    def _commit_leftovers(self) -> None:
        outbox = get_settings().folder("product_outbox")
        nonce = secrets.token_hex(3)
        for path in CrawlWriter.commit_leftovers(outbox, self.company, self.name, self.clock, nonce=nonce):
            self.logger.info("committed what an earlier crawl had finished: %s", path)
