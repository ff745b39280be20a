"""Rows that cannot be true do not reach the file, and what is dropped is counted."""

from dataclasses import fields
from typing import Self

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem
from scrapy.statscollectors import StatsCollector

from splitcart.config import Chain
from splitcart.transfer.records import ProductRecord, StoreRecord
from splitcart_scrapy.items import CategoryEndItem, CrawlStartItem, GuestItem, Item
from splitcart_scrapy.spiders.base import site_spider

MAX_PRICE_CENTS = 10_000_000
MAX_SKU_LENGTH = 64
MAX_CATEGORY_LENGTH = 255
# What the database holds; longer text is cut, a longer address is no use cut.
MAX_LENGTHS = {"name": 512, "brand": 255, "size": 120, "country_of_origin": 255}
MAX_URL_LENGTH = 1024
URLS = ("url", "image_url")
PRICES = tuple(field.name for field in fields(ProductRecord) if field.name.endswith("_cents"))
REJECTED_PRICE = "price_rejected"


class ValidatePipeline:
    """Drops rows without sku, name or category; a category that lost a row so is not complete.

    A price that is no price (nothing, negative, above 100,000 dollars) becomes None: the sku was listed, which is all
    that is known. Charity donations are dropped (docs/retailers.md#rows-that-are-no-products).
    """

    def __init__(self, stats: StatsCollector, chain: Chain) -> None:
        self.stats = stats
        self.chain = chain
        self._lost: list[str] = []

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        assert crawler.stats is not None
        return cls(crawler.stats, site_spider(crawler).chain)

    def process_item(self, item: Item) -> Item:
        if isinstance(item, CrawlStartItem):
            self._lost = []
        elif isinstance(item, ProductRecord):
            self._check_product(item)
        elif isinstance(item, GuestItem):
            self._check_product(item.product)
        elif isinstance(item, StoreRecord):
            self._check_store(item)
        elif isinstance(item, CategoryEndItem) and self._lost:
            item.record.complete = False
            lost = f"{len(self._lost)} rows dropped, the first: {self._lost[0]}"
            item.record.problem = f"{item.record.problem}; {lost}" if item.record.problem else lost
            self._lost = []
        return item

    def _check_product(self, item: ProductRecord) -> None:
        if "donation" in item.name.lower():
            raise self._dropped("donation", f"{item.sku} is a donation", log_level="DEBUG")
        for reason, is_right in (
            ("sku", 0 < len(item.sku) <= MAX_SKU_LENGTH),
            ("name", item.name),
            ("category", all(0 < len(name) <= MAX_CATEGORY_LENGTH for name in item.category_path or [""])),
        ):
            if not is_right:
                text = f"bad {reason} of sku {item.sku[:MAX_SKU_LENGTH]!r}"
                self._lost.append(text)
                raise self._dropped(reason, text)
        for name in PRICES:
            price = getattr(item, name)
            if price is not None and not 0 < price <= MAX_PRICE_CENTS:
                setattr(item, name, None)
                self.stats.inc_value(f"splitcart/rejected/{name}")
                item.flags = sorted({*(item.flags or []), REJECTED_PRICE})
        for name, length in MAX_LENGTHS.items():
            text = getattr(item, name)
            if text and len(text) > length:
                setattr(item, name, text[:length])
        for name in URLS:
            if len(getattr(item, name) or "") > MAX_URL_LENGTH:
                setattr(item, name, None)

    def _check_store(self, item: StoreRecord) -> None:
        if not self.chain.is_store_id(item.store_id):
            expected = f"expected the form {self.chain.store_id_pattern}"
            raise self._dropped("store_id", f"{item.store_id!r} is no store id of {self.chain.name}: {expected}")

    def _dropped(self, reason: str, text: str, log_level: str = "WARNING") -> DropItem:
        self.stats.inc_value(f"splitcart/dropped/{reason}")
        return DropItem(text, log_level=log_level)
