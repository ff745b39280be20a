"""Woolworths' replica over HTTP: every quirk of docs/retailers.md#woolworths."""

import json

import pytest
import requests

from splitcart.replica.server import ReplicaServer
from tests.replica.conftest import BROWSER, NOW

TREE = "/apis/ui/PiesCategoriesWithSpecials"
LOCATOR = "/apis/ui/StoreLocator/Stores"
BROWSE = "/apis/ui/browse/category"
EXCLUDED = {
    "specials",
    "everyday-market",
    "dinner",
    "lunch-box",
    "front-of-store",
    "cigarettes-tobacco",
    "home-lifestyle",
}


def nodes(woolworths):
    """All nodes, each with its ancestors' and own slugs."""
    found, todo = [], [(node, ()) for node in woolworths(TREE).json()["Categories"]]
    while todo:
        node, above = todo.pop()
        slugs = (*above, node["UrlFriendlyName"])
        found.append((node, slugs))
        todo += [(child, slugs) for child in node["Children"]]
    return found


def kept_leaves(woolworths):
    return [
        node["NodeId"]
        for node, slugs in nodes(woolworths)
        if EXCLUDED.isdisjoint(slugs)
        and not node["IsSpecial"]
        and all(child["IsSpecial"] for child in node["Children"])
    ]


def walk(woolworths, store, node):
    """The organic rows of a listing by the rule of the spiders: stop at the first total, or when nothing is new."""
    rows, number, total = {}, 0, None
    while total is None or len(rows) < total:
        number += 1
        page = woolworths.browse(categoryId=node, storeId=store, pageNumber=number).json()
        total = page["TotalRecordCount"] if total is None else total
        organic = [row for bundle in page["Bundles"] for row in bundle["Products"] if not row["IsSponsoredAd"]]
        if not any(row["Stockcode"] not in rows for row in organic):
            break
        rows |= {row["Stockcode"]: row for row in organic}
    return rows


@pytest.mark.parametrize("at", [0, 33])
def test_walking_a_store_yields_exactly_the_truth(woolworths, market, at):
    store = market.stores("woolworths")[at].store_id
    rows = {}
    for node in kept_leaves(woolworths):
        rows |= walk(woolworths, store, node)
    own = {str(code): row for code, row in rows.items() if not row["IsMarketProduct"]}
    truth = market.offers("woolworths", store, NOW)
    assert own.keys() == truth.keys()
    for code, row in own.items():
        offer, sku = truth[code], market.skus("woolworths")[code]
        assert row["FulfilmentStoreId"] == int(store)
        assert row["Barcode"] == sku.gtin
        assert json.loads(row["AdditionalAttributes"]["piesdepartmentnamesjson"])[0] == sku.root
        if not offer.price_shown:
            assert row["Price"] is None
            continue
        assert round(row["Price"] * 100) == offer.price_cents
        assert round(row["WasPrice"] * 100) == (offer.was_cents or offer.price_cents)
        assert row["CupString"] == f"${offer.cup_cents / 100:,.2f} / {sku.unit.shown}"
        assert row["IsHalfPrice"] == (offer.special_kind == "half_price")
        multi_buy, member = row["CentreTag"]["MultibuyData"], row["CentreTag"]["MemberPriceData"]
        assert (multi_buy and round(multi_buy["Price"] * 100)) == offer.multi_buy_cents
        assert (member and round(member["Price"] * 100)) == offer.member_cents


def test_every_kind_of_offer_and_of_dirt_is_on_show(woolworths, market):
    store = market.stores("woolworths")[1].store_id
    rows = [row for node in kept_leaves(woolworths) for row in walk(woolworths, store, node).values()]
    assert any(row["Price"] is None for row in rows)
    assert any(row["IsMarketProduct"] and row["Vendor"] for row in rows)
    assert {row["CentreTag"]["TagType"] for row in rows} == {"None", "Multibuy", "MemberPrice"}
    assert any(row["IsHalfPrice"] for row in rows)
    assert any(row["AdditionalAttributes"]["ingredients"] == "None" for row in rows)
    assert any(row["Barcode"] and row["Barcode"].startswith("02") for row in rows)


