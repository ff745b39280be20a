"""Product spiders against the replica: what the shelf shows is what the file holds."""

import asyncio

import pytest
import pytest_twisted
from scrapy import signals
from scrapy.crawler import CrawlerRunner

from splitcart.errors import FailedError
from splitcart.replica.sites.weather import Fault, Rule
from splitcart.transfer.records import FailureClass
from splitcart_scrapy.items import CategoryEndItem
from tests.collect.runs import (
    NOW,
    figures,
    outbox,
    project_settings,
    read,
    seen,
    small_market,
    the_file,
    truth,
    working_files,
)

CHAINS = ["aldi", "coles", "woolworths"]
LISTING = {
    "aldi": "/v3/product-search",
    "coles": "/api/bff/products/search",
    "woolworths": "/apis/ui/browse/category",
}
TREE = {
    "aldi": "/v2/product-category-tree",
    "coles": "/api/graphql",
    "woolworths": "/apis/ui/PiesCategoriesWithSpecials",
}
# So many pages of the small market's listings finish one root category or two.
PASSED_PAGES = {"aldi": 7, "coles": 2, "woolworths": 14}
NO_PRICE = {"unpriced_share": 0.05, "cross_listed_share": 0.1, "promoted_share": 0.5}


def first_store(market, chain):
    return market.stores(chain)[0].store_id


@pytest.mark.parametrize("chain", CHAINS)
@pytest_twisted.ensureDeferred
async def test_a_crawl_holds_every_row_of_the_store_once_at_its_price(replica, crawl, chain):
    market = small_market(chain, skus=200, **NO_PRICE)
    replica(market)
    crawler = await crawl(chain, store=first_store(market, chain))
    rows, closing = the_file()
    assert seen(rows) == truth(market, chain, first_store(market, chain))
    assert not [row for row in rows if row.flags]
    assert closing.complete
    assert closing.rows == len(rows) == sum(category.rows for category in closing.categories)
    assert {row.category_path[0] for row in rows} <= {category.category for category in closing.categories}
    assert figures(crawler)["finish_reason"] == "finished"
    assert not working_files()


@pytest.mark.parametrize("chain", CHAINS)
@pytest_twisted.ensureDeferred
async def test_a_category_is_dated_by_its_own_requests(replica, crawl, chain):
    market = small_market(chain, cross_listed_share=0.2)
    replica(market)
    await crawl(chain, store=first_store(market, chain))
    _, closing = the_file()
    instants = [instant for record in closing.categories for instant in (record.observed_from, record.observed_to)]
    assert instants == sorted(instants)
    assert NOW <= closing.started_at <= instants[0] < instants[-1] <= closing.finished_at


@pytest_twisted.ensureDeferred
async def test_woolworths_names_the_store_and_the_apis_of_the_others_do_not(replica, crawl):
    market = small_market()
    replica(market)
    for chain in CHAINS:
        await crawl(chain, store=first_store(market, chain))
    verified = {closing.company: closing.store_verified for _, closing in map(read, outbox())}
    assert verified == {"aldi": None, "coles": None, "woolworths": True}


@pytest_twisted.ensureDeferred
async def test_a_site_that_answers_for_another_store_is_refused(replica, crawl, desk):
    market = small_market("woolworths")
    replica(market, ignores_store=True)
    desk.put("woolworths", market.stores("woolworths")[1].store_id)
    crawler = await crawl("woolworths")
    assert outbox() == working_files() == []
    assert desk.released[0][1:] == ("failed", "wrong_store")
    assert figures(crawler)["failures/wrong_store"] == 1


@pytest.mark.parametrize("chain", CHAINS)
@pytest_twisted.ensureDeferred
async def test_stores_are_crawled_one_after_the_other_until_none_is_left(replica, crawl, desk, chain):
    market = small_market(chain)
    server = replica(market)
    stores = [store.store_id for store in market.stores(chain)][:3]
    desk.put(chain, *stores)
    crawler = await crawl(chain, cluster="perth")
    assert desk.released == [(store, "finished", None) for store in stores]
    assert [(company, cluster) for company, _, cluster in desk.asked] == [(chain, "perth")]
    crawled = {closing.store_id: seen(rows) for rows, closing in map(read, outbox())}
    assert crawled == {store: truth(market, chain, store) for store in stores}
    order = [visit.store for visit in server.book if visit.store]
    assert order == sorted(order, key=stores.index)
    assert figures(crawler)["stores/finished"] == 3


