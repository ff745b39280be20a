"""Barcodes of single products: asked of the server what lacks one, and handed back to it."""

import re
from contextlib import ExitStack

import pytest
import pytest_twisted
import sqlalchemy as sa
from pydantic import SecretStr

from splitcart.config import get_settings
from splitcart.database import open_database, reading
from splitcart.database.models import Sku
from splitcart.ingest import CrawlIngester
from splitcart.ingest.updates import update_barcodes_inbox, update_products
from splitcart.measures.clock import shifted_clock
from splitcart.measures.gtin import parse_gtin
from splitcart.replica.sites import coles_rows
from splitcart.replica.sites.weather import Fault, Rule
from splitcart.server import BackgroundServer, create_app
from splitcart_scrapy.parsers.coles_pages import parse_barcode
from splitcart_scrapy.spiders.coles_barcodes import ColesBarcodesSpider
from tests.collect.runs import NOW, figures, outbox, small_market
from tests.collect.test_spiders_page import PAGE

KEY = "sc_secret-key"


@pytest.fixture
def place(replica, crawl, monkeypatch, tmp_path):
    """A server that has taken in one store of Coles, and the market's replica: ``await place()``."""
    with ExitStack() as stack:

        async def start():
            market = small_market("coles", skus=40)
            server = replica(market)
            own = {"data_dir": tmp_path / "server", "api_secret_key": SecretStr(KEY)}
            settings = get_settings().model_copy(update=own)
            engine = open_database(f"sqlite:///{tmp_path / 'splitcart.db'}")
            stack.callback(engine.dispose)
            clock = shifted_clock(NOW)
            app = stack.enter_context(BackgroundServer(create_app(settings, engine, clock)))
            monkeypatch.setenv("API_SERVER_URL", app.url)
            monkeypatch.setenv("API_SECRET_KEY", KEY)
            get_settings.cache_clear()
            await crawl("coles", store=market.stores("coles")[0].store_id)
            update_products(CrawlIngester(engine, settings.data_dir, clock))

            def take():
                update = update_barcodes_inbox(engine, settings.data_dir, clock=clock)
                assert not update.refused
                return update

            return market, server, engine, take

        yield start


def stored(engine):
    with reading(engine) as session:
        return {row.code: row.barcode for row in session.execute(sa.select(Sku.code, Sku.barcode))}


def shown(market, codes):
    """The barcodes that the site's pages name."""
    skus = [market.skus("coles")[code] for code in codes]
    return {
        sku.code: parse_gtin(coles_rows.shown_gtin(sku)).code if coles_rows.shown_gtin(sku) else None
        for sku in skus
        if coles_rows.has_page(sku)
    }


def asked(server):
    """The requests for one product's details, after those of the crawl before."""
    graph = [visit.path for visit in server.book if visit.path == "/api/graphql"]
    return graph[1:] + [visit.path for visit in server.book if visit.path.startswith("/product/")]


@pytest_twisted.ensureDeferred
async def test_every_barcode_that_the_site_shows_reaches_the_database_and_nothing_is_asked_twice(place, crawl, caplog):
    market, server, engine, take = await place()
    codes = set(stored(engine))
    crawler = await crawl("coles_barcodes")
    take()
    assert {code: barcode for code, barcode in stored(engine).items() if barcode} == {
        code: barcode for code, barcode in shown(market, codes).items() if barcode
    }
    assert len(asked(server)) == len(codes)
    assert figures(crawler)["barcodes/missing"] > 0
    (line,) = re.findall(r"coles: \d+ barcodes found for 40 skus without one", caplog.text)
    assert line in " ".join(PAGE.read_text(encoding="utf-8").split())
    assert outbox("barcode") == []
    again = await crawl("coles_barcodes")
    assert len(asked(server)) == len(codes)
    assert figures(again)["barcodes/found"] == 0
    assert figures(again)["finish_reason"] == "finished"


@pytest_twisted.ensureDeferred
async def test_ingredients_and_origin_come_with_the_barcodes_and_without(place, crawl):
    _, _, engine, take = await place()
    await crawl("coles_barcodes")
    update = take()
    with reading(engine) as session:
        rows = list(session.execute(sa.select(Sku.barcode, Sku.ingredients, Sku.country_of_origin)))
    told = [row for row in rows if row.country_of_origin == "Australia"]
    assert all("(90%), Salt, Water." in row.ingredients for row in told)
    assert update.companies["coles"].described == len(told) > 20
    assert {row.barcode is None for row in told} == {True, False}
    # What is told of products without a barcode is handed over once.
    await crawl("coles_barcodes")
    assert outbox("barcode") == []


@pytest_twisted.ensureDeferred
async def test_when_the_api_is_gone_the_products_own_pages_are_read(place, crawl):
    market, server, engine, take = await place()
    server.sites["coles"].api_is_gone = True
    await crawl("coles_barcodes")
    take()
    codes = set(stored(engine))
    assert {code: barcode for code, barcode in stored(engine).items() if barcode} == {
        code: barcode for code, barcode in shown(market, codes).items() if barcode
    }
    assert len([path for path in asked(server) if path.startswith("/product/")]) == len(codes)


