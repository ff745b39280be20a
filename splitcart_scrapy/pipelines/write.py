"""Disk: every crawl becomes one file in the outbox."""

from typing import Self

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

from splitcart.config import Settings, get_settings
from splitcart.measures.clock import Clock
from splitcart.transfer import get_kind
from splitcart.transfer.crawl_writer import WorkingFileBusyError
from splitcart.transfer.records import BarcodeRecord, ProductRecord, StoreRecord
from splitcart_scrapy.exporters import CrawlFileExporter
from splitcart_scrapy.items import CategoryEndItem, CrawlEndItem, CrawlStartItem, Item
from splitcart_scrapy.spiders.base import site_spider


class WritePipeline:
    """Drives the exporter. An error that it raises (a full disk) reaches the spider, which then stops."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self._exporter: CrawlFileExporter | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(get_settings(), site_spider(crawler).clock)

    def process_item(self, item: Item) -> Item:
        if isinstance(item, CrawlStartItem):
            self._open(item)
        elif self._exporter is None:
            raise DropItem("no crawl is open that this item belongs to")
        elif isinstance(item, ProductRecord | StoreRecord | BarcodeRecord):
            self._exporter.export_item(item)
        elif isinstance(item, CategoryEndItem):
            self._exporter.finish_category(item)
        elif isinstance(item, CrawlEndItem):
            self._exporter.commit(item)
            item.files += self._exporter.committed
            self._exporter = None
        return item

    def _open(self, start: CrawlStartItem) -> None:
        outbox = self.settings.folder(get_kind(start.kind).outbox)
        try:
            self._exporter = CrawlFileExporter(outbox, start, self.clock, self.settings.worker)
        except WorkingFileBusyError as error:
            start.busy_with = str(error)

    def close_spider(self) -> None:
        if self._exporter is not None:
            self._exporter.finish_exporting()
