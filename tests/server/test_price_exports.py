"""Exports of prices: whole stores, page by page, as the tables and the rule have them."""

import operator
import socket
import threading
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
import requests
import sqlalchemy as sa
from fastapi import FastAPI

from grouping import effective_prices
from splitcart.database import DatabaseError, reading, streaming, transaction
from splitcart.database.models import Price, Sku, Store
from splitcart.server import BackgroundServer, create_app, exports
from splitcart.server.streaming import PacedResponse
from splitcart.transfer import EXPORTS, ExportedPrice
from tests.grouping.factory import BASE, SmallChain, day, dearer
from tests.server.conftest import KEY

OFFER = operator.attrgetter("price_cents", "was_cents", "unit_price_cents", "special_kind", "multi_buy_cents")
STORES = ["G101", "G102", "G103"]


@pytest.fixture
def chain(engine) -> SmallChain:
    """Two stores that are a group, the first with news, and one of its own prices."""
    chain = SmallChain(engine, STORES)
    odd = dearer(BASE, range(40, 90))
    for hours, (store, prices) in enumerate([("G101", BASE), ("G102", BASE), ("G103", odd)]):
        chain.crawl(store, prices, day(0, hours))
    chain.run(day(1))
    news = dearer(BASE, [45, 46]) | {199: 50}
    del news[150]
    chain.crawl(chain.ambassador("G102"), news, day(2))
    chain.shown = news
    return chain


@pytest.fixture
def read(server):
    """Read all pages of an export; the answer of each page with its rows."""

    def pages(kind, known=None, **filters):
        query, answers = filters, []
        while query is not None:
            headers = {"X-API-Key": KEY} | ({"If-None-Match": known[len(answers)]} if known else {})
            response = requests.get(f"{server.url}/api/export/{kind}/", params=query, headers=headers, timeout=20)
            assert response.status_code in {200, 304}, response.text
            *rows, closing = map(msgspec.json.decode, response.content.splitlines()) if response.content else ({},)
            assert not closing or closing["batch"]["count"] == len(rows)
            answers.append((response, msgspec.convert(rows, list[EXPORTS[kind]])))
            link = response.links.get("next", {}).get("url")
            query = dict(parse_qsl(urlsplit(link).query)) if link else None
        return answers

    return pages


def all_rows(answers):
    return [row for _, rows in answers for row in rows]


def test_prices_are_the_offers_on_the_shelves(read, chain, engine):
    with reading(engine) as session:
        stored = session.execute(
            sa.select(Store.store_id, Sku.code, Price)
            .join(Store, Store.id == Price.store_id)
            .join(Sku, Sku.id == Price.sku_id)
            .where(Price.left_at.is_(None))
        ).all()
    expected = {(store, code): (OFFER(price), price.available, price.since) for store, code, price in stored}
    rows = all_rows(read("prices"))
    assert {(row.store_id, row.sku): (OFFER(row), row.available, row.since) for row in rows} == expected
    assert len(rows) == len(expected) == 3 * len(BASE) - 1
    assert all(isinstance(row, ExportedPrice) and row.company == "aldi" for row in rows)


def test_effective_prices_are_what_the_rule_says(read, chain, engine):
    code = {row_id: str(number) for number, row_id in chain.skus.items()}
    store_of = {row_id: store_id for store_id, row_id in chain.stores.items()}
    with reading(engine) as session:
        expected = {
            (store, code[price.sku_id]): (
                OFFER(price.offer),
                price.source,
                price.seen_at,
                price.available,
                price.group_id,
                store_of.get(price.inferred_from),
            )
            for store, row_id in chain.stores.items()
            for price in effective_prices(session, row_id)
        }
    rows = all_rows(read("effective-prices"))
    assert len(rows) == len(expected)
    assert {
        (row.store_id, row.sku): (OFFER(row), row.source, row.seen_at, row.available, row.group, row.inferred_from)
        for row in rows
    } == expected
    assert {row.source for row in rows} == {"direct_scrape", "inferred_group"}


@pytest.mark.parametrize("kind", ["prices", "effective-prices"])
def test_pages_hold_whole_stores_and_change_by_themselves(kind, read, chain, engine):
    pages = read(kind, limit=1, company="aldi")
    assert [{row.store_id for row in rows} for _, rows in pages] == [{store} for store in STORES]
    assert sorted(map(repr, all_rows(pages))) == sorted(map(repr, all_rows(read(kind))))
    tags = [response.headers["ETag"] for response, _ in pages]
    assert [response.status_code for response, _ in read(kind, known=tags, limit=1, company="aldi")] == [304] * 3
    ambassador = chain.ambassador("G102")
    chain.crawl(ambassador, dearer(chain.shown, [60]), day(3))
    changed = {ambassador} if kind == "prices" else {"G101", "G102"}  # its news is the whole group's
    again = [response.status_code for response, _ in read(kind, known=tags, limit=1, company="aldi")]
    assert again == [200 if store in changed else 304 for store in STORES]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_page_begins_where_the_one_before_ended_whatever_comes_between(read, chain, engine):
    first = read("prices", limit=2)[0][0]
    cursor = dict(parse_qsl(urlsplit(first.links["next"]["url"]).query))
    assert cursor == {"limit": "2", "cursor": str(chain.stores["G103"])}
    with transaction(engine) as session:
        session.execute(sa.update(Store).where(Store.store_id == "G101").values(is_active=False))
    assert {row.store_id for row in all_rows(read("prices", **cursor))} == {"G103"}
    assert {row.store_id for row in all_rows(read("prices"))} == {"G102", "G103"}
    assert {row.store_id for row in all_rows(read("prices", store="G101"))} == {"G101"}


