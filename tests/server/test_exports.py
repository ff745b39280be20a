"""Exports: what is stored comes out as typed rows, from one snapshot, and is not sent again unchanged."""

import gzip
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import msgspec
import pytest
import requests
import sqlalchemy as sa
from fastapi import FastAPI

from splitcart.database import transaction
from splitcart.database.models import Brand, Product, Sku
from splitcart.server import BackgroundServer, exports
from splitcart.server.exports import ExportLimits, export_routes
from splitcart.server.problems import answer_problems
from splitcart.server.streaming import choose_encoding
from splitcart.transfer import EXPORTS, ExportedSku
from tests.grouping.factory import BASE, ROOTS, SmallChain, day
from tests.server.conftest import KEY, NOON, fixed_clock

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


@pytest.fixture
def chain(engine) -> SmallChain:
    chain = SmallChain(engine, ["G101", "G102", "G103"])
    chain.crawl("G101", BASE, day(0))
    return chain


@pytest.fixture
def ask(server, chain):
    """GET an export; with what was known (an ETag), in a coding, with filters."""

    def get(kind: str, *, known=None, coding="identity", path="", **filters) -> requests.Response:
        headers = {"X-API-Key": KEY, "Accept-Encoding": coding} | ({"If-None-Match": known} if known else {})
        url = f"{server.url}/api/export/{kind}/{path}"
        return requests.get(url, params=filters, headers=headers, timeout=20)

    return get


def lines(response: requests.Response) -> list[dict]:
    """The rows of an answer; its closing line counts them."""
    assert response.status_code == 200, response.text
    *rows, closing = [msgspec.json.decode(line) for line in response.content.splitlines()]
    assert closing["batch"]["count"] == len(rows)
    return rows


def test_skus_come_as_typed_rows_with_a_closing_line(ask, chain):
    response = ask("skus")
    assert response.headers["Content-Type"] == "application/x-ndjson"
    rows = msgspec.convert(lines(response), list[ExportedSku])
    assert {row.sku for row in rows} == {str(number) for number in BASE}
    (row,) = (row for row in rows if row.sku == "41")
    assert (row.company, row.name, row.category, row.root) == ("aldi", "Article 41", "dairy > dairy leaf", "dairy")
    assert row.first_seen_at.tzinfo is not None
    closing = msgspec.json.decode(response.content.splitlines()[-1])["batch"]
    assert (closing["kind"], datetime.fromisoformat(closing["generated_at"])) == ("skus", NOON)
    assert datetime.fromisoformat(response.headers["X-As-Of"]) == NOON


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("coding", "unpack"), [("gzip", gzip.decompress), ("zstd", zstd.decompress)])
def test_an_answer_comes_in_the_coding_that_was_asked_for(ask, coding, unpack):
    with ask("skus", coding=coding) as response:
        assert response.headers["Content-Encoding"] == coding
    raw = requests.get(response.url, headers=response.request.headers, stream=True, timeout=20).raw.read()
    assert unpack(raw) == ask("skus").content


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        (None, "identity"),
        ("", "identity"),
        ("gzip, deflate, br", "gzip"),
        ("gzip, zstd", "zstd"),
        ("zstd;q=0.5, gzip;q=1.0", "gzip"),
        ("zstd;q=0, *", "gzip"),
        ("gzip;q=0", "identity"),
        ("identity, gzip;q=0.1", "identity"),
        ("GZIP ; q=0.3", "gzip"),
        ("br", "identity"),
        ("gzip;q=2, ;;,", "identity"),
    ],
)
def test_the_best_liked_coding_is_chosen(header, coding):
    assert choose_encoding(header) == coding


