"""Network: what lies in the outbox goes to the server, while the next store is being crawled."""

import asyncio
import logging
from typing import Self

from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.statscollectors import StatsCollector

from splitcart.config import Settings, get_settings
from splitcart.errors import InputError
from splitcart.measures.clock import Clock
from splitcart.transfer.client import Client
from splitcart.transfer.outbox import UploadOutcome, upload_outbox
from splitcart_scrapy.items import CrawlEndItem, Item
from splitcart_scrapy.spiders.base import site_spider

logger = logging.getLogger(__name__)

KINDS = ("products", "stores", "barcodes")


class UploadPipeline:
    """Sends all that waits after every crawl, also what an earlier attempt could not; never more than one at a time.

    A file that cannot be sent stays in the outbox, for the next crawl or ``splitcart upload``.
    """

    def __init__(self, settings: Settings, client: Client, stats: StatsCollector, clock: Clock) -> None:
        self.settings = settings
        self.client = client
        self.stats = stats
        self.clock = clock
        self._running: asyncio.Task[None] | None = None
        self._wanted = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        settings = get_settings()
        if not settings.api_server_url:
            raise NotConfigured("API_SERVER_URL is not set: files stay in the outbox")
        try:
            client = Client.from_settings(settings)
        except InputError as error:
            raise NotConfigured(f"{error}; files stay in the outbox") from error
        assert crawler.stats is not None
        return cls(settings, client, crawler.stats, site_spider(crawler).clock)

    def process_item(self, item: Item) -> Item:
        if isinstance(item, CrawlEndItem) and item.files:
            self._wanted = True
            if self._running is None or self._running.done():
                self._running = asyncio.create_task(self._upload())
        return item

    async def close_spider(self) -> None:
        if self._running is not None:
            await self._running

    async def _upload(self) -> None:
        while self._wanted:
            self._wanted = False
            for outcome in await asyncio.to_thread(self._send_waiting):
                self.stats.inc_value(f"splitcart/uploads/{outcome.status}")
                level = logging.INFO if outcome.is_delivered else logging.WARNING
                logger.log(level, "upload of %s: %s %s", outcome.path.name, outcome.status, outcome.message)

    def _send_waiting(self) -> list[UploadOutcome]:
        return upload_outbox(
            self.settings.data_dir, KINDS, self.client, self.clock, keep_days=self.settings.keep_sent_days
        )
