"""A spider and a replica site in one process, without a network between them: each answer may be replaced."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import CrawlerRunner
from scrapy.http import Response
from scrapy.statscollectors import MemoryStatsCollector

from splitcart.measures.lease import StoreLease
from splitcart.replica.market import Market
from splitcart.replica.server import make_sites
from splitcart.transfer.records import ProductRecord
from splitcart_scrapy.items import CategoryEndItem
from splitcart_scrapy.spiders.base import StorePricesSpider
from splitcart_scrapy.spiders.base.store_crawl import StoreCrawl
from tests.collect.runs import NOW, project_settings

T = TypeVar("T")

Answer = Response | Exception
Trouble = Callable[[Request], Answer | None]


class Line:
    """Stands for Scrapy's engine. ``trouble`` may answer a request in the site's place; ``asked`` are all of them."""

    def __init__(self, chain: str, market: Market, agent: str) -> None:
        self.chain = chain
        self.site = make_sites(market, lambda: NOW)[chain]
        self.trouble: Trouble = lambda _: None
        self.asked: list[Request] = []
        self.cookies: dict[str, str] = {}
        self._agent = agent

    async def download_async(self, request: Request) -> Response:
        self.asked.append(request)
        answer = self.trouble(request)
        if isinstance(answer, Exception):
            raise answer
        return answer or await self._site_answers(request)

    async def _site_answers(self, request: Request) -> Response:
        address = urlsplit(request.url)
        own = request.cookies if isinstance(request.cookies, dict) else {}
        cookies = "; ".join(f"{name}={value}" for name, value in (self.cookies | own).items())
        given = [(name.lower(), b",".join(values)) for name, values in request.headers.items()]
        given += [(b"user-agent", self._agent.encode()), (b"cookie", cookies.encode())]
        scope = {"type": "http", "method": request.method, "path": address.path, "query_string": address.query.encode()}
        scope |= {"headers": given, "root_path": "", "http_version": "1.1", "scheme": "http"}
        messages: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": request.body, "more_body": False}

        async def send(message: Any) -> None:
            messages.append(message)

        await self.site.app(scope, receive, send)
        headers = [(name.decode(), value.decode()) for name, value in messages[0]["headers"]]
        self.cookies |= dict(value.split(";")[0].split("=", 1) for name, value in headers if name == "set-cookie")
        body = b"".join(message.get("body", b"") for message in messages[1:])
        return Response(request.url, status=messages[0]["status"], headers=dict(headers), body=body)


def spider_on_a_line(chain: str, market: Market) -> tuple[StorePricesSpider, Line]:
    crawler = CrawlerRunner(project_settings()).create_crawler(chain)
    crawler.stats = MemoryStatsCollector(crawler)
    spider = crawler.spidercls.from_crawler(crawler)
    line = Line(chain, market, crawler.settings["USER_AGENT"])
    spider.crawler.engine = line
    return spider, line


async def crawl_store(
    spider: StorePricesSpider, lease: StoreLease, after_each_category: Callable[[], Any] = lambda: None
) -> tuple[StoreCrawl, dict[str, ProductRecord]]:
    """Crawl as the spider does, with nobody but this test behind it; the answer is the crawl and its rows by sku."""
    crawl = StoreCrawl(spider, lease)
    rows: dict[str, ProductRecord] = {}
    unwritten = 0
    async for item in crawl.items():
        if isinstance(item, ProductRecord):
            unwritten += item.sku not in rows
            rows[item.sku] = item
        elif isinstance(item, CategoryEndItem):
            item.record.rows, unwritten = unwritten, 0
            after_each_category()
    return crawl, rows


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run what waits for nothing outside this process; no event loop is needed for that."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("something waited for the world outside")
