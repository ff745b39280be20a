"""IGA's replica over HTTP: every quirk of docs/retailers.md#iga."""

import html
import json
import re

import pytest
import requests

from tests.replica.conftest import NOW

SHOP = "/api/storefront/stores"


@pytest.fixture
def iga(server):
    """GET a path of IGA's shop and of its registries."""
    with requests.Session() as session:
        yield lambda path, **query: session.get(server.urls["IGA_SITE_URL"] + path, params=query, timeout=10)


@pytest.fixture
def stores(market):
    return [store for store in market.stores("iga") if store.priced]


def search(iga, store, identifier, **query):
    return iga(f"{SHOP}/{store.retailer_store_id}/categories/{identifier}/search", **query)


def leaves(iga, store):
    """The identifiers of the leaves below each root."""
    tree = iga(f"{SHOP}/{store.retailer_store_id}/categoryHierarchy").json()
    (top,) = tree["children"]

    def below(node):
        return [leaf for child in node["children"] for leaf in below(child)] or [node["identifier"]]

    return {root["identifier"]: below(root) for root in top["children"]}


def walk(iga, store, identifier):
    rows, skip = [], 0
    while True:
        answer = search(iga, store, identifier, take=100, skip=skip)
        if answer.status_code == 404 or not (page := answer.json())["items"]:
            return rows
        rows += page["items"]
        skip += 100
        if skip >= page["total"]:
            return rows


def shops(answer):
    assert answer.text.startswith("callbackName(")
    content = json.loads(answer.text.removeprefix("callbackName(").removesuffix(")"))["content"]
    return [json.loads(html.unescape(text)) for text in re.findall('data-storedata="([^"]*)"', content)]


@pytest.mark.parametrize("at", [0, 41])
def test_walking_a_store_yields_exactly_the_truth_and_every_kind_of_row(iga, market, stores, at):
    rows = {}
    for root, below in leaves(iga, stores[at]).items():
        if root != "Specials":
            rows |= {row["sku"]: row for leaf in below for row in walk(iga, stores[at], leaf)}
    truth, skus = market.offers("iga", stores[at].store_id, NOW), market.skus("iga")
    assert rows.keys() == truth.keys()
    for code, row in rows.items():
        offer = truth[code]
        now_paid = row["tprPrice"][0]["wholePrice"] if row["tprPrice"] else row["wholePrice"]
        assert round(now_paid * 100) == offer.price_cents
        special = [offer.was_cents is not None] * 3
        assert ["wasWholePrice" in row, bool(row["tprPrice"]), row["priceSource"] == "tpr"] == special
        assert row["defaultCategory"][0]["categoryBreadcrumb"] == "/".join(("Grocery", *skus[code].path))
        if row["sellBy"] == "EachUnit":
            assert row["price"].endswith(" avg/ea")
            assert row["priceNumeric"] < now_paid
            assert row["unitOfMeasure"]["abbreviation"] == "kg"
    assert {row["sellBy"] for row in rows.values()} == {"Each", "EachUnit"}
    barcodes = {row["barcode"] for row in rows.values()}
    assert any(re.fullmatch(r"60\d{3}", code) for code in barcodes)
    assert "" in {row["brand"] for row in rows.values()}
    assert None in {row["pricePerUnit"] for row in rows.values()}
    assert None in {row["image"]["default"] for row in rows.values()}


def test_pages_are_36_rows_or_what_is_taken(iga, stores):
    for asked, most in (({}, 36), ({"take": 100}, 100), ({"take": 500}, 100), ({"take": 5, "skip": 3}, 5)):
        page = search(iga, stores[0], "Dairy_Eggs_and_Fridge", **asked).json()
        assert page["count"] == len(page["items"]) == min(most, page["total"])
    assert search(iga, stores[0], "Dairy_Eggs_and_Fridge", take=0).status_code == 400


def test_every_third_store_repeats_its_last_page_for_ever_and_the_others_end(iga, stores):
    for at, store in enumerate(stores[:4]):
        total = search(iga, store, "Dairy_Eggs_and_Fridge").json()["total"]
        last = search(iga, store, "Dairy_Eggs_and_Fridge", take=36, skip=(total - 1) // 36 * 36).json()["items"]
        for skip in (total + 36, total + 3600):
            beyond = search(iga, store, "Dairy_Eggs_and_Fridge", take=36, skip=skip).json()["items"]
            assert beyond == ([] if at % 3 else last)


def test_a_category_of_which_a_store_has_nothing_is_404_or_empty(iga, market, stores):
    lacking = next(store for store in stores if market.plan("iga", store.store_id).missing_roots)
    names = market.plan("iga", lacking.store_id).missing_roots
    gone = [leaf.id for root in market.tree("iga").roots if root.name in names for leaf in root.leaves()]
    answers = [search(iga, lacking, leaf) for leaf in gone]
    assert {answer.status_code for answer in answers} == {200, 404}
    rows = [row for answer in answers if answer.status_code == 200 for row in answer.json()["items"]]
    own_roots = {row["defaultCategory"][0]["categoryBreadcrumb"].split("/")[1] for row in rows}
    assert own_roots.isdisjoint(names)  # what else is there stands in another root, too


def test_prices_differ_from_store_to_store(market, stores):
    one, other = (market.offers("iga", store.store_id, NOW) for store in stores[:2])
    shared = one.keys() & other.keys()
    assert sum(one[code].price_cents == other[code].price_cents for code in shared) < 0.9 * len(shared)


def test_specials_repeat_products_of_other_roots(iga, market, stores):
    truth = market.offers("iga", stores[0].store_id, NOW)
    rows = walk(iga, stores[0], "Weekly_Deals")
    assert {row["sku"] for row in rows} == {code for code, offer in truth.items() if offer.was_cents}


def test_a_location_shows_29_shops_and_most_have_a_tag(iga, market):
    answers = [shops(iga("/location/storelocator/183/", locationId=at, limit=1500)) for at in (1, 77, 23_001)]
    assert {len(rows) for rows in answers} == {29}
    rows = {row["storeId"]: row for found in answers for row in found}
    known = {store.store_id: store for store in market.stores("iga")}
    assert rows.keys() <= known.keys()
    for row in rows.values():
        assert all(isinstance(value, str) for value in row.values())
        assert row["tag"] == (known[row["storeId"]].retailer_store_id or "")
    assert shops(iga("/location/storelocator/183/", locationId=23_002)) == []


def test_the_online_registry_lists_what_can_be_priced_and_no_other(iga, market, stores):
    listed = iga("/api/stores").json()
    assert listed["total"] == len(listed["items"]) == len(stores)
    assert {row["retailerStoreId"] for row in listed["items"]} == {store.retailer_store_id for store in stores}
    offline = next(store for store in market.stores("iga") if not store.priced and store.retailer_store_id)
    assert iga(SHOP, RSID=offline.retailer_store_id, take=1).json()["items"] == []
    assert iga(SHOP, RSID=stores[0].retailer_store_id, take=1).json()["total"] == 1
    assert iga(f"{SHOP}/{offline.retailer_store_id}/categoryHierarchy").status_code == 404


def test_the_visit_is_counted_for_the_store_of_the_cookie(server, stores):
    url = f"{server.urls['IGA_SITE_URL']}{SHOP}/{stores[0].retailer_store_id}/categoryHierarchy"
    before = server.requests["iga", stores[0].store_id]
    requests.get(url, cookies={"iga-shop.retailerStoreId": stores[0].retailer_store_id}, timeout=10)
    assert server.requests["iga", stores[0].store_id] == before + 1
