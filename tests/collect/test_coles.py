"""Coles' spiders where its site differs from the others: keys that change, pages in place of the API, long listings."""

import pytest
import pytest_twisted

from splitcart.replica.config import CHAINS
from splitcart.replica.sites import coles_defence
from splitcart.replica.sites.weather import Fault, Rule
from splitcart.transfer.records import FailureClass
from splitcart_scrapy.failures import BlockedError, SiteChangedError, refusal
from splitcart_scrapy.parsers.coles_pages import parse_way_in
from splitcart_scrapy.spiders.coles import ColesSpider
from tests.collect.runs import figures, outbox, seen, small_market, the_file, truth, working_files

RICH = {"unpriced_share": 0.05, "cross_listed_share": 0.1, "promoted_share": 0.5}
FULL = {"roots": None, "leaves_per_root": None}


@pytest.fixture
def coles(replica):
    """A market of Coles and the switches of its site: ``market, server, site = coles(skus=200)``."""

    def start(*, ignores_store=False, **figures_):
        market = small_market("coles", **figures_)
        server = replica(market, ignores_store=ignores_store)
        return market, server, server.sites["coles"]

    return start


def store_of(market, number=0):
    return market.stores("coles")[number].store_id


def test_the_market_knows_the_chain():
    assert "coles" in CHAINS


@pytest_twisted.ensureDeferred
async def test_rows_have_the_path_and_the_facts_that_the_site_tells(coles, crawl):
    market, _, _ = coles(skus=200, **RICH)
    await crawl("coles", store=store_of(market))
    rows, _ = the_file()
    skus = market.skus("coles")
    assert {row.sku: row.category_path for row in rows} == {row.sku: skus[row.sku].path for row in rows}
    for row in rows:
        sku = skus[row.sku]
        assert (row.name, row.brand, row.size) == (sku.name, sku.brand, sku.size)
        assert row.available == (row.price_cents is not None)
        assert row.url.startswith("https://www.coles.com.au/product/")
        assert row.url.endswith(f"-{sku.code}")
        assert row.image_url == f"https://cdn.productimages.coles.com.au/productimages/{sku.code[0]}/{sku.code}.jpg"
        assert row.description == f"{sku.brand} {sku.name} {sku.size}".upper()


@pytest.mark.parametrize("key_in_script", [False, True])
@pytest_twisted.ensureDeferred
async def test_a_key_that_changes_half_way_is_read_again(coles, crawl, monkeypatch, key_in_script):
    market, server, site = coles(skus=200)
    asked = 0
    search = ColesSpider.listing_request

    def deploy_after_one(spider, *arguments):
        nonlocal asked
        asked += 1
        request = search(spider, *arguments)
        if asked == 2:
            site.deploy(key_in_script=key_in_script)
        return request

    monkeypatch.setattr(ColesSpider, "listing_request", deploy_after_one)
    crawler = await crawl("coles", store=store_of(market))
    rows, closing = the_file()
    assert seen(rows) == truth(market, "coles", store_of(market))
    assert closing.complete
    assert [visit.status for visit in server.book].count(401) == 1
    assert [visit.path for visit in server.book].count("/") == 2
    assert "turned_to_pages" not in figures(crawler)


@pytest_twisted.ensureDeferred
async def test_when_the_api_is_gone_the_pages_are_read_and_name_the_store(coles, crawl, caplog):
    market, server, site = coles(skus=400, **RICH, **FULL)
    site.api_is_gone = True
    crawler = await crawl("coles", store=store_of(market))
    rows, closing = the_file()
    assert seen(rows) == truth(market, "coles", store_of(market))
    assert (closing.complete, closing.store_verified) == (True, True)
    assert figures(crawler)["turned_to_pages"] == 1
    assert "reading pages from now on" in caplog.text
    assert any("/_next/data/" in visit.path and visit.store == store_of(market) for visit in server.book)


@pytest_twisted.ensureDeferred
async def test_an_api_that_goes_half_way_is_replaced_by_pages_from_there(coles, crawl):
    market, server, _ = coles(skus=400)
    server.weather.add(Rule(fault=Fault.TRUNCATE, path="/api/bff/", after=3))
    await crawl("coles", store=store_of(market))
    rows, closing = the_file()
    assert seen(rows) == truth(market, "coles", store_of(market))
    assert (closing.complete, closing.store_verified) == (True, True)


@pytest_twisted.ensureDeferred
async def test_a_build_id_that_changes_half_way_is_read_again(coles, crawl, monkeypatch):
    market, server, site = coles(skus=200, **FULL)
    site.api_is_gone = True
    asked = 0
    data = ColesSpider.data_request

    def deploy_later(spider, *arguments):
        nonlocal asked
        asked += 1
        request = data(spider, *arguments)
        if asked == 2:
            site.deploy()
        return request

    monkeypatch.setattr(ColesSpider, "data_request", deploy_later)
    await crawl("coles", store=store_of(market))
    rows, closing = the_file()
    assert seen(rows) == truth(market, "coles", store_of(market))
    assert closing.complete
    assert [visit.status for visit in server.book if "/_next/" in visit.path].count(404) == 1


