"""The scheduler leases one category of a store; what the spider brings serves that category's group and no other."""

from datetime import timedelta

import pytest
import pytest_twisted
import sqlalchemy as sa

from grouping import effective_prices
from grouping.lists import found_list
from grouping.memberships import join_group, make_ambassador
from grouping.run import run_groups
from splitcart.config import get_chain, get_settings
from splitcart.database import open_database, reading, transaction
from splitcart.database.models import Candidate, Category, Company, Coverage, Crawl, Lease, Sku, Store, StoreGroup
from splitcart.ingest import CrawlIngester
from tests.collect.runs import NOW, outbox, read, seen, small_market, truth


@pytest.fixture
def taken_in(monkeypatch):
    """Leases come from the database of this machine; a call takes the outbox into it, and hours go by."""
    monkeypatch.setenv("SPLITCART_STORE_SOURCE", "scheduler.DatabaseStores")
    get_settings.cache_clear()
    engine = open_database(get_settings().resolved_database_url)

    def ingest(hours=1):
        ingester = CrawlIngester(engine, get_settings().data_dir, get_settings().clock())
        crawls = [ingester.ingest(path) for path in outbox()]
        for path in outbox():
            path.unlink()
        monkeypatch.setenv("SPLITCART_CLOCK_START", (get_settings().clock()() + timedelta(hours=hours)).isoformat())
        get_settings.cache_clear()
        assert not any(crawl.late for crawl in crawls)
        return crawls

    ingest.engine = engine
    yield ingest
    engine.dispose()


def share(engine, category):
    """All stores are in a group of this category; the first is its Ambassador, whose data is said to be stale."""
    with transaction(engine) as session:
        company = session.scalars(sa.select(Company)).one()
        root = session.scalars(sa.select(Category).where(Category.path == category)).one()
        facts = {"company_id": company.id, "category_id": root.id, "status": "AMBASSADOR_STALE", "created_at": NOW}
        group = StoreGroup(name=f"aldi: {category}", **facts)
        session.add(group)
        session.flush()
        stores = session.scalars(sa.select(Store.id).order_by(Store.store_id)).all()
        found_list(session, group.id, list(stores), root.id)
        for store_id in stores:
            join_group(session, store_id, group.id, NOW, NOW, category_id=root.id)
        make_ambassador(session, group, stores[0], NOW)
        return group.id, root.id


@pytest_twisted.ensureDeferred
async def test_a_leased_category_is_crawled_covered_and_judged_alone(replica, crawl, taken_in):
    market = small_market("aldi", stores=3, skus=150)
    server = replica(market)
    stores = sorted(store.store_id for store in market.stores("aldi") if store.priced)
    await crawl("aldi", store=",".join(stores))
    assert all(each.whole for each in taken_in())
    wanted = market.tree("aldi").roots[1].name
    group_id, root_id = share(taken_in.engine, wanted)
    before = len(server.book)

    await crawl("aldi", max_stores="1")

    (path,) = outbox()
    rows, closing = read(path)
    skus = market.skus("aldi")
    expected = {code: offer for code, offer in truth(market, "aldi", stores[0]).items() if skus[code].root == wanted}
    assert seen(rows) == expected
    assert (closing.store_id, closing.asked, closing.complete) == (stores[0], [wanted], False)
    assert (closing.finish_reason, closing.failure_class) == ("finished", None)
    visits = len(server.book) - before
    assert visits < before / len(stores) / 2  # of what a whole store takes
    with reading(taken_in.engine) as session:
        (lease,) = session.scalars(sa.select(Lease)).all()
    assert (lease.group_id, lease.outcome, lease.failure_class) == (group_id, "finished", None)

    (ingested,) = taken_in()
    assert (ingested.whole, ingested.complete_categories, ingested.categories) == (True, 1, 1)
    with reading(taken_in.engine) as session:
        crawl_row = session.scalars(sa.select(Crawl).where(Crawl.crawl_id == ingested.crawl_id)).one()
        covered = session.scalars(sa.select(Coverage.category_id).where(Coverage.crawl_id == crawl_row.id)).all()
        assert covered == [root_id]
        assert session.scalars(sa.select(Candidate)).all() == []  # the Ambassador's own crawl is none
        codes = dict(session.execute(sa.select(Sku.id, Sku.code)).all())
        prices = effective_prices(session, lease.store_id)
        assert {codes[price.sku_id]: price.offer.price_cents for price in prices} == {
            code: offer[0] for code, offer in truth(market, "aldi", stores[0]).items() if offer
        }


@pytest_twisted.ensureDeferred
async def test_stores_whose_lists_differ_in_produce_alone_share_what_is_crawled_of_the_rest(replica, crawl, taken_in):
    market = small_market("aldi", stores=3, skus=150)
    replica(market)
    stores = sorted(store.store_id for store in market.stores("aldi") if store.priced)
    await crawl("aldi", store=",".join(stores))
    taken_in(hours=30)
    report = run_groups(taken_in.engine, get_chain("aldi"), lambda: NOW)
    shared = [root.name for root in market.tree("aldi").roots[1:]]
    assert report.founded == {f"aldi {stores[-1]}: {name}": stores for name in shared}

    await crawl("aldi", max_stores="3")

    asked = {closing.store_id: closing.asked for _, closing in map(read, outbox())}
    assert asked == {stores[0]: None, stores[1]: [shared[0]], stores[2]: None}  # outliers and a check take turns
    taken_in()
    report = run_groups(taken_in.engine, get_chain("aldi"), get_settings().clock())
    confirmed = {group.name: sorted(group.confirmed_matches) for group in report.groups}
    assert confirmed == {
        f"aldi {stores[2]}: {shared[0]}": stores[:2],
        f"aldi {stores[2]}: {shared[1]}": stores[:1],
    }
