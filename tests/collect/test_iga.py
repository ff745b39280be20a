"""IGA's spiders where its site differs from the others: prices of each store's own, two registries, endings."""

import json
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress

import pytest
import pytest_twisted
from hypothesis import given, settings
from hypothesis import strategies as st
from scrapy.exceptions import UsageError

from splitcart.config import get_chain
from splitcart.replica.config import ChainConfig, MarketConfig
from splitcart.replica.market import Market
from splitcart.replica.sites.weather import Fault, Rule
from splitcart_scrapy.failures import SiteChangedError
from splitcart_scrapy.parsers import Listing
from splitcart_scrapy.parsers.iga_stores import parse_online_stores, parse_stores
from splitcart_scrapy.sightings import Sightings, spread
from splitcart_scrapy.spiders.base.arguments import StoreArguments
from splitcart_scrapy.spiders.iga import IgaSpider
from tests.collect.runs import figures, outbox, read, seen, small_market, the_file, truth, working_files
from tests.collect.test_command import PROJECT

FEW = {"stores": 4, "skus": 150, "leaves_per_root": 4}
OWN_PRICES = FEW | {"solo_share": 1.0, "solo_difference": 0.6, "small_share": 0.4, "range_noise": 0.02}
OWN_PRICES |= {"promoted_share": 0.4, "cross_listed_share": 0.1, "unpriced_share": 0.02, "petrol_share": 1.0}
SHOPS = ChainConfig(stores=40, skus=40, dirty_share=0.2, petrol_share=1.0, isolated_share=0.2)


def online(market):
    return [store for store in market.stores("iga") if store.priced]


def asked_as(store):
    return f"{store.store_id}@{store.retailer_store_id}"


def lend(desk, stores):
    for store in stores:
        desk.put("iga", store.store_id, retailer_store_id=store.retailer_store_id)


@pytest_twisted.ensureDeferred
async def test_every_store_of_the_market_has_its_own_prices_and_each_crawl_the_store_s(replica, crawl, desk):
    market = small_market("iga", **OWN_PRICES)
    replica(market)
    lend(desk, online(market))
    await crawl("iga")
    crawled = {closing.store_id: (seen(rows), closing) for rows, closing in map(read, outbox())}
    assert {store: rows for store, (rows, _) in crawled.items()} == {
        store.store_id: truth(market, "iga", store.store_id) for store in online(market)
    }
    assert all(closing.complete for _, closing in crawled.values())
    # The site names no store in its answers: nothing says that they are the asked store's.
    assert {closing.store_verified for _, closing in crawled.values()} == {None}
    one, other = list(crawled.values())[:2]
    shared = one[0].keys() & other[0].keys()
    assert sum(one[0][code] == other[0][code] for code in shared) < 0.9 * len(shared)


@pytest_twisted.ensureDeferred
async def test_foul_weather_and_kills_cost_no_row_and_double_none(replica, crawl, desk, monkeypatch):
    monkeypatch.setattr(IgaSpider, "page_size", 10)
    market = small_market("iga", **OWN_PRICES)
    server = replica(market)
    kill_half_way(server, online(market)[0])
    for rule in (
        Rule(fault=Fault.RESET, after=3, every=17, times=6),
        Rule(fault=Fault.RATE_LIMIT, after=5, every=19, times=6, seconds=0),
        Rule(fault=Fault.SERVER_ERROR, after=9, every=23, times=6),
        Rule(fault=Fault.TRUNCATE, after=11, every=29, times=6, path="/search"),
        Rule(fault=Fault.HTML, after=50, every=200, times=2, path="/search"),
        Rule(fault=Fault.BLOCK, after=40, every=90, times=3),
    ):
        server.weather.add(rule)
    rounds = 0
    while unfinished := [store for store in online(market) if store.store_id not in complete_stores(market)]:
        rounds += 1
        assert rounds < 12
        lend(desk, unfinished)
        await crawl("iga", {"RETRY_TIMES": 0})
        desk.waiting.clear()
    assert rounds > 2
    assert not working_files()
    expected = {store.store_id: truth(market, "iga", store.store_id) for store in online(market)}
    for rows, closing in map(read, outbox()):  # also those of what was blocked: each row is the store's, at its price
        assert seen(rows).items() <= expected[closing.store_id].items()
        skus = market.skus("iga")
        for record in closing.categories:
            here = {code for code in expected[closing.store_id] if skus[code].root == record.category}
            if record.complete:
                own = {row.sku for row in rows if row.category_path[0] == record.category and not row.listed_in}
                assert own == here
                shown = own | {row.sku for row in rows if row.listed_in == record.category}
                assert (record.rows, record.guests) == (len(shown), len(shown - here))