def test_changed_since_answers_the_whole_of_each_store_that_may_have_changed(read, chain):
    since = (day(2, 1)).isoformat()  # when the news was taken in
    ambassador = chain.ambassador("G102")
    rows = all_rows(read("prices", since=since))
    assert {row.store_id for row in rows} == {ambassador}
    assert len(rows) == len(BASE) - 1
    assert {row.store_id for row in all_rows(read("effective-prices", since=since))} == {"G101", "G102"}
    assert all_rows(read("prices", since=(day(2, 2)).isoformat())) == []


@pytest.mark.parametrize(
    ("filters", "problem"),
    [
        ({"limit": "0"}, "limit is '0'; expected a number from 1 to 1000"),
        ({"limit": "٣"}, "expected a number"),
        ({"cursor": "9" * 40}, "cursor is"),
        ({"cursor": "0" * 19 + "1" + "0" * 4500}, "cursor is"),
        ({"limit": "0" * 19 + "1000000"}, "expected a number from 1 to 1000"),
        ({"store": "G999"}, "store 'G999' is not known"),
    ],
)
def test_a_page_that_is_none_is_a_problem(filters, problem, sqlite, settings):
    with BackgroundServer(create_app(settings, sqlite, lambda: datetime.now(UTC))) as server:
        url = f"{server.url}/api/export/prices/"
        response = requests.get(url, params=filters, headers={"X-API-Key": KEY}, timeout=20)
    assert response.status_code == 422
    assert problem in response.json()["detail"]


def test_rows_are_of_one_snapshot_while_crawls_are_taken_in(engine, monkeypatch):
    chain = SmallChain(engine, ["G101"])
    chain.crawl("G101", BASE, day(0))
    monkeypatch.setattr(streaming, "CHUNK", 20)
    query = sa.select(Price.store_id, Price.sku_id, Price.price_cents)
    with reading(engine) as session:
        before = {tuple(row) for row in session.execute(query)}
    with reading(engine) as session:
        rows = streaming.stream_rows(session, query)
        seen = set(next(rows))
        chain.crawl("G101", {sku: price + 500 for sku, price in BASE.items()}, day(4))
        for some in rows:
            seen.update(some)
    assert seen == before
    with reading(engine) as session:
        assert {tuple(row) for row in session.execute(query)} != before


def test_a_caller_who_takes_nothing_is_cut_off_and_holds_nothing(caplog):
    app, made, closed = FastAPI(), [], threading.Event()

    def endless():
        while True:
            made.append(1)
            yield bytes(1 << 20)

    @app.get("/")
    async def answer():
        return PacedResponse(endless(), closed.set, {}, "text/plain", 0.2)

    with BackgroundServer(app) as server, socket.create_connection(("127.0.0.1", server.port)) as caller:
        caller.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert closed.wait(20)
    assert len(made) < 20  # megabytes: what the sockets hold, and no more
    assert "the caller took nothing for 0.2 s" in caplog.text


def test_what_breaks_off_in_the_middle_has_no_end(settings, sqlite, chain_of_one, monkeypatch, caplog):
    def broken(session, query):
        yield [("aldi", "G101", "1", 100, day(0), day(0), *[None] * 8)]
        raise DatabaseError("the database ended the connection")

    monkeypatch.setattr(exports, "stream_rows", broken)
    with BackgroundServer(create_app(settings, sqlite, lambda: day(1))) as server:
        asked = {"url": f"{server.url}/api/export/prices/", "stream": True, "timeout": 20}
        asked["headers"] = {"X-API-Key": KEY, "Accept-Encoding": "identity"}
        with requests.get(**asked) as response:
            assert response.status_code == 200
            with pytest.raises(requests.exceptions.ChunkedEncodingError):
                response.content  # noqa: B018
        for _ in range(6):  # each gave its turn back
            with requests.get(**asked) as response:
                assert response.status_code == 200
    assert "the database ended the connection" in caplog.text


@pytest.fixture
def chain_of_one(sqlite) -> SmallChain:
    chain = SmallChain(sqlite, ["G101"])
    chain.crawl("G101", BASE, day(0))
    return chain


def test_a_caller_who_leaves_ends_the_export_and_its_snapshot(engine, settings, monkeypatch):
    ended = threading.Event()

    def endless(_session, _query):
        try:
            while True:
                yield [("aldi", "ALDI" * 5_000)] * 20
        finally:
            ended.set()

    monkeypatch.setattr(exports, "stream_rows", endless)
    with BackgroundServer(create_app(settings, engine, lambda: day(1))) as server:
        asked = {"X-API-Key": KEY, "Accept-Encoding": "identity"}
        with requests.get(f"{server.url}/api/export/companies/", headers=asked, stream=True, timeout=20) as response:
            assert response.raw.read(100)
        assert ended.wait(20)
    assert engine.pool.checkedout() == 0