@pytest_twisted.ensureDeferred
async def test_pages_of_another_store_are_refused(coles, crawl, desk):
    market, _, site = coles(ignores_store=True)
    site.api_is_gone = True
    desk.put("coles", store_of(market, 1))
    await crawl("coles")
    assert outbox() == working_files() == []
    assert desk.released == [(store_of(market, 1), "failed", "wrong_store")]


@pytest_twisted.ensureDeferred
async def test_a_store_that_the_site_does_not_know_is_named_so(coles, crawl):
    coles()
    crawler = await crawl("coles", store="COL:9999")
    assert figures(crawler)["finish_reason"] == "unknown_store"
    assert outbox() == []


@pytest_twisted.ensureDeferred
async def test_a_listing_over_the_cap_is_walked_by_its_parts(coles, crawl, monkeypatch):
    market, server, site = coles(skus=400, roots=1, leaves_per_root=1, unpriced_share=0.05)
    site.shelves.page_cap = 3
    monkeypatch.setattr(ColesSpider, "max_listing_rows", 3 * 48)
    await crawl("coles", store=store_of(market))
    rows, closing = the_file()
    assert seen(rows) == truth(market, "coles", store_of(market))
    assert closing.complete
    assert any("categoryLevel=2" in visit.path for visit in server.book)
    assert any("categoryLevel=3" in visit.path for visit in server.book)


@pytest_twisted.ensureDeferred
async def test_parts_that_show_less_than_the_whole_announced_leave_the_category_incomplete(coles, crawl, monkeypatch):
    market, _, site = coles(skus=400, roots=1, leaves_per_root=1)
    site.shelves.page_cap = 1
    monkeypatch.setattr(ColesSpider, "max_listing_rows", 48)
    await crawl("coles", store=store_of(market))
    _, closing = the_file()
    assert not closing.complete
    assert any("in its parts" in (record.problem or "") for record in closing.categories)


@pytest.mark.parametrize("fault", [Fault.BLOCK, Fault.CHALLENGE, Fault.FORBIDDEN])
@pytest.mark.parametrize("path", ["", "/api/"])
@pytest_twisted.ensureDeferred
async def test_every_kind_of_block_ends_the_spider_at_once(coles, crawl, desk, fault, path):
    market, server, _ = coles()
    desk.put("coles", store_of(market), store_of(market, 1))
    server.weather.add(Rule(fault=fault, path=path))
    crawler = await crawl("coles")
    assert figures(crawler)["finish_reason"] == FailureClass.BLOCKED
    assert desk.released == [(store_of(market), "failed", "blocked")]
    assert len(server.book) <= 2
    assert outbox() == working_files() == []


@pytest.mark.parametrize(
    ("status", "body", "is_page", "failure_class"),
    [
        (200, coles_defence.challenge_page("/"), True, FailureClass.BLOCKED),
        (200, coles_defence.captcha_page("/"), True, FailureClass.BLOCKED),
        (200, "<html><title>Pardon Our Interruption</title></html>", True, FailureClass.BLOCKED),
        (404, coles_defence.challenge_page("/"), False, FailureClass.BLOCKED),
        (403, "{}", False, FailureClass.BLOCKED),
        (429, "{}", False, FailureClass.RATE_LIMITED),
        (200, "<html></html>", False, FailureClass.BLOCKED),
        (200, "\ufeff <html></html>", False, FailureClass.BLOCKED),
        (200, "Request unsuccessful. Incapsula incident ID: 1-2", False, FailureClass.BLOCKED),
        (401, '{"statusCode":401}', False, FailureClass.SITE_CHANGED),
        (404, "<!DOCTYPE html><h1>This page could not be found</h1>", False, FailureClass.SITE_CHANGED),
        (503, "{}", False, FailureClass.NETWORK),
    ],
)
def test_a_block_is_told_from_a_stale_key_a_stale_build_id_and_an_outage(status, body, is_page, failure_class):
    problem = refusal(status, body.encode(), "https://example.org/", is_page=is_page)
    assert problem.failure_class is failure_class
    assert getattr(problem, "status", None) == (status if failure_class is FailureClass.SITE_CHANGED else None)


def test_a_page_without_its_data_is_a_block_and_one_of_another_form_a_changed_site():
    with pytest.raises(BlockedError):
        parse_way_in(b"<html><body>Welcome</body></html>")
    with pytest.raises(SiteChangedError, match="buildId"):
        parse_way_in(b'<script id="__NEXT_DATA__" type="application/json">{}</script>')