def test_the_rest_of_the_catalogue_comes_as_typed_rows(ask, chain, engine):
    chain.crawl("G102", BASE, day(0, 2))
    chain.run(day(1))
    with transaction(engine) as session:
        brand = Brand(name="Farmdale", key="farmdale", created_at=NOON)
        session.add(brand)
        session.flush()
        product = Product(name="Milk", brand_id=brand.id, created_at=NOON)
        session.add(product)
        session.flush()
        milk = product.id
        session.execute(sa.update(Sku).where(Sku.code == "41").values(product_id=milk))
    found = {kind: msgspec.convert(lines(ask(kind)), list[EXPORTS[kind]]) for kind in EXPORTS}
    assert [(row.company, row.name) for row in found["companies"]] == [("aldi", "ALDI")]
    stores = {row.store_id: row for row in found["stores"]}
    assert set(stores) == {"G101", "G102", "G103"}
    assert (stores["G101"].last_scraped_at is None, stores["G103"].last_scraped_at) == (False, None)
    assert {row.path: (row.root, row.parent) for row in found["categories"]} == {
        path: (root, parent) for root in ROOTS for path, parent in ((root, None), (f"{root} > {root} leaf", root))
    }
    assert [(row.product, row.name, row.brand) for row in found["products"]] == [(milk, "Milk", "Farmdale")]
    assert {row.sku for row in found["skus"] if row.product == milk} == {"41"}
    assert lines(ask("products", company="aldi")) == lines(ask("products"))
    assert {(row.store_id, row.ambassador is None) for row in found["groups"]} == {("G101", False), ("G102", False)}
    assert [row["store_id"] for row in lines(ask("groups", store="G102"))] == ["G102"]
    assert len(found["prices"]) == len(found["effective-prices"]) == 2 * len(BASE)


def test_what_has_not_changed_is_not_sent_again(ask, chain, engine):
    etag = ask("skus").headers["ETag"]
    for known in (etag, f'"other", {etag}', etag.removeprefix("W/"), "*"):
        again = ask("skus", known=known, coding="gzip")
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    with transaction(engine) as session:
        session.execute(sa.update(Sku).where(Sku.code == "41").values(barcode="9300601000012"))
    changed = ask("skus", known=etag)
    assert changed.headers["ETag"] != etag
    assert [row["barcode"] for row in lines(changed) if "barcode" in row] == ["9300601000012"]


SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@SQLITE
def test_a_filter_that_is_none_is_a_problem(ask, chain):
    for filters, problem in (
        ({"company": "nobody"}, "company 'nobody' is not known here"),
        ({"since": "yesterday"}, "since is 'yesterday'"),
        ({"since": "2026-11-20T12:00:00"}, "expected an instant with its offset"),
        ({"since": "0001-01-01T00:00:00+23:59"}, "since is"),
        ({"company": ["aldi", "aldi"]}, "given twice"),
        ({"company": "aldi\0"}, "characters that no name has"),
        ({"sinse": "2026-11-20T12:00:00Z"}, "skus cannot be asked with sinse; known: company, since"),
    ):
        response = ask("skus", **filters)
        assert (response.status_code, response.headers["Content-Type"]) == (422, "application/problem+json")
        assert problem in response.json()["detail"]


@SQLITE
def test_an_export_that_is_none_is_a_problem(ask):
    assert ask("wishes").status_code == 404


def test_skus_are_filtered_by_company_and_by_when_their_details_changed(ask, chain, engine):
    other = SmallChain(engine, ["1001"], "woolworths")
    other.crawl("1001", {41: 100}, day(9))
    assert {row["company"] for row in lines(ask("skus"))} == {"aldi", "woolworths"}
    assert {row["company"] for row in lines(ask("skus", company="woolworths"))} == {"woolworths"}
    assert [row["sku"] for row in lines(ask("skus", since=day(8).isoformat()))] == ["41"]


def test_one_export_too_many_is_told_to_come_back(sqlite, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()

    def slow(_session, _query):
        begun.set()
        go_on.wait(20)
        yield from ()

    monkeypatch.setattr(exports, "stream_rows", slow)
    app = FastAPI()
    answer_problems(app)
    app.include_router(export_routes(sqlite, fixed_clock, ExportLimits(running=1, wait_seconds=0.05)))
    with BackgroundServer(app) as server, ThreadPoolExecutor(1) as caller:
        url = f"{server.url}/api/export/companies/"
        first = caller.submit(requests.get, url, timeout=20)
        assert begun.wait(20)
        refused = requests.get(url, timeout=20)
        go_on.set()
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert "1 exports are running" in refused.json()["detail"]
        assert first.result().status_code == 200
        assert requests.get(url, timeout=20).status_code == 200


def test_every_type_of_row_has_its_export():
    assert len(set(EXPORTS.values())) == len(EXPORTS)
