"""Being let in by a real browser, and going on as the same visitor."""

import asyncio
import logging
from contextlib import suppress

import pytest
import pytest_twisted
from playwright.async_api import Error
from scrapy.crawler import CrawlerRunner

from tests.collect.runs import figures, outbox, project_settings, seen, small_market, the_file, truth

BROWSER = {"BROWSER_SESSIONS": True, "BROWSER_WAIT_SECONDS": 60}


@pytest.fixture
def guarded(replica):
    """A small market of Coles whose site asks visitors something: ``market, server, site = guarded("challenge")``."""

    def start(mode):
        market = small_market("coles")
        server = replica(market)
        site = server.sites["coles"]
        site.defence.mode = mode
        return market, server, site

    return start


@pytest_twisted.ensureDeferred
async def test_a_challenge_that_a_browser_passes_is_passed_and_plain_requests_go_on(guarded, crawl):
    market, _, site = guarded("challenge")
    site.defence.lasts = 5
    store = market.stores("coles")[0].store_id
    crawler = await crawl("coles", BROWSER, store=store)
    rows, closing = the_file()
    assert seen(rows) == truth(market, "coles", store)
    assert closing.complete
    assert figures(crawler)["sessions"] >= 2  # the first clearance ran out
    browsed = crawler.stats.get_value("playwright/page_count")
    assert browsed == figures(crawler)["sessions"] == crawler.stats.get_value("playwright/context_count")
    assert crawler.stats.get_value("playwright/context_count/max_concurrent") == 1


@pytest_twisted.ensureDeferred
async def test_without_a_browser_a_challenge_is_a_block(guarded, crawl):
    market, server, _ = guarded("challenge")
    crawler = await crawl("coles", store=market.stores("coles")[0].store_id)
    assert figures(crawler)["finish_reason"] == "blocked"
    assert len(server.book) == 1
    assert outbox() == []


@pytest_twisted.ensureDeferred
async def test_a_person_answers_what_the_site_asks_and_the_crawl_goes_on(guarded, caplog):
    caplog.set_level(logging.INFO)
    market, _, _ = guarded("captcha")
    store = market.stores("coles")[0].store_id
    # A window without a screen: Chromium's own way to be headed where there is none.
    window = {
        "BROWSER_HEADED": True,
        "BROWSER_PERSON_SECONDS": 60,
        "BROWSER_LAUNCH_OPTIONS": {"args": ["--headless=new"]},
    }
    crawler = CrawlerRunner(project_settings(**window)).create_crawler("coles")
    person = asyncio.ensure_future(press_the_button(crawler))
    await crawler.crawl(store=store)
    person.cancel()
    rows, _ = the_file()
    assert seen(rows) == truth(market, "coles", store)
    assert figures(crawler)["sessions"] == 1
    assert "answer what the site asks within 60 s" in caplog.text


@pytest_twisted.ensureDeferred
async def test_a_browser_that_is_not_let_in_is_a_block(guarded, crawl):
    market, _, _ = guarded("captcha")
    settings = {"BROWSER_SESSIONS": True, "BROWSER_WAIT_SECONDS": 0.5}
    crawler = await crawl("coles", settings, store=market.stores("coles")[0].store_id)
    assert figures(crawler)["finish_reason"] == "blocked"
    assert outbox() == []


@pytest_twisted.ensureDeferred
async def test_a_browser_that_is_not_there_is_one_clear_line(guarded, crawl, caplog):
    market, _, _ = guarded("challenge")
    settings = BROWSER | {"BROWSER_EXECUTABLE": "/nowhere/chromium"}
    crawler = await crawl("coles", settings, store=market.stores("coles")[0].store_id)
    assert figures(crawler)["finish_reason"] == "failed"
    assert "BROWSER_EXECUTABLE names the program" in caplog.text


async def press_the_button(crawler):
    """What a person does: find the button in the window and press it."""
    for _ in range(1200):
        await asyncio.sleep(0.05)
        handlers = crawler.engine.downloader.handlers if crawler.engine else None
        handler = handlers._handlers.get("http") if handlers else None
        for frame in [
            frame
            for wrapper in (handler.context_wrappers.values() if handler else ())
            for page in wrapper.context.pages
            for frame in page.frames
        ]:
            with suppress(Error):  # it was just replaced by another page
                if button := await frame.query_selector("#person"):
                    await button.click()
                    return
