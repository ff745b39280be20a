"""Downloader middlewares."""

import asyncio
import logging
from typing import Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares import cookies
from scrapy.http import Response
from tldextract import TLDExtract

from splitcart.measures.clock import Clock
from splitcart.measures.retry_after import retry_after_seconds
from splitcart_scrapy.spiders.base import site_spider

logger = logging.getLogger(__name__)

# At the first cookie, Scrapy would fetch the newest list of public suffixes from a third site; the packaged one does.
cookies._split_domain = TLDExtract(suffix_list_urls=(), include_psl_private_domains=True)  # noqa: SLF001 - no setting for it

WAITED = "splitcart_waits"


class RetryAfterMiddleware:
    """Wait as long as a 429 or 503 asks for and try again; leave it to the spider when that is too long or too often.

    For a 429 without a Retry-After header the wait doubles from ``RETRY_AFTER_DEFAULT_SECONDS``; a 503 without one is
    any failure of the server.
    """

    def __init__(self, max_seconds: float, default_seconds: float, times: int, clock: Clock) -> None:
        self.max_seconds = max_seconds
        self.default_seconds = default_seconds
        self.times = times
        self.clock = clock

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        settings = crawler.settings
        return cls(
            settings.getfloat("RETRY_AFTER_MAX_SECONDS"),
            settings.getfloat("RETRY_AFTER_DEFAULT_SECONDS"),
            settings.getint("RETRY_AFTER_TIMES"),
            site_spider(crawler).clock,
        )

    async def process_response(self, request: Request, response: Response) -> Request | Response:
        if response.status not in {429, 503}:
            return response
        waits = request.meta.get(WAITED, 0)
        header = (response.headers.get("Retry-After") or b"").decode("latin-1")
        seconds = retry_after_seconds(header, self.clock)
        if seconds is None:
            if response.status == 503:
                return response
            seconds = self.default_seconds * 2**waits
        if waits >= self.times or seconds > self.max_seconds:
            request.meta["dont_retry"] = True  # nor by Scrapy, which would not wait
            return response
        logger.info("%s answers %d: waiting %.0f s", request.url, response.status, seconds)
        await asyncio.sleep(seconds)
        again = request.replace(dont_filter=True)
        again.meta[WAITED] = waits + 1
        return again