@pytest_twisted.ensureDeferred
async def test_max_stores_leaves_the_rest_to_others(replica, crawl, desk):
    market = small_market("aldi")
    replica(market)
    desk.put("aldi", *(store.store_id for store in market.stores("aldi")))
    await crawl("aldi", max_stores="2")
    assert len(desk.released) == len(outbox()) == 2
    assert len(desk.waiting) == 2


@pytest_twisted.ensureDeferred
async def test_a_lease_may_ask_for_some_categories_only(replica, crawl, desk):
    market = small_market("aldi", cross_listed_share=0.2)
    replica(market)
    wanted = market.tree("aldi").roots[1].name
    desk.put("aldi", first_store(market, "aldi"), categories=[wanted])
    await crawl("aldi")
    rows, closing = the_file()
    skus = market.skus("aldi")
    expected = truth(market, "aldi", first_store(market, "aldi"))
    leaves = {leaf.id for leaf in market.tree("aldi").roots[1].leaves()}
    own = {code for code in expected if skus[code].root == wanted}
    guests = {code for code in expected if leaves.intersection(skus[code].also_in)}
    assert guests
    assert seen(rows) == {code: offer for code, offer in expected.items() if code in own | guests}
    (record,) = closing.categories
    assert (record.category, record.complete, record.guests) == (wanted, True, len(guests))
    assert {row.sku for row in rows if row.listed_in == wanted} == guests
    assert {row.sku: row.category_path[0] for row in rows} == {row.sku: skus[row.sku].root for row in rows}
    # It says nothing of the store's other categories, so it must not say that they are gone.
    assert not closing.complete
    assert desk.released == [(first_store(market, "aldi"), "finished", None)]


@pytest_twisted.ensureDeferred
async def test_fewer_rows_than_the_last_complete_crawl_are_named_in_the_file(replica, crawl, desk):
    market = small_market("aldi")
    replica(market)
    root = market.tree("aldi").roots[0].name
    desk.put("aldi", first_store(market, "aldi"), expected_rows={root: 500})
    await crawl("aldi")
    assert the_file()[1].failure_class is FailureClass.TOO_FEW_ITEMS


@pytest.mark.parametrize("chain", CHAINS)
@pytest_twisted.ensureDeferred
async def test_a_block_half_way_keeps_what_is_finished_and_ends_the_spider(replica, crawl, desk, chain):
    market = small_market(chain, skus=120, leaves_per_root=3)
    server = replica(market)
    desk.put(chain, *(store.store_id for store in market.stores(chain)))
    server.weather.add(Rule(fault=Fault.BLOCK, chain=chain, path=LISTING[chain], after=PASSED_PAGES[chain]))
    crawler = await crawl(chain)
    rows, closing = the_file()
    store = first_store(market, chain)
    assert desk.released == [(store, "partial", "blocked")]
    assert figures(crawler)["finish_reason"] == "blocked"
    assert (closing.finish_reason, closing.failure_class, closing.complete) == ("blocked", FailureClass.BLOCKED, False)
    finished = {record.category for record in closing.categories}
    assert 0 < len(finished) < 3
    skus = market.skus(chain)
    expected = {code: offer for code, offer in truth(market, chain, store).items() if skus[code].root in finished}
    assert seen(rows) == expected


@pytest.mark.parametrize("fault", [Fault.BLOCK, Fault.HTML])
@pytest_twisted.ensureDeferred
async def test_a_block_from_the_start_leaves_nothing(replica, crawl, desk, fault):
    market = small_market("aldi")
    server = replica(market)
    desk.put("aldi", *(store.store_id for store in market.stores("aldi")))
    server.weather.add(Rule(fault=fault))
    await crawl("aldi")
    assert outbox() == working_files() == []
    assert desk.released == [(first_store(market, "aldi"), "failed", "blocked")]
    assert len(server.book) == 1


