"""Extensions: what accompanies a crawl as a whole."""

import asyncio
from typing import Self

from scrapy import signals
from scrapy.crawler import Crawler

LOOK_SECONDS = 0.2


class CloseWhenItemsHaveLeft:
    """Lets a spider that is told to stop while its items are in the pipelines come to its end.

    Scrapy 2.19 waits for items that ``start()`` yielded, but looks only when a response has been handled whether they
    have left: a spider whose items all come from there would wait for ever.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self._looking: asyncio.Task[None] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls(crawler)
        crawler.signals.connect(extension.spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(extension.spider_closed, signal=signals.spider_closed)
        return extension

    def spider_opened(self) -> None:
        self._looking = asyncio.ensure_future(self._look())

    def spider_closed(self) -> None:
        if self._looking is not None:
            self._looking.cancel()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            engine, spider = self.crawler.engine, self.crawler.spider
            slot = engine.scraper.slot if engine else None
            if spider and slot and slot.closing and not slot.closing.called and slot.is_idle():
                slot.closing.callback(spider)
