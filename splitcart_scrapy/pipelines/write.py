"""Disk: every crawl becomes one file in the outbox, and one report."""

import logging
from typing import Self

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem
from scrapy.statscollectors import StatsCollector

from splitcart.config import Settings, get_settings
from splitcart.transfer import get_kind
from splitcart.transfer.crawl_writer import WorkingFileBusyError
from splitcart.transfer.records import BarcodeRecord, ProductRecord, StoreRecord
from splitcart_scrapy.exporters import CrawlFileExporter
from splitcart_scrapy.items import CategoryEndItem, CrawlEndItem, CrawlStartItem, GuestItem, Item
from splitcart_scrapy.spiders.base import SiteSpider, site_spider
from splitcart_scrapy.watching import CrawlReporter, write_report

logger = logging.getLogger(__name__)


class WritePipeline:
    """Drives the exporter. An error that it raises (a full disk) reaches the spider, which then stops."""

    def __init__(self, settings: Settings, spider: SiteSpider, stats: StatsCollector) -> None:
        self.settings = settings
        self.spider = spider
        self.stats = stats
        self._reporter: CrawlReporter | None = None
        self._exporter: CrawlFileExporter | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        assert crawler.stats is not None
        return cls(get_settings(), site_spider(crawler), crawler.stats)

    def process_item(self, item: Item) -> Item:
        if isinstance(item, CrawlStartItem):
            self._open(item)
        elif self._exporter is None or self._reporter is None:
            raise DropItem("no crawl is open that this item belongs to")
        elif isinstance(item, ProductRecord | StoreRecord | BarcodeRecord):
            self._exporter.export_item(item)
            self._reporter.see(item)
        elif isinstance(item, GuestItem):
            self._exporter.export_guest(item)
        elif isinstance(item, CategoryEndItem):
            self._exporter.finish_category(item)
            self._reporter.finish_category(item.record)
        elif isinstance(item, CrawlEndItem):
            self._exporter.commit(item)
            item.files += self._exporter.committed
            self._exporter = None
            self._report(item)
        return item

    def _open(self, start: CrawlStartItem) -> None:
        outbox = self.settings.folder(get_kind(start.kind).outbox)
        try:
            self._exporter = CrawlFileExporter(outbox, start, self.spider.clock, self.settings.worker)
        except WorkingFileBusyError as error:
            start.busy_with = str(error)
            return
        self._reporter = CrawlReporter(start, self.stats, self.spider.chain, self.spider.clock, self.settings.worker)

    def _report(self, end: CrawlEndItem | None) -> None:
        assert self._reporter is not None
        report, self._reporter = self._reporter.report(end), None
        self.spider.reports.append(report)
        path = write_report(self.settings.folder("reports"), report, self.settings.keep_sent_days)
        logger.info("report: %s", path)

    def close_spider(self) -> None:
        if self._exporter is not None:
            self._exporter.finish_exporting()
            if self._reporter is not None:
                self._report(None)