@pytest_twisted.ensureDeferred
async def test_a_run_that_is_cut_off_keeps_what_it_found_and_the_next_goes_on(place, crawl, monkeypatch):
    market, server, engine, take = await place()
    codes = set(stored(engine))
    request, times = ColesBarcodesSpider.details_request, []

    def die_at_the_tenth(spider, sku, store):
        times.append(sku)
        if len(times) == 10:
            raise RuntimeError("the machine goes down")
        return request(spider, sku, store)

    monkeypatch.setattr(ColesBarcodesSpider, "details_request", die_at_the_tenth)
    await crawl("coles_barcodes")
    monkeypatch.setattr(ColesBarcodesSpider, "details_request", request)
    server.weather.add(Rule(fault=Fault.BLOCK, path="/api/graphql", after=10))
    crawler = await crawl("coles_barcodes")
    assert figures(crawler)["finish_reason"] == "blocked"
    server.weather.clear()
    await crawl("coles_barcodes", max_skus="5")
    await crawl("coles_barcodes")
    take()
    assert {code for code, barcode in stored(engine).items() if barcode} == {
        code for code, barcode in shown(market, codes).items() if barcode
    }
    assert len(asked(server)) == len(codes) + 1  # the one that was answered with a block


@pytest_twisted.ensureDeferred
async def test_when_no_product_has_a_barcode_any_more_the_site_has_changed_and_nothing_is_noted(
    place, crawl, caplog, monkeypatch
):
    market, server, engine, take = await place()
    await crawl("coles_barcodes", max_skus="10")
    take()
    known = {code for code, barcode in stored(engine).items() if barcode}
    assert 2 < len(known) < 10
    before = len(asked(server))
    with monkeypatch.context() as change:
        change.setattr(coles_rows, "has_page", lambda _: False)
        crawler = await crawl("coles_barcodes", max_skus="8")  # too few to tell: the next run goes on counting
        assert figures(crawler)["finish_reason"] == "finished"
        crawler = await crawl("coles_barcodes")
    assert figures(crawler)["finish_reason"] == "site_changed"
    assert 8 + 1 < len(asked(server)) - before <= 15 + 1  # with that of a product whose barcode is known
    assert "skus in a row have no barcode, nor has" in caplog.text
    assert outbox("barcode") == []
    await crawl("coles_barcodes")
    take()
    assert {code: barcode for code, barcode in stored(engine).items() if barcode} == {
        code: barcode for code, barcode in shown(market, stored(engine)).items() if barcode
    }


@pytest_twisted.ensureDeferred
async def test_many_that_have_none_are_believed_while_the_site_names_others(place, crawl, monkeypatch):
    _, server, engine, take = await place()
    await crawl("coles_barcodes", max_skus="10")
    take()
    known = {code for code, barcode in stored(engine).items() if barcode}
    before = len(asked(server))
    monkeypatch.setattr(coles_rows, "has_page", lambda sku: sku.code in known)
    crawler = await crawl("coles_barcodes")
    assert figures(crawler)["finish_reason"] == "finished"
    assert figures(crawler)["barcodes/missing"] == 30
    assert len(asked(server)) - before in {32, 33}  # with one or two checks more than a check after each fifteen
    await crawl("coles_barcodes")
    assert len(asked(server)) - before in {32, 33}


@pytest_twisted.ensureDeferred
async def test_without_a_server_to_ask_it_is_one_clear_line(crawl, caplog):
    crawler = await crawl("coles_barcodes")
    assert figures(crawler)["finish_reason"] == "failed"
    assert "API_SERVER_URL" in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("linked", "own", "barcode"),
    [
        ('{"@type":"Product","gtin":"9310645321899"}', "null", "9310645321899"),
        ('{"@type":"Product","gtin13":"9310645321899","mpn":"1"}', "null", "9310645321899"),
        (
            '[{"@type":"Organization","gtin":"9300675024235"},{"@type":"Product","mpn":"9310645321899"}]',
            "null",
            "9310645321899",
        ),
        ('{"@type":"Product","mpn":"3890877"}', '"9310645321899"', "9310645321899"),
        ("no JSON", '"9310645321899"', "9310645321899"),
        ('{"@type":"Product","gtin":"9310645321898"}', "null", None),
    ],
)
def test_a_barcode_is_where_the_page_has_it(linked, own, barcode):
    page = (
        f'<html><script type="application/ld+json">{linked}</script><script id="__NEXT_DATA__" type="application/json">'
        f'{{"props":{{"pageProps":{{"product":{{"id":3890877,"gtin":{own}}}}}}},"buildId":"1"}}</script></html>'
    )
    assert parse_barcode(page.encode(), "3890877") == barcode
