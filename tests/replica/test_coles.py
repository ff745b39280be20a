"""Coles' replica: keys, pages, listings, stores and the defence as docs/retailers.md#coles has them."""

import json
import re

import pytest
import requests

from splitcart.replica.sites import coles_rows
from splitcart.replica.sites.coles_tree import DOWN_DOWN, TOBACCO

DATA = re.compile(r'<script id="__NEXT_DATA__" type="application/json">(.*?)</script>')


@pytest.fixture
def site(server):
    yield server.sites["coles"]
    server.sites["coles"].deploy()
    server.sites["coles"].defence.mode = "off"


@pytest.fixture
def get(server, site):
    """GET a path of the site, with the key unless another is given."""

    def ask(path, key=None, cookies=None, **query):
        headers = {"ocp-apim-subscription-key": key or site.build.key}
        url = server.urls["COLES_SITE_URL"] + path
        return requests.get(url, params=query, headers=headers, cookies=cookies, timeout=10)

    return ask


@pytest.fixture
def graph(server, site):
    def ask(operation, **variables):
        body = {"operationName": operation, "query": f"query {operation}", "variables": variables}
        headers = {"ocp-apim-subscription-key": site.build.key}
        return requests.post(server.urls["COLES_SITE_URL"] + "/api/graphql", json=body, headers=headers, timeout=10)

    return ask


@pytest.fixture
def store(market):
    return next(store for store in market.stores("coles") if store.priced and not store.small)


@pytest.fixture
def search(get, market, store):
    root = market.tree("coles").roots[1]

    def ask(page=0, **query):
        place = {"categoryId": root.id, "categoryLevel": 1, "categoryName": root.name, "start": page}
        place["excludeAds"] = "true"
        return get("/api/bff/products/search", storeId=store.store_id[4:], **(place | query))

    return ask


def page_data(answer):
    return json.loads(DATA.search(answer.text)[1].replace("<\\/", "</"))


def test_the_key_and_the_build_id_stand_in_every_page_and_change_with_a_deploy(get, site):
    before = page_data(get("/"))
    assert before["runtimeConfig"]["BFF_API_SUBSCRIPTION_KEY"] == site.build.key
    site.deploy(key_in_script=True)
    home = get("/")
    assert page_data(home)["buildId"] == site.build.build_id != before["buildId"]
    assert "BFF_API_SUBSCRIPTION_KEY" not in page_data(home)["runtimeConfig"]
    assert (
        re.search(r'window.__RUNTIME_CONFIG__={"BFF_API_SUBSCRIPTION_KEY":"([0-9a-f]{32})"', home.text)[1]
        == site.build.key
    )


@pytest.mark.parametrize("path", ["/api/bff/products/search", "/api/bff/products/1"])
def test_without_the_right_key_the_api_answers_401_as_json(get, path):
    answer = get(path, key="0" * 32)
    assert (answer.status_code, answer.json()["statusCode"]) == (401, 401)


def test_a_stale_build_id_is_a_404_that_is_a_page(get, site):
    assert get(f"/_next/data/{site.build.build_id}/en/browse/pantry.json").json()["pageProps"]["searchResults"]
    stale = get("/_next/data/20250101.1-0/en/browse/pantry.json")
    assert stale.status_code == 404
    assert stale.text.startswith("<!DOCTYPE html>")


def test_a_page_echoes_the_store_of_the_cookie_with_zeros_in_front(get, store):
    number = store.store_id[4:]
    for written in (number, number.zfill(4)):
        props = page_data(get("/browse/pantry", cookies={"fulfillmentStoreId": written}))["props"]["pageProps"]
        assert props["initStoreId"] == number.zfill(4)
        assert props["searchResults"]["pageSize"] == 48


def test_a_page_shows_advertisements_that_its_total_does_not_count(get, search):
    total, results = search().json()["noOfResults"], search().json()["results"]
    shown = page_data(get("/browse/dairy-eggs-fridge"))["props"]["pageProps"]["searchResults"]
    kinds = {row["_type"] for row in shown["results"]}
    assert kinds == {"PRODUCT", "SINGLE_TILE", "PRODUCT_ASSOCIATION"}
    sponsored = [row for row in shown["results"] if row.get("adSource") == "citrus"]
    assert sponsored
    assert shown["noOfResults"] == pytest.approx(total, rel=0.3)
    assert {row["_type"] for row in results} == {"PRODUCT"}