def test_adverts_are_repeated_on_every_page_and_past_the_end(woolworths, market):
    store, node = market.stores("woolworths")[0].store_id, market.tree("woolworths").roots[0].id
    pages = [woolworths.browse(categoryId=node, storeId=store, pageNumber=number).json() for number in (1, 2, 99)]
    rows = [[row for bundle in page["Bundles"] for row in bundle["Products"]] for page in pages]
    adverts = [{row["Stockcode"] for row in page if row["IsSponsoredAd"]} for page in rows]
    assert adverts[0] == adverts[1] == adverts[2] != set()
    assert all(row["IsSponsoredAd"] for row in rows[2])
    assert sum(not row["IsSponsoredAd"] for row in rows[0]) == 36


def test_the_total_is_right_at_first_and_wanders_on_late_pages(woolworths, market):
    store, node = market.stores("woolworths")[0].store_id, market.tree("woolworths").roots[1].id
    totals = [
        woolworths.browse(categoryId=node, storeId=store, pageNumber=number, pageSize=12).json()["TotalRecordCount"]
        for number in range(1, 12)
    ]
    assert totals[0] == totals[1] == len(walk(woolworths, store, node))
    assert len(set(totals)) > 1


def test_a_slug_in_place_of_a_node_id_finds_nothing(woolworths, market):
    page = woolworths.browse(categoryId="fruit-veg", storeId=market.stores("woolworths")[0].store_id).json()
    assert (page["TotalRecordCount"], page["Bundles"], page["Success"]) == (0, [], True)


def test_the_tree_has_all_its_traps(woolworths):
    tree = woolworths(TREE).json()["Categories"]
    assert tree[0]["NodeId"] == "specialsgroup"
    by_slug = {node["UrlFriendlyName"]: node for node in tree}
    assert by_slug["front-of-store"]["IsRestricted"]
    assert {"everyday-market", "lunch-box"} <= by_slug.keys()
    everything = nodes(woolworths)
    assert all(node["ProductCount"] == 0 for node, _ in everything)
    assert {len(slugs) for _, slugs in everything} == {1, 2, 3}
    first = tree[1]["Children"][0]
    assert (first["NodeId"], first["DisplayOrder"], first["IsSpecial"]) == (f"{tree[1]['NodeId']}_SPECIALS", -1, True)
    deep = next(node for node, slugs in everything if len(slugs) == 2 and len(node["Children"]) > 1)
    assert deep["Children"][0]["NodeId"].endswith("_SPECIALS")


def test_specials_nodes_list_what_is_promoted(woolworths, market):
    store, root = market.stores("woolworths")[0].store_id, market.tree("woolworths").roots[1]
    truth = market.offers("woolworths", store, NOW)
    codes = walk(woolworths, store, f"{root.id}_SPECIALS")
    assert codes
    assert all(truth[str(code)].promoted for code in codes)
    half = walk(woolworths, store, "specialsgroup.-2")
    assert {str(code) for code in half} == {code for code, offer in truth.items() if offer.special_kind == "half_price"}


def test_everyday_market_sells_for_others(woolworths, market):
    rows = walk(woolworths, market.stores("woolworths")[0].store_id, "1_A363395").values()
    assert rows
    assert all(row["IsMarketProduct"] for row in rows)


def test_sorting(woolworths, market):
    store, node = market.stores("woolworths")[0].store_id, market.tree("woolworths").roots[0].id
    pages = {
        sort: [
            bundle["Products"][0]
            for bundle in woolworths.browse(categoryId=node, storeId=store, sortType=sort).json()["Bundles"]
            if not bundle["Products"][0]["IsSponsoredAd"]
        ]
        for sort in ("PriceAsc", "PriceDesc", "Name")
    }
    rising = [row["Price"] for row in pages["PriceAsc"]]
    assert rising == sorted(rising)
    falling = [row["Price"] for row in pages["PriceDesc"] if row["Price"] is not None]
    assert falling == sorted(falling, reverse=True)
    assert [row["Name"] for row in pages["Name"]] == sorted(row["Name"] for row in pages["Name"])


