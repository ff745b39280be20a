"""ALDI's replica over HTTP: every quirk of docs/retailers.md#aldi."""

from datetime import UTC, datetime

import pytest
import requests

from splitcart.replica.server import ReplicaServer
from tests.replica.conftest import NOW

EXCLUDED = {"front-of-store", "lower-prices", "super-savers/super-savers", "limited-time-only"}
POINTS = ((-31.95, 115.86), (-33.87, 151.2), (-27.5, 153.0), (-38.0, 140.0))


def leaves(aldi, store):
    tree = aldi("/v2/product-category-tree", serviceType="walk-in", servicePoint=store).json()["data"]
    return [(root, leaf) for root in tree for leaf in root["children"] or [root]]


def walk(aldi, store, key):
    rows, offset, total = [], 0, 1
    while offset < total:
        page = aldi("/v3/product-search", servicePoint=store, categoryKey=key, limit=30, offset=offset).json()
        total = page["meta"]["pagination"]["totalCount"]
        rows += page["data"]
        offset += 30
    return rows


def stores_near(aldi, latitude, longitude):
    found, offset, total = [], 0, 1
    while offset < total:
        page = aldi(
            "/v2/service-points",
            latitude=latitude,
            longitude=longitude,
            includeNearbyServicePoints="true",
            offset=offset,
        ).json()
        assert len(page["data"]) <= 10
        total = page["meta"]["pagination"]["totalCount"]
        found += page["data"]
        offset += 10
    return found


@pytest.mark.parametrize("at", [0, 20, 59])
def test_walking_a_store_yields_exactly_the_truth(aldi, market, at):
    store = market.stores("aldi")[at]
    rows = {}
    for root, leaf in leaves(aldi, store.store_id):
        if root["urlSlugText"] not in EXCLUDED:
            rows |= {row["sku"]: row for row in walk(aldi, store.store_id, leaf["key"])}
    truth = market.offers("aldi", store.store_id, NOW)
    assert rows.keys() == truth.keys()
    for code, row in rows.items():
        offer, sku, price = truth[code], market.skus("aldi")[code], row["price"]
        assert (price["amount"], price["comparison"]) == (offer.price_cents, offer.cup_cents)
        was = f"${offer.was_cents / 100:.2f}" if offer.was_cents else None
        assert price["wasPriceDisplay"] == was
        assert tuple(category["name"] for category in row["categories"]) == sku.path
        assert row["sellingSize"] == sku.size


def test_prices_change_at_the_store_s_midnight_while_the_server_runs(market):
    hour = datetime(2026, 11, 3, 15, 59, tzinfo=UTC)  # a minute before Wednesday in Perth
    perth = market.stores("aldi")[0]
    with ReplicaServer(market, lambda: hour) as server, requests.Session() as session:

        def prices():
            query = {"servicePoint": perth.store_id, "categoryKey": "1588161407991418"}  # super savers
            page = session.get(f"{server.urls['ALDI_API_URL']}/v3/product-search", params=query, timeout=10).json()
            return {row["sku"]: row["price"] for row in page["data"]}

        before = prices()
        hour = hour.replace(hour=16)
        assert prices() != before


def test_ten_service_points_a_page_and_no_more_than_47_a_call(aldi, market):
    answers = [stores_near(aldi, *point) for point in POINTS]
    assert {len(answer) for answer in answers} == {47}
    assert {row["id"] for rows in answers for row in rows} == {store.store_id for store in market.stores("aldi")}
    perth = answers[0]
    distances = [float(row["distance"].removesuffix(" km")) for row in perth]
    assert distances == sorted(distances)


def test_service_points_show_their_dirt(aldi, market):
    rows = {row["id"]: row for point in POINTS for row in stores_near(aldi, *point)}
    for store in market.stores("aldi"):
        address = rows[store.store_id]["address"]
        shown = [None if text is None else float(text) for text in (address["latitude"], address["longitude"])]
        assert shown == [store.latitude, store.longitude]
        assert rows[store.store_id]["name"] == store.name
        assert address["latitude"] is None or isinstance(address["latitude"], str)
    assert {store.defect for store in market.stores("aldi")} >= {"no coordinates", "coordinates 0, 0", "empty name"}