@pytest.mark.parametrize(
    "rule",
    [
        Rule(fault=Fault.RATE_LIMIT, every=3, seconds=0),
        Rule(fault=Fault.RATE_LIMIT, every=3),
        Rule(fault=Fault.RESET, every=3),
        Rule(fault=Fault.SERVER_ERROR, every=3),
        Rule(fault=Fault.TRUNCATE, every=3, path="product-search"),
    ],
    ids=lambda rule: f"{rule.fault}-{rule.seconds}",
)
@pytest_twisted.ensureDeferred
async def test_what_heals_when_asked_again_costs_nothing(replica, crawl, rule):
    market = small_market("aldi", skus=150)
    replica(market).weather.add(rule)
    await crawl("aldi", store=first_store(market, "aldi"))
    rows, closing = the_file()
    assert seen(rows) == truth(market, "aldi", first_store(market, "aldi"))
    assert closing.complete


@pytest_twisted.ensureDeferred
async def test_a_rate_limit_that_asks_for_too_long_a_wait_ends_the_spider(replica, crawl, desk):
    market = small_market("aldi")
    server = replica(market)
    desk.put("aldi", *(store.store_id for store in market.stores("aldi")))
    server.weather.add(Rule(fault=Fault.RATE_LIMIT, path="product-search", seconds=121))
    crawler = await crawl("aldi")
    assert figures(crawler)["finish_reason"] == "rate_limited"
    assert desk.released == [(first_store(market, "aldi"), "failed", "rate_limited")]
    assert len(server.book) == 2


@pytest_twisted.ensureDeferred
async def test_a_listing_that_stays_broken_costs_its_category_only(replica, crawl, desk):
    market = small_market("aldi")
    server = replica(market)
    root = market.tree("aldi").roots[1]
    server.weather.add(Rule(fault=Fault.SERVER_ERROR, path=f"categoryKey={root.children[0].id}&"))
    store = first_store(market, "aldi")
    desk.put("aldi", store)
    await crawl("aldi")
    rows, closing = the_file()
    assert desk.released == [(store, "partial", "network")]
    assert {record.category: record.complete for record in closing.categories} == {
        each.name: each is not root for each in market.tree("aldi").roots
    }
    problem = next(record.problem for record in closing.categories if not record.complete)
    assert "500" in problem
    expected = truth(market, "aldi", store)
    skus = market.skus("aldi")
    assert seen(rows) == {code: offer for code, offer in expected.items() if skus[code].leaf_id != root.children[0].id}
    assert (closing.finish_reason, closing.failure_class) == ("finished", FailureClass.NETWORK)


@pytest.mark.parametrize(("fault", "failure"), [(Fault.RESET, "network"), (Fault.TRUNCATE, "site_changed")])
@pytest_twisted.ensureDeferred
async def test_three_broken_listings_in_a_row_end_the_store_and_three_stores_the_spider(
    replica, crawl, desk, fault, failure
):
    market = small_market("aldi")
    server = replica(market)
    desk.put("aldi", *(store.store_id for store in market.stores("aldi")))
    server.weather.add(Rule(fault=fault, path="product-search"))
    crawler = await crawl("aldi")
    assert [released[1:] for released in desk.released] == [("failed", failure)] * 3
    assert figures(crawler)["finish_reason"] == failure
    assert outbox() == working_files() == []


@pytest_twisted.ensureDeferred
async def test_an_unknown_store_is_named_so(replica, crawl):
    market = small_market("aldi")
    replica(market)
    crawler = await crawl("aldi", store="G999")
    assert figures(crawler)["finish_reason"] == "unknown_store"
    assert outbox() == working_files() == []


@pytest_twisted.ensureDeferred
async def test_a_slow_site_is_a_timeout(replica, crawl):
    market = small_market("aldi")
    replica(market).weather.add(Rule(fault=Fault.DELAY, seconds=1.0))
    settings = {"DOWNLOAD_TIMEOUT": 0.05, "RETRY_TIMES": 0}
    crawler = await crawl("aldi", settings, store=first_store(market, "aldi"))
    assert figures(crawler)["finish_reason"] == "timeout"


@pytest_twisted.ensureDeferred
async def test_a_spider_told_to_stop_gives_its_store_back_and_the_next_run_goes_on(replica, crawl, desk):
    market = small_market("aldi", skus=120)
    server = replica(market)
    store = first_store(market, "aldi")
    desk.put("aldi", store)
    desk.put("aldi", store)
    crawler = await stopped_after_a_category()
    assert figures(crawler)["finish_reason"] == "shutdown"
    assert desk.released == [(store, "failed", "killed")]
    assert outbox() == []
    before = [visit.path for visit in server.book if "product-search" in visit.path]
    await crawl("aldi")
    after = [visit.path for visit in server.book if "product-search" in visit.path][len(before) :]
    assert not set(after) & set(before[:2])
    rows, closing = the_file()
    assert seen(rows) == truth(market, "aldi", store)
    assert closing.complete
    assert desk.released[-1] == (store, "finished", None)


