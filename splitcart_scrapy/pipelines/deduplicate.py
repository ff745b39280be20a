"""A crawl holds every sku once, and a store sweep every store."""

from typing import Self

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem
from scrapy.statscollectors import StatsCollector

from splitcart.transfer.records import ProductRecord, StoreRecord
from splitcart_scrapy.items import CrawlStartItem, GuestItem, Item


class DeduplicatePipeline:
    """Drops what the crawl has seen already, also before a crash that it resumes: the first row of a sku stays.

    A guest does not stand in the way of a category's own row: which of them stays is known at the end.
    """

    def __init__(self, stats: StatsCollector) -> None:
        self.stats = stats
        self._seen: set[str] = set()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        assert crawler.stats is not None
        return cls(crawler.stats)

    def process_item(self, item: Item) -> Item:
        if isinstance(item, CrawlStartItem):
            # The write pipeline, which comes next, puts in what a crashed run has written.
            self._seen = item.seen_skus
        elif isinstance(item, ProductRecord | StoreRecord):
            key = item.sku if isinstance(item, ProductRecord) else item.store_id
            if key in self._seen:
                self.stats.inc_value("splitcart/duplicates")
                raise DropItem(f"{key} is in this crawl already", log_level="DEBUG")
            self._seen.add(key)
        elif isinstance(item, GuestItem) and item.product.sku in self._seen:
            raise DropItem(f"{item.product.sku} is in this crawl already", log_level="DEBUG")
        return item