def kill_half_way(server, store):
    """Start a crawl in a process of its own and kill it amid a listing."""
    hold = server.weather.add(Rule(fault=Fault.DELAY, path="/search", after=8, times=1, seconds=5))
    command = [sys.executable, "-m", "scrapy", "crawl", "iga", "-a", f"store={asked_as(store)}"]
    process = subprocess.Popen(
        [*command, "-s", "DOWNLOAD_DELAY=0", "-s", "LOG_LEVEL=DEBUG"],
        cwd=PROJECT,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert process.stderr is not None
    answered = (line for line in process.stderr if "Crawled (" in line and "/search" in line)
    for _ in range(8):
        next(answered)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    server.weather.remove(hold)
    assert working_files()


def complete_stores(market):
    """The stores that one file shows whole."""
    return {closing.store_id for _, closing in map(read, outbox()) if closing.complete}


@pytest_twisted.ensureDeferred
async def test_rows_have_the_path_and_the_facts_that_the_site_tells(replica, crawl):
    market = small_market("iga", skus=300, roots=None, leaves_per_root=None, cross_listed_share=0.1)
    replica(market)
    store = online(market)[0]
    await crawl("iga", store=asked_as(store))
    rows, _ = the_file()
    skus = market.skus("iga")
    for row in rows:
        sku = skus[row.sku]
        assert (row.name, row.brand, row.category_path, row.size) == (sku.name, sku.brand or None, sku.path, sku.size)
        is_local = sku.gtin is not None and sku.gtin.startswith("02")
        assert row.barcode == (None if is_local else sku.gtin)
    assert not [row for row in rows if row.flags]
    weighed = [row for row in rows if row.size == "per kg"]
    assert weighed
    assert all(row.unit_measure == "1 kg" and row.unit_price_cents == row.price_cents for row in weighed)
    assert {row.brand for row in rows if row.category_path[0] == "Fruit and Vegetable"} >= {None}
    assert {row.allergens for row in rows} == {None, "May be present: Soy, Milk"}
    assert {row.country_of_origin for row in rows} == {None, "Australia"}
    assert all(row.ingredients for row in rows if row.allergens)
    assert {row.available for row in rows} == {True, False}
    assert any(row.image_url is None for row in rows)


@pytest.mark.parametrize("at", [0, 1])
@pytest_twisted.ensureDeferred
async def test_a_listing_ends_also_where_the_site_repeats_its_last_page_for_ever(replica, crawl, monkeypatch, at):
    monkeypatch.setattr(IgaSpider, "page_size", 7)
    market = small_market("iga", skus=100, leaves_per_root=4)
    server = replica(market)
    store = online(market)[at]  # the first of every three repeats
    whole = IgaSpider.parse_listing

    def without_total(body, listing, roots):
        page = whole(body, listing, roots)
        page.total = None
        return page

    monkeypatch.setattr(IgaSpider, "parse_listing", staticmethod(without_total))
    await crawl("iga", store=asked_as(store))
    rows, closing = the_file()
    assert seen(rows) == truth(market, "iga", store.store_id)
    assert closing.complete
    leaves = sum(len(root.leaves()) for root in market.tree("iga").roots)
    assert sum("/search" in visit.path for visit in server.book) < len(rows) / 7 + 2 * leaves + 2


@pytest_twisted.ensureDeferred
async def test_a_category_that_the_store_lacks_is_seen_to_be_empty(replica, crawl):
    market = small_market("iga", skus=30, roots=None, leaves_per_root=None)
    server = replica(market)
    store = online(market)[0]
    await crawl("iga", store=asked_as(store))
    rows, closing = the_file()
    assert seen(rows) == truth(market, "iga", store.store_id)
    assert closing.complete
    statuses = Counter(visit.status for visit in server.book if "/search" in visit.path)
    assert statuses[404] > 3
    assert statuses[200] > 3
    assert {record.rows for record in closing.categories if record.category == "Other"} == {0}


@pytest_twisted.ensureDeferred
async def test_a_store_without_an_online_shop_is_unknown_there(replica, crawl, desk):
    market = small_market("iga", petrol_share=1.0)
    server = replica(market)
    offline = next(store for store in market.stores("iga") if not store.priced and store.retailer_store_id)
    untagged = next(store for store in market.stores("iga") if store.retailer_store_id is None)
    lend(desk, [offline, untagged])
    await crawl("iga")
    assert desk.released == [(store.store_id, "failed", "unknown_store") for store in (offline, untagged)]
    assert outbox() == working_files() == []
    assert len(server.book) == 2


@pytest.mark.parametrize(
    ("fault", "path", "failure_class"),
    [
        (Fault.CHALLENGE, "/search", "blocked"),
        (Fault.BLOCK, "/categoryHierarchy", "blocked"),
        (Fault.HTML, "/search", "blocked"),
        (Fault.SERVER_ERROR, "RSID", "network"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_block_is_told_from_an_outage(replica, crawl, desk, fault, path, failure_class):
    market = small_market("iga", skus=20)
    server = replica(market)
    server.weather.add(Rule(fault=fault, path=path))
    lend(desk, online(market)[:1])
    crawler = await crawl("iga", {"RETRY_TIMES": 0})
    assert figures(crawler)[f"failures/{failure_class}"] == 1
    assert desk.released == [(online(market)[0].store_id, "failed", failure_class)]
    assert outbox() == working_files() == []
    assert len(server.book) <= 5


def test_a_named_store_comes_with_the_number_that_the_site_knows_it_by():
    chain = get_chain("iga")
    assert StoreArguments.parse({"store": "14850@32600, 14851@32601"}, chain, needs_number=True).stores == (
        ("14850", "32600"),
        ("14851", "32601"),
    )
    with pytest.raises(UsageError, match=r"store='14850': IGA's site .* expected ID@NUMBER"):
        StoreArguments.parse({"store": "14850"}, chain, needs_number=True)
    with pytest.raises(UsageError, match="'x' is no store of IGA"):
        StoreArguments.parse({"store": "x@32600"}, chain, needs_number=True)


@pytest_twisted.ensureDeferred
async def test_a_sweep_joins_both_registries(replica, crawl):
    market = Market(MarketConfig(chains={"iga": SHOPS}))
    server = replica(market)
    crawler = await crawl("iga_stores")
    rows, closing = the_file("store")
    stores = {store.store_id: store for store in market.stores("iga")}
    assert sorted(row.store_id for row in rows) == sorted(stores)
    assert (closing.complete, closing.rows) == (True, len(stores))
    for row in rows:
        store = stores[row.store_id]
        assert row.retailer_store_id == store.retailer_store_id
        assert (row.division == "IGA Online") == store.priced
        known = bool(store.latitude and store.longitude)
        exact = 1e-6 if store.priced else 1e-4
        assert (row.latitude is not None) == known
        assert not known or (row.latitude, row.longitude) == pytest.approx((store.latitude, store.longitude), abs=exact)
        assert row.hours == ["Mon-Fri: 7am-9pm", "Sat-Sun: 8am-8pm"]
    assert {row.retailer_store_id is None for row in rows} == {True, False}
    assert figures(crawler)["finish_reason"] == "finished"
    assert len(server.book) < 2000


@pytest_twisted.ensureDeferred
async def test_a_sweep_goes_on_until_every_online_store_was_met(replica, crawl, monkeypatch):
    market = small_market("iga", stores=3)
    replica(market)
    monkeypatch.setattr("splitcart_scrapy.spiders.iga_stores.LOCATIONS", 30)

    def with_another(body):
        rows = parse_online_stores(body)
        return rows | {"99999": next(iter(rows.values()))}

    monkeypatch.setattr("splitcart_scrapy.spiders.iga_stores.parse_online_stores", with_another)
    await crawl("iga_stores")
    rows, closing = the_file("store")
    assert len(rows) == 3
    assert not closing.complete
    assert closing.stats["unreadable_rows"] == 1


@settings(max_examples=30)
@given(st.integers(1, 3000))
def test_spread_numbers_are_all_there_once_and_any_beginning_is_even(count):
    numbers = list(spread(count))
    assert sorted(numbers) == list(range(1, count + 1))
    half = numbers[: count // 2]
    below = sum(number <= count // 2 for number in half)
    assert abs(below - len(half) / 2) <= 3 + count / 50


def test_sightings_are_enough_when_every_store_was_met_three_times():
    sightings = Sightings()
    assert not sightings.enough
    for _ in range(3):
        assert not sightings.enough
        sightings.add(["1", "2", "2"])
    assert sightings.enough
    sightings.add(["1", "3"])
    assert not sightings.enough


@settings(max_examples=30)
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: f'f({{"content": {text!r}}})'.encode()))
def test_any_other_body_is_a_changed_site_and_nothing_else(body):
    for parse in (lambda: parse_stores(body, {}), lambda: parse_online_stores(body)):
        with suppress(SiteChangedError):
            assert parse() is not None


def test_an_online_store_lends_its_place_and_name_to_its_row_in_the_registry():
    listed = b'{"total":1,"items":[{"retailerStoreId":"7","name":"X","location":{"latitude":-31.5,"longitude":115.5}}]}'
    content = "<i data-storedata='{&quot;storeId&quot;:&quot;14850&quot;,&quot;tag&quot;:&quot;7&quot;}'></i>"
    (store,) = parse_stores(f'cb({{"content": "{content}"}})'.encode(), parse_online_stores(listed)).items
    assert (store.store_id, store.name, store.division) == ("14850", "X", "IGA Online")
    assert (store.latitude, store.longitude, store.retailer_store_id) == (-31.5, 115.5, "7")


def test_a_unit_price_that_is_worked_out_rounds_half_a_cent_up():
    unit = {"g": {"abbreviation": "g", "size": 100}, "pack": {"abbreviation": "g", "size": 680}}
    row = {"productId": "1", "name": "Jam", "wholePrice": 4.59, "unitOfMeasure": unit["g"], "unitOfSize": unit["pack"]}
    listing = Listing(key="Jam", slug="jam", path=("Pantry", "Jam"), root_slug="pantry")
    (product,) = IgaSpider.parse_listing(json.dumps({"items": [row], "total": 1}).encode(), listing, {}).items
    assert (product.unit_price_cents, product.unit_measure) == (680, "1 kg")  # 67.5 cents per 100 g