@pytest_twisted.ensureDeferred
async def test_a_block_at_the_start_of_a_resumed_crawl_keeps_what_the_first_run_finished(replica, crawl, desk):
    market = small_market("aldi", skus=120)
    server = replica(market)
    store = first_store(market, "aldi")
    desk.put("aldi", store)
    desk.put("aldi", store)
    await stopped_after_a_category()
    server.weather.add(Rule(fault=Fault.BLOCK))
    await crawl("aldi")
    rows, closing = the_file()
    (record,) = closing.categories
    assert (record.complete, record.rows) == (True, len(rows))
    assert (closing.finish_reason, closing.complete) == ("blocked", False)
    assert desk.released[-1] == (store, "partial", "blocked")
    assert not working_files()


async def stopped_after_a_category():
    """Crawl until the first category is written, then stop as Ctrl-C or scrapyd's cancel does."""
    crawler = CrawlerRunner(project_settings()).create_crawler("aldi")
    stopping = []

    def stop(item):
        if isinstance(item, CategoryEndItem):
            stopping.append(asyncio.ensure_future(crawler.stop_async()))

    crawler.signals.connect(stop, signal=signals.item_scraped)
    await crawler.crawl()
    assert stopping
    return crawler


# A database that is busy raises an error of its own.
lenders_errors = pytest.mark.parametrize("error", [FailedError, RuntimeError])


@lenders_errors
@pytest_twisted.ensureDeferred
async def test_the_lender_hears_of_the_crawl_while_it_goes_on(replica, crawl, desk, error):
    market = small_market("aldi")
    replica(market).weather.add(Rule(fault=Fault.DELAY, seconds=0.03))
    store = first_store(market, "aldi")
    desk.put("aldi", store)
    desk.broken.add("heartbeat")
    desk.error = error
    await crawl("aldi", {"HEARTBEAT_SECONDS": 0.01})
    assert set(desk.heartbeats) == {store}
    assert len(desk.heartbeats) > 1
    assert desk.released == [(store, "finished", None)]


@lenders_errors
@pytest_twisted.ensureDeferred
async def test_a_lender_that_cannot_be_reached_ends_the_spider_with_one_line(crawl, desk, caplog, error):
    desk.broken.add("next_store")
    desk.error = error
    crawler = await crawl("aldi")
    assert figures(crawler)["finish_reason"] == "no_store_source"
    assert "no store to crawl: next_store does not work in this test" in caplog.text
    assert "Traceback" not in caplog.text


@lenders_errors
@pytest_twisted.ensureDeferred
async def test_a_store_that_cannot_be_given_back_does_not_end_the_spider(replica, crawl, desk, error):
    market = small_market("aldi")
    replica(market)
    desk.put("aldi", *(store.store_id for store in market.stores("aldi")[:2]))
    desk.broken.add("release")
    desk.error = error
    await crawl("aldi")
    assert len(outbox()) == 2


@pytest_twisted.ensureDeferred
async def test_a_store_source_that_does_not_exist_is_one_clear_line(crawl, monkeypatch, caplog):
    monkeypatch.setenv("SPLITCART_STORE_SOURCE", "nowhere.Stores")
    crawler = await crawl("aldi")
    assert figures(crawler)["finish_reason"] == "failed"
    assert "'nowhere.Stores' cannot be loaded" in caplog.text


@pytest_twisted.ensureDeferred
async def test_a_disk_that_refuses_ends_the_spider(replica, crawl, desk, tmp_path):
    market = small_market("aldi")
    replica(market)
    desk.put("aldi", *(store.store_id for store in market.stores("aldi")))
    (tmp_path / "data").mkdir()
    (tmp_path / "data/state").write_text("a file where a folder is needed")
    crawler = await crawl("aldi")
    assert figures(crawler)["finish_reason"] == "cannot_write"
    assert desk.released == [(first_store(market, "aldi"), "failed", "killed")]
