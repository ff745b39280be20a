"""Visits to a site in a real browser, to go on as the same visitor with plain requests (scrapy-playwright).

For sites that ask a browser, or the person before it, something first. The browser opens one page, in a context of its
own that is closed again; its cookies and the name that it goes by are the session. Only a crawl with
``BROWSER_SESSIONS`` set ever starts a browser.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.exceptions import DownloadFailedError
from scrapy.http.request import VerboseCookie
from scrapy.settings import BaseSettings

from splitcart.errors import InputError
from splitcart_scrapy.failures import BlockedError

if TYPE_CHECKING:
    from splitcart_scrapy.spiders.base.site import SiteSpider

HANDLER = "scrapy_playwright.handler.ScrapyPlaywrightDownloadHandler"
# What a browser says of itself with every request, and a plain request of the same visitor repeats.
IDENTITY_HEADERS = ("user-agent", "accept-language", "sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform")
# What reading a page fails with while it replaces itself: a challenge that is passed does that.
MOVES_ON = "page is navigating"

_numbers = count(1)


@dataclass(slots=True)
class Session:
    """A visitor that the site let in: its headers, and cookies as Scrapy takes them."""

    headers: dict[str, str]
    cookies: list[VerboseCookie]
    _given: set[Hashable] = field(default_factory=set)  # the cookie jars that have them

    def dress(self, request: Request) -> None:
        """Let a request go as this visitor; each of the crawl's cookie jars gets the cookies once."""
        for name, value in self.headers.items():
            request.headers[name] = value
        jar = request.meta.get("cookiejar")
        if jar not in self._given:
            self._given.add(jar)
            own = request.cookies
            mine = own if isinstance(own, list) else [VerboseCookie(name=name, value=own[name]) for name in own]
            request.cookies = [*self.cookies, *mine]


def use_browser(settings: BaseSettings, site: str) -> None:
    """Prepare Scrapy's settings for sessions at ``site``, if they ask for them; to show a browser is to ask."""
    headed = settings.getbool("BROWSER_HEADED")
    if not headed and not settings.getbool("BROWSER_SESSIONS"):
        return
    settings.set("BROWSER_SESSIONS", True, priority="cmdline")
    settings.set("DOWNLOAD_HANDLERS", {urlsplit(site).scheme: HANDLER}, priority="spider")
    launch = {"executable_path": settings["BROWSER_EXECUTABLE"], "headless": not headed}
    settings.set("PLAYWRIGHT_LAUNCH_OPTIONS", launch | settings.getdict("BROWSER_LAUNCH_OPTIONS"), priority="spider")
    # The browser speaks for itself; plain requests repeat it, not the other way round.
    settings.set("PLAYWRIGHT_PROCESS_REQUEST_HEADERS", None, priority="spider")


async def open_session(spider: "SiteSpider", url: str, selector: str) -> Session:
    """Open ``url`` in a browser and wait until ``selector`` is there; raise BlockedError if it does not come.

    Where a window is shown, a person has ``BROWSER_PERSON_SECONDS`` to answer what the site asks.
    """
    from playwright.async_api import Error as BrowserError  # noqa: PLC0415 - only hosts that use it need it

    settings = spider.settings
    headed = settings.getbool("BROWSER_HEADED")
    seconds = settings.getfloat("BROWSER_PERSON_SECONDS" if headed else "BROWSER_WAIT_SECONDS")
    headers: dict[str, str] = {}

    async def listen(page: Any, _: Request) -> None:
        async def note(request: Any) -> None:
            if not headers and request.is_navigation_request():
                every = await request.all_headers()
                headers.update({name: every[name] for name in IDENTITY_HEADERS if name in every})

        page.on("request", note)

    meta = {
        "playwright": True,
        "playwright_include_page": True,
        "playwright_context": f"session-{next(_numbers)}",
        "playwright_context_kwargs": {"user_agent": settings["USER_AGENT"], "locale": "en-AU"},
        "playwright_page_init_callback": listen,
        "dont_retry": True,
        "cookiejar": object(),  # one of its own
    }
    assert spider.crawler.engine is not None
    visit = Request(url, meta=meta)
    try:
        await spider.crawler.engine.download_async(visit)
    except (BrowserError, DownloadFailedError, OSError) as error:
        if MOVES_ON not in str(error):
            text = f"no browser: {str(error).splitlines()[0]}; BROWSER_EXECUTABLE names the program"
            raise InputError(text) from error
    page = visit.meta["playwright_page"]
    if headed:
        spider.logger.warning("a browser is open at %s: answer what the site asks within %.0f s", url, seconds)
    try:
        await page.wait_for_selector(selector, state="attached", timeout=seconds * 1000)
        cookies = await page.context.cookies()
    except BrowserError as error:
        raise BlockedError(f"blocked: {url} does not let a browser in within {seconds:.0f} s") from error
    finally:
        await page.context.close()
    spider.count("sessions")
    kept = [VerboseCookie(name=each["name"], value=each["value"], path=each["path"]) for each in cookies]
    return Session(headers, kept)
