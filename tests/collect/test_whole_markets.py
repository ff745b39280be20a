"""Every store of a market, in fine weather and in foul, is told exactly. Larger: benchmarks/whole_markets.py."""

import pytest
import pytest_twisted

from benchmarks.whole_markets import wrong_rows
from splitcart.replica.config import CHAINS
from splitcart.replica.sites.weather import Fault, Rule
from tests.collect.runs import outbox, read, seen, small_market, truth, working_files

MARKET = {"stores": 4, "skus": 120, "lists": 2, "small_share": 0.4, "range_noise": 0.02}
MARKET |= {"unpriced_share": 0.05, "cross_listed_share": 0.1, "promoted_share": 0.5}
FOUL = [
    Rule(fault=Fault.RESET, share=0.04, seed=1),
    Rule(fault=Fault.RATE_LIMIT, share=0.04, seed=2, seconds=0),
    Rule(fault=Fault.SERVER_ERROR, share=0.04, seed=3),
    Rule(fault=Fault.TRUNCATE, share=0.03, seed=4),
    Rule(fault=Fault.OTHER_FORM, share=0.02, seed=5),
    Rule(fault=Fault.HTML, share=0.008, seed=6),
    Rule(fault=Fault.BLOCK, share=0.012, seed=7),
]
MOST_RUNS = 25


@pytest.mark.parametrize("is_foul", [False, True], ids=["fine", "foul"])
@pytest.mark.parametrize("chain", CHAINS)
@pytest_twisted.ensureDeferred
async def test_every_store_of_a_market_is_told_exactly(replica, crawl, desk, chain, is_foul):
    market = small_market(chain, **MARKET)
    server = replica(market)
    for rule in FOUL if is_foul else ():
        server.weather.add(rule)
    stores = {store.store_id: store for store in market.stores(chain) if store.priced}
    runs = 0
    whole: dict[str, dict] = {}
    while missing := stores.keys() - whole:
        runs += 1
        assert runs <= (MOST_RUNS if is_foul else 1)
        desk.waiting.clear()
        for name in sorted(missing):
            desk.put(chain, name, retailer_store_id=stores[name].retailer_store_id)
        await crawl(chain)
        whole = {closing.store_id: seen(rows) for rows, closing in map(read, outbox()) if closing.complete}
    assert whole == {name: truth(market, chain, name) for name in stores}
    # Also what was blocked in between is the store's, and lacks nothing where it says that it is whole.
    assert not [wrong for rows, closing in map(read, outbox()) for wrong in wrong_rows(market, chain, rows, closing)]
    assert not working_files()
    assert runs > 1 or not is_foul
