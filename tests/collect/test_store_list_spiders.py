"""Sweeps of the store lists against the replica."""

import pytest
import pytest_twisted

from splitcart.replica.config import ChainConfig, MarketConfig
from splitcart.replica.market import Market
from splitcart.replica.sites.weather import Fault, Rule
from splitcart.transfer.records import FailureClass
from tests.collect.runs import figures, outbox, the_file, working_files

DIRTY = ChainConfig(stores=120, skus=40, dirty_share=0.2, petrol_share=0.3, isolated_share=0.2)
DIVISIONS = {"SUPERMARKETS", "EG", "AMPOL"}


def country():
    return Market(MarketConfig(chains=dict.fromkeys(("aldi", "coles", "woolworths"), DIRTY)))


@pytest.mark.parametrize("chain", ["aldi", "coles", "woolworths"])
@pytest_twisted.ensureDeferred
async def test_a_sweep_finds_every_store_once(replica, crawl, chain):
    market = country()
    replica(market)
    crawler = await crawl(f"{chain}_stores")
    rows, closing = the_file("store")
    stores = {store.store_id: store for store in market.stores(chain)}
    assert sorted(row.store_id for row in rows) == sorted(stores)
    for row in rows:
        store = stores[row.store_id]
        assert (row.latitude, row.longitude) == pytest.approx((store.latitude, store.longitude), abs=1e-5)
    assert (closing.complete, closing.store_id, closing.categories) == (True, None, [])
    assert closing.rows == len(stores)
    assert figures(crawler)["finish_reason"] == "finished"
    assert outbox() == working_files() == []


@pytest_twisted.ensureDeferred
async def test_all_divisions_of_woolworths_are_listed(replica, crawl):
    market = country()
    replica(market)
    await crawl("woolworths_stores")
    rows, _ = the_file("store")
    assert {row.division for row in rows} == {store.division for store in market.stores("woolworths")} <= DIVISIONS


@pytest.mark.parametrize(("chain", "nearest"), [("aldi", 47), ("coles", 50)])
@pytest_twisted.ensureDeferred
async def test_a_sweep_takes_few_requests(replica, crawl, chain, nearest):
    market = country()
    server = replica(market)
    await crawl(f"{chain}_stores")
    assert len(market.stores(chain)) / nearest < len(server.book) < 40


@pytest_twisted.ensureDeferred
async def test_a_store_of_coles_whose_id_has_lost_its_brand_is_left_out(replica, crawl):
    market = country()
    replica(market)
    crawler = await crawl("coles_stores")
    rows, closing = the_file("store")
    assert {row.store_id.partition(":")[0] for row in rows} == {"COL", "LQR", "VIN"}
    assert figures(crawler)["dropped/store_id"] >= 2
    assert closing.complete


@pytest_twisted.ensureDeferred
async def test_a_sweep_that_was_cut_short_says_so(replica, crawl):
    server = replica(country())
    server.weather.add(Rule(fault=Fault.BLOCK, after=4))
    crawler = await crawl("aldi_stores")
    rows, closing = the_file("store")
    assert rows
    assert (closing.complete, closing.finish_reason, closing.failure_class) == (False, "blocked", FailureClass.BLOCKED)
    assert figures(crawler)["finish_reason"] == "blocked"


@pytest_twisted.ensureDeferred
async def test_a_sweep_that_found_nothing_leaves_no_file(replica, crawl):
    replica(country()).weather.add(Rule(fault=Fault.SERVER_ERROR))
    crawler = await crawl("woolworths_stores")
    assert outbox("store") == working_files() == []
    assert figures(crawler)["finish_reason"] == "network"
