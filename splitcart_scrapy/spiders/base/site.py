"""A spider that asks one site one thing after another, and knows what became of every item."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    CloseSpider,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    NotConfigured,
    ResponseDataLossError,
    UsageError,
)
from scrapy.http import Response
from scrapy.settings import BaseSettings
from twisted.python.failure import Failure

from splitcart import __version__
from splitcart.config import Chain, get_chain, get_settings
from splitcart.errors import SplitCartError
from splitcart_scrapy.failures import BlockedError, NetworkError, SiteChangedError, SlowSiteError, refusal
from splitcart_scrapy.items import Item
from splitcart_scrapy.sessions import Session, open_session, use_browser

if TYPE_CHECKING:
    from splitcart_scrapy.watching import CrawlReport

T = TypeVar("T")

READ_ATTEMPTS = 3
MAX_RENEWALS = 3

_NETWORK_ERRORS = (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    ResponseDataLossError,
    OSError,
)


class ItemLostError(Exception):
    """A pipeline failed on an item: what it held is not on disk, and going on would hide that."""


class SiteSpider(Spider):
    """Base of all spiders. A subclass names its ``company`` and says in ``crawl`` what is fetched in which order."""

    company: ClassVar[str]
    # How the spider introduces itself; a site that only answers to browsers gets this behind a browser's name.
    user_agent_prefix: ClassVar[str] = ""
    arguments: ClassVar[tuple[str, ...]] = ()
    # What a page of the site holds that a page of its defence does not.
    session_selector: ClassVar[str] = "body"

    def __init__(self, name: str | None = None, **arguments: Any) -> None:
        super().__init__(name)
        self.check_arguments(arguments)
        self.chain: Chain = get_chain(self.company)
        self.clock = get_settings().clock()
        self.reports: list[CrawlReport] = []  # of the crawls so far, for the monitors of the run
        self._lost: BaseException | None = None
        self._session: Session | None = None
        self._sessions_opened = 0

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        """Take pace and user agent from chain and settings; ``-s`` still wins."""
        super().update_settings(settings)
        settings.set("DOWNLOAD_DELAY", get_chain(cls.company).delay_seconds, priority="spider")
        identity = f"SplitCart/{__version__} (+{get_settings().contact})"
        settings.set("USER_AGENT", f"{cls.user_agent_prefix} {identity}".strip(), priority="spider")
        use_browser(settings, cls.base_url("site"))

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider._item_failed, signal=signals.item_error)  # noqa: SLF001 - its own
        return spider

    @classmethod
    def check_arguments(cls, arguments: Mapping[str, Any]) -> None:
        """Raise UsageError for an argument that this spider does not know; scrapyd's own begin with ``_``."""
        unknown = sorted(name for name in arguments if not name.startswith("_") and name not in cls.arguments)
        if unknown:
            known = ", ".join(f"-a {name}=…" for name in cls.arguments) or "none"
            raise UsageError(f"spider {cls.name}: unknown argument {unknown[0]!r}; known: {known}", print_help=False)

    @abstractmethod
    def crawl(self) -> AsyncGenerator[Item]:
        """Fetch, and yield items in the order in which pipelines shall see them.

        It goes on when the pipelines are through with an item.
        """

    async def start(self) -> AsyncIterator[Any]:
        assert self.crawler.engine is not None
        scraper = self.crawler.engine.scraper
        try:
            async with aclosing(self.crawl()) as items:
                async for item in items:
                    # Yielded, it would be one of many on their way: slower, and nobody would know what became of it.
                    await scraper.start_itemproc_async(item, response=None)
                    if self._lost is not None:
                        raise ItemLostError(f"an item could not be kept: {self._lost}") from self._lost
        except ItemLostError as error:
            self.logger.critical("%s", error)
            raise CloseSpider("cannot_write") from error
        except SplitCartError as error:
            self.logger.error("%s", error)  # noqa: TRY400 - one line says it
            raise CloseSpider("failed") from error
        nothing: tuple[Request, ...] = ()
        for request in nothing:  # Scrapy wants a generator
            yield request

    def _item_failed(self, failure: Failure) -> None:
        self._lost = self._lost or failure.value

    @classmethod
    def base_url(cls, key: str) -> str:
        """Return the base URL of the site or API, as the settings or else the chain name it."""
        return get_settings().base_url(cls.company, key, get_chain(cls.company).base_urls[key])

    async def fetch(self, request: Request, *, is_page: bool = False) -> Response:
        """Return the answer to a request for JSON, or for an HTML page.

        Raises a SiteError for a block, a refusal or a broken connection; before a block is taken for an answer, a
        browser tries to be let in, if the settings allow one.
        """
        try:
            return await self._fetch(request, is_page=is_page)
        except BlockedError as error:
            opened = self._sessions_opened
            if not self.settings.getbool("BROWSER_SESSIONS") or opened >= self.settings.getint("BROWSER_SESSIONS_MAX"):
                raise
            self._sessions_opened += 1
            self.logger.warning("%s; opening a browser", error)
            url = f"{self.base_url('site')}/"
            self._session = await open_session(self, url, self.session_selector)
            return await self._fetch(request.replace(dont_filter=True), is_page=is_page)

    async def _fetch(self, request: Request, *, is_page: bool) -> Response:
        assert self.crawler.engine is not None
        if self._session is not None:
            self._session.dress(request)
        if not is_page:
            request.meta["dont_redirect"] = True
        try:
            response = await self.crawler.engine.download_async(request)
        except DownloadTimeoutError as error:
            raise SlowSiteError(f"no answer in time from {request.url}, also when asked again") from error
        except _NETWORK_ERRORS as error:
            raise NetworkError(f"no answer from {request.url}: {error or type(error).__name__}") from error
        except IgnoreRequest as error:
            raise BlockedError(f"not asked for, robots.txt forbids it: {request.url}") from error
        names_wait = "Retry-After" in response.headers
        problem = refusal(
            response.status,
            response.body,
            request.url,
            is_page=is_page,
            names_wait=names_wait,
            content_type=(response.headers.get("Content-Type") or b"").decode("latin-1"),
        )
        if problem is not None:
            raise problem
        return response

    async def read(self, request: Request, parse: Callable[[bytes], T], *, is_page: bool = False) -> T:
        """Fetch and parse; an answer that cannot be read (cut off, another form) is asked for again at first.

        Before it gives up, ``renew`` may find another request for the same.
        """
        unread = renewed = 0
        while True:
            try:
                response = await self.fetch(request, is_page=is_page)
                return parse(response.body)
            except SiteChangedError as error:
                if error.status is None and (unread := unread + 1) < READ_ATTEMPTS:
                    self.logger.warning("%s (%s); asking again", error, request.url)
                    continue
                again = await self.renew(request, error) if renewed < MAX_RENEWALS else None
                if again is None:
                    raise
                request, unread, renewed = again, 0, renewed + 1

    async def renew(self, request: Request, problem: SiteChangedError) -> Request | None:  # noqa: ARG002 - for those that can
        """Return a request for the same that may be answered where this one was not, None if there is none.

        Sites whose requests carry something that runs out read it again here.
        """
        return None

    def count(self, key: str, by: int = 1) -> None:
        """Add to one of the crawl's figures, shown among Scrapy's stats as ``splitcart/<key>``."""
        assert self.crawler.stats is not None
        self.crawler.stats.inc_value(f"splitcart/{key}", by)


def site_spider(crawler: Crawler) -> SiteSpider:
    """Return the spider of a crawler, for components that need its chain or its clock; others do without them."""
    if not isinstance(crawler.spider, SiteSpider):
        raise NotConfigured(f"{crawler.spider!r} is no spider of SplitCart")
    return crawler.spider