def test_without_warm_up_or_browser_headers_the_site_blocks(server, market):
    base = server.urls["WOOLWORTHS_SITE_URL"]
    for path in (TREE, f"{BROWSE}?categoryId=1-E5BEE36E"):
        for headers in (BROWSER, {"user-agent": "SplitCart/1.0"}):  # neither has opened the site
            answer = requests.get(base + path, headers=headers, timeout=10)
            assert answer.status_code == 403
            assert "edgesuite" in answer.text
            assert "Access Denied" in answer.text
            assert 350 < len(answer.content) < 600
    with requests.Session() as session:
        session.get(f"{base}/", headers=BROWSER, timeout=10)
        assert session.get(base + TREE, headers=BROWSER, timeout=10).status_code == 200
        for name in ("accept-language", "sec-ch-ua", "sec-fetch-mode"):
            undressed = {**BROWSER, name: None}
            assert session.get(base + TREE, headers=undressed, timeout=10).status_code == 403
        body = {"categoryId": "1-E5BEE36E"}
        assert (
            session.post(base + BROWSE, json=body, headers={**BROWSER, "origin": None}, timeout=10).status_code == 403
        )


def test_the_store_locator_answers_in_strings(woolworths, market):
    everything = woolworths(LOCATOR, Max=10000, Division="SUPERMARKETS,EG,AMPOL", postcode="*").json()["Stores"]
    assert {row["StoreNo"] for row in everything} == {store.store_id for store in market.stores("woolworths")}
    groceries = woolworths(LOCATOR, Max=10000, Division="SUPERMARKETS", postcode="*").json()["Stores"]
    assert {row["StoreNo"] for row in groceries} == {s.store_id for s in market.stores("woolworths") if s.priced}
    names = ("StoreNo", "Latitude", "Longitude", "Distance")
    assert all(row[name] is None or isinstance(row[name], str) for row in everything for name in names)
    assert any(row["Name"] == "N/A" for row in everything)
    assert any(row["Latitude"] is None for row in everything)


def test_the_store_locator_finds_the_nearest_thirty(woolworths):
    rows = woolworths(LOCATOR, latitude=-31.95, longitude=115.86).json()["Stores"]
    assert len(rows) == 30
    distances = [float(row["Distance"]) for row in rows]
    assert distances == sorted(distances)
    assert rows[0]["State"] == "WA"
    assert {row["Postcode"] for row in woolworths(LOCATOR, postcode="6000").json()["Stores"]} == {"6000"}


@pytest.mark.parametrize(
    ("question", "status"),
    [({"pageSize": 37}, 400), ({"pageNumber": 0}, 400), ({"pageNumber": "x"}, 400), ({"categoryId": "1_B63CF9E"}, 400)],
)
def test_what_browse_refuses(woolworths, question, status):
    assert woolworths.browse(**{"categoryId": "1-E5BEE36E"} | question).status_code == status


def test_what_the_store_locator_refuses(woolworths):
    assert woolworths(LOCATOR).status_code == 400
    assert woolworths(LOCATOR, Max="all", postcode="*").status_code == 400


def test_browse_by_get_and_a_body_that_is_no_json(server, woolworths, visitor, market):
    store, node = market.stores("woolworths")[0].store_id, market.tree("woolworths").roots[0].id
    by_get = woolworths(BROWSE, categoryId=node, storeId=store, pageSize=36, sortType="PriceAsc").json()
    assert by_get == woolworths.browse(categoryId=node, storeId=store).json()
    answer = visitor.post(server.urls["WOOLWORTHS_SITE_URL"] + BROWSE, data=b"{", timeout=10)
    assert answer.json()["TotalRecordCount"] == 0


def test_an_unknown_store_gets_the_default_one_and_so_does_everyone_if_the_site_ignores_the_store(woolworths, market):
    default, other = market.stores("woolworths")[0].store_id, market.stores("woolworths")[5].store_id
    node = market.tree("woolworths").roots[0].id
    assert (
        woolworths.browse(categoryId=node, storeId="9999").json()
        == woolworths.browse(categoryId=node, storeId=default).json()
    )
    with ReplicaServer(market, lambda: NOW, ignores_store=True) as server, requests.Session() as session:
        base = server.urls["WOOLWORTHS_SITE_URL"]
        session.headers.update(BROWSER)
        session.get(f"{base}/", timeout=10)
        page = session.post(base + BROWSE, json={"categoryId": node, "storeId": other}, timeout=10).json()
    assert {bundle["Products"][0]["FulfilmentStoreId"] for bundle in page["Bundles"]} == {int(default)}
