"""From the shelf to the server's inbox: leases, crawl, upload, with a real server in between."""

import asyncio
import random

import pytest
import pytest_twisted
import sqlalchemy as sa
from sqlalchemy.orm import Session
from twisted.internet.defer import Deferred

from splitcart.config import Settings, get_settings
from splitcart.database.models import Company, Lease, Store
from splitcart.server import BackgroundServer, create_app
from splitcart.transfer.client import Client
from splitcart_scrapy.items import CrawlEndItem, CrawlStartItem
from splitcart_scrapy.pipelines import UploadPipeline
from tests.collect.runs import NOW, figures, outbox, read, seen, small_market, truth
from tests.collect.test_pipelines import NOON, START, category, new_stats, product, writer

KEY = "sc_a-key-for-tests"


@pytest.fixture
def server(tmp_path, sqlite, monkeypatch):
    settings = Settings(data_dir=tmp_path / "server", api_secret_key=KEY)
    with BackgroundServer(create_app(settings, sqlite, lambda: NOW)) as running:
        monkeypatch.setenv("API_SERVER_URL", running.url)
        monkeypatch.setenv("API_SECRET_KEY", KEY)
        get_settings.cache_clear()
        yield running


def sent():
    return sorted((get_settings().data_dir / "temp_jsonl_product_storage").glob("*.jsonl.gz"))


@pytest_twisted.ensureDeferred
async def test_stores_are_leased_from_the_server_and_their_crawls_sent_to_it(replica, crawl, server, sqlite, tmp_path):
    market = small_market("aldi")
    replica(market)
    with Session(sqlite) as session, session.begin():
        company = Company(slug="aldi", name="ALDI")
        session.add(company)
        session.flush()
        for store in market.stores("aldi")[:2]:
            session.add(Store(company_id=company.id, store_id=store.store_id, name=store.name, state=store.state))
    crawler = await crawl("aldi")
    assert outbox() == []
    received = sorted((tmp_path / "server/product_inbox").glob("*.jsonl.gz"))
    assert len(received) == len(sent()) == 2
    assert {closing.store_id: seen(rows) for rows, closing in map(read, received)} == {
        store.store_id: truth(market, "aldi", store.store_id) for store in market.stores("aldi")[:2]
    }
    with Session(sqlite) as session:
        assert set(session.scalars(sa.select(Lease.outcome))) == {"finished"}
    assert figures(crawler)["uploads/sent"] == 2


@pytest_twisted.ensureDeferred
async def test_what_could_not_be_sent_stays_and_goes_with_the_next_crawl(server, tmp_path):
    item = committed("G001")
    nowhere = UploadPipeline(get_settings(), a_client("http://127.0.0.1:9"), new_stats(), lambda: NOON)
    nowhere.process_item(item)
    await Deferred.fromFuture(asyncio.ensure_future(nowhere.close_spider()))
    assert outbox() == item.files
    assert nowhere.stats.get_value("splitcart/uploads/waiting") == 1

    reached = UploadPipeline(get_settings(), a_client(server.url), new_stats(), lambda: NOON)
    reached.process_item(committed("G002"))
    await Deferred.fromFuture(asyncio.ensure_future(reached.close_spider()))
    assert outbox() == []
    assert len(sent()) == len(list((tmp_path / "server/product_inbox").glob("*.jsonl.gz"))) == 2


@pytest_twisted.ensureDeferred
async def test_without_a_key_nothing_is_sent_and_nothing_lost(replica, crawl, monkeypatch, caplog):
    market = small_market("aldi")
    replica(market)
    monkeypatch.setenv("API_SERVER_URL", "http://127.0.0.1:9")
    get_settings.cache_clear()
    await crawl("aldi", store=market.stores("aldi")[0].store_id)
    assert len(outbox()) == 1
    assert "API_SECRET_KEY is not set" in caplog.text


def a_client(url):
    return Client(url, KEY, attempts=1, rng=random.Random(1))


def committed(store_id) -> CrawlEndItem:
    pipeline = writer()
    pipeline.process_item(CrawlStartItem(**START | {"store_id": store_id}))
    pipeline.process_item(product())
    pipeline.process_item(category())
    return pipeline.process_item(CrawlEndItem(keep=True, complete=True))