def test_pages_are_counted_from_nought_and_none_is_served_beyond_the_cap(search, site):
    total = search().json()["noOfResults"]
    pages = [search(at).json()["results"] for at in range(total // 48 + 2)]
    assert sum(map(len, pages)) == total == len({row["id"] for page in pages for row in page})
    site.shelves.page_cap = 1
    assert search(1).json() | {"start": 0, "results": []} == search(0).json() | {"results": []}
    assert search(1).json()["results"] == []
    site.shelves.page_cap = 104


def test_a_listing_wants_all_three_names_of_its_category(search):
    assert search(categoryName="dairy").status_code == 400


def test_about_one_row_in_a_hundred_has_no_price_and_a_promotional_branch_may_come_first(market, get, store):
    rows = []
    for root in market.tree("coles").roots:
        shown = page_data(get(f"/browse/{root.slug}"))["props"]["pageProps"]["searchResults"]["results"]
        rows += [row for row in shown if row["_type"] == "PRODUCT"]
    assert any(row["pricing"] is None and row["restrictions"] is None and not row["availability"] for row in rows)
    assert any(row["onlineHeirs"][0]["subCategory"] == DOWN_DOWN.name for row in rows)
    weighed = [row["pricing"] for row in rows if row["pricing"] and row["pricing"]["unit"]["isWeighted"]]
    assert all(
        pricing["comparable"].endswith("1kg") and pricing["unit"]["ofMeasureUnits"] == "g" for pricing in weighed
    )


def test_the_tree_counts_what_one_store_has_and_names_what_is_restricted(graph, store, search):
    tree = graph("GetProductCategories", storeId=store.store_id).json()["data"]["productCategories"]
    counts = {node["seoToken"]: node["productCount"] for node in tree["catalogGroupView"]}
    assert counts["dairy-eggs-fridge"] == search().json()["noOfResults"]
    assert tree["excludedCategoryIds"] == [TOBACCO.id]
    unknown = graph("GetProductCategories", storeId="COL:9999").json()
    assert unknown["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


def test_the_store_finder_names_the_fifty_nearest_of_the_asked_brands(graph, market):
    results = graph("GetStores", latitude=-31.95, longitude=115.86, brandIds=["COL"]).json()["data"]["stores"][
        "results"
    ]
    distances = [row["distance"] for row in results]
    assert len(results) == 50
    assert distances == sorted(distances)
    assert {row["store"]["brand"]["id"] for row in results} == {"COL"}
    few = graph("FindStores", latitude=-31.95, longitude=115.86, count=3).json()["data"]["stores"]["results"]
    assert len(few) == 3


def test_a_product_page_names_its_barcode_if_it_has_one_and_some_have_no_page(get, market, store):
    offers = market.offers("coles", store.store_id, market.config.start)
    skus = [market.skus("coles")[code] for code in offers]
    cookies = {"fulfillmentStoreId": store.store_id[4:]}
    paged = next(sku for sku in skus if coles_rows.has_page(sku) and coles_rows.shown_gtin(sku))
    bare = next(sku for sku in skus if coles_rows.has_page(sku) and not coles_rows.shown_gtin(sku))
    lost = next(sku for sku in skus if not coles_rows.has_page(sku))
    assert f'"{paged.gtin}"' in get(f"/product/any-words-{paged.code}", cookies=cookies).text.split("__NEXT_DATA__")[0]
    assert page_data(get(f"/product/x-{bare.code}", cookies=cookies))["props"]["pageProps"]["product"]["gtin"] is None
    assert get(f"/product/x-{lost.code}", cookies=cookies).status_code == 404
    assert get("/api/bff/products/1").content == b""


@pytest.mark.parametrize(("mode", "size"), [("challenge", 212), ("captcha", 944)])
def test_while_the_defence_is_on_every_request_gets_its_page_with_status_200(get, site, mode, size):
    site.defence.mode = mode
    for path in ("/", "/api/bff/products/1", "/browse/pantry"):
        answer = get(path)
        assert (answer.status_code, len(answer.content), answer.headers["x-cdn"]) == (200, size, "Imperva")
        assert "_Incapsula_Resource" in answer.text


def test_a_clearance_is_good_for_the_name_under_which_it_was_got(server, site):
    site.defence.mode = "challenge"
    base = server.urls["COLES_SITE_URL"]
    total = 7
    for _ in range(20_000):
        total = total * 48271 % 2147483647
    with requests.Session() as visitor:
        visitor.headers["user-agent"] = "Somebody"
        assert (
            visitor.post(f"{base}/_Incapsula_Resource", json={"sum": 1, "agent": "Somebody"}, timeout=10).status_code
            == 403
        )
        assert visitor.post(f"{base}/_Incapsula_Resource", json={"sum": total, "agent": "Somebody"}, timeout=10).ok
        assert "__NEXT_DATA__" in visitor.get(f"{base}/", timeout=10).text
        visitor.headers["user-agent"] = "Somebody else"
        assert "_Incapsula_Resource" in visitor.get(f"{base}/", timeout=10).text