def test_the_tree_has_excluded_roots_and_some_that_are_their_own_leaf(aldi, market):
    store = market.stores("aldi")[0].store_id
    tree = aldi("/v2/product-category-tree", servicePoint=store).json()["data"]
    assert {root["urlSlugText"] for root in tree} >= EXCLUDED
    assert [root["order"] for root in tree] == sorted((root["order"] for root in tree), reverse=True)
    assert not next(root for root in tree if root["urlSlugText"] == "lower-prices")["children"]
    assert walk(aldi, store, "1588161420755352")  # limited-time-only: products that are in no store's truth


def test_lower_prices_and_super_savers_repeat_products_of_other_roots(aldi, market):
    store = market.stores("aldi")[0].store_id
    truth = market.offers("aldi", store, NOW)
    for key in ("1588161425841179", "1588161407991418"):
        rows = walk(aldi, store, key)
        assert rows
        assert all(row["sku"] in truth for row in rows)
        assert all(len(row["categories"]) == 2 for row in rows)


def test_every_row_is_not_for_sale_and_some_have_no_size(aldi, market):
    store = market.stores("aldi")[0].store_id
    rows = [row for _, leaf in leaves(aldi, store) for row in walk(aldi, store, leaf["key"])]
    assert all(row["notForSale"] for row in rows)
    assert any(row["sellingSize"] is None for row in rows)
    assert any(row["price"]["wasPriceDisplay"] for row in rows)


def test_a_root_lists_what_its_leaves_list(aldi, market):
    store = market.stores("aldi")[0].store_id
    below = [leaf["key"] for root, leaf in leaves(aldi, store) if root["key"] == "970000000"]
    together = {row["sku"] for key in below for row in walk(aldi, store, key)}
    assert {row["sku"] for row in walk(aldi, store, "970000000")} == together


def test_a_category_that_the_store_lacks_is_empty(aldi, market):
    lacking = next(s for s in market.stores("aldi") if market.plan("aldi", s.store_id).missing_roots)
    root = next(
        root for root in market.tree("aldi").roots if root.name in market.plan("aldi", lacking.store_id).missing_roots
    )
    own = [row for row in walk(aldi, lacking.store_id, root.id) if row["categories"][0]["name"] == root.name]
    assert own == []


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/v3/product-search", {"offset": 3000}, 400),  # beyond the end
        ("/v3/product-search", {"limit": 31}, 400),
        ("/v3/product-search", {"offset": -1}, 400),
        ("/v3/product-search", {"categoryKey": "42"}, 404),
        ("/v3/product-search", {"servicePoint": "G999"}, 404),
        ("/v3/product-search", {"servicePoint": "1147"}, 400),
        ("/v2/product-category-tree", {"servicePoint": "G999"}, 404),
        ("/v2/service-points", {"latitude": "north"}, 400),
        ("/v2/service-points", {"latitude": 1, "longitude": 1, "limit": 0}, 400),
        ("/v9/anything", {}, 404),
    ],
)
def test_what_is_refused(aldi, market, path, query, status):
    query = {"servicePoint": market.stores("aldi")[0].store_id, "categoryKey": "970000000"} | query
    answer = aldi(path, **query)
    assert answer.status_code == status
    if path.startswith(("/v2", "/v3")):
        assert answer.json()["errors"][0]["detail"]


def test_a_search_finds_words(aldi, market):
    rows = aldi("/v3/product-search", servicePoint=market.stores("aldi")[0].store_id, q="milk").json()["data"]
    assert rows
    assert all("milk" in row["name"].lower() for row in rows)


def test_a_site_that_ignores_the_store_answers_for_its_first_one(market):
    first, other = market.stores("aldi")[0], market.stores("aldi")[-1]
    with ReplicaServer(market, lambda: NOW, ignores_store=True) as server:
        url = f"{server.urls['ALDI_API_URL']}/v3/product-search"
        pages = [
            requests.get(url, params={"servicePoint": store.store_id, "categoryKey": "970000000"}, timeout=10).content
            for store in (first, other)
        ]
    assert pages[0] == pages[1]
