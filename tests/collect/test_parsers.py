"""Every folder of tests/fixtures is one case: a body as a site sent it, and what its parser makes of it."""

import json
import re
from contextlib import suppress
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitcart.measures.lease import StoreLease
from splitcart.measures.unit_prices import parse_unit_price
from splitcart.replica.config import CHAINS
from splitcart.transfer.records import ProductRecord
from splitcart_scrapy.failures import SiteChangedError
from splitcart_scrapy.parsers import Listing, aldi, coles, woolworths
from splitcart_scrapy.parsers.pages import UNIT_PRICE_DISAGREES, clean_text, coordinates, row_flags
from tests.collect.line import crawl_store, run, spider_on_a_line
from tests.collect.runs import small_market
from tests.collect.scripted import page, row

PROJECT = Path(__file__).parents[2]
FIXTURES = PROJECT / "tests/fixtures"
CASES = sorted(path.parent for path in FIXTURES.glob("*/*/meta.json"))
BREAD = Listing(key="1", slug="bakery/bread", path=("Bakery", "Bread"), root_slug="bakery")


def parsed(case: Path) -> Any:
    meta = json.loads((case / "meta.json").read_text())
    arguments = dict(meta["arguments"])
    if "listing" in arguments:
        arguments["listing"] = msgspec.convert(arguments["listing"], Listing)
    parser = getattr(import_module(f"splitcart_scrapy.parsers.{case.parent.name}"), meta["parser"])
    try:
        return json.loads(msgspec.json.encode(parser((case / "input.json").read_bytes(), **arguments)))
    except SiteChangedError as error:
        return {"site_changed": str(error)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_a_recorded_body_gives_the_expected_output(case):
    assert parsed(case) == json.loads((case / "output.json").read_text())


def test_all_retailers_have_cases():
    assert {case.parent.name for case in CASES} >= {"aldi", "coles", "woolworths"}


def test_every_field_that_a_chain_offers_is_filled_and_no_other():
    page = (PROJECT / "docs/retailers.md").read_text(encoding="utf-8")
    table = re.findall(r"^\|.*", page.partition("\n## Fields\n")[2].partition("\n## ")[0], re.MULTILINE)
    head, _, *lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table]
    told = {
        chain.lower(): {name for names, *cells in lines if cells[at] == "yes" for name in re.findall(r"`(\w+)`", names)}
        for at, chain in enumerate(head[1:])
    }
    filled = {
        chain: {
            name
            for path in FIXTURES.glob(f"{chain}/listing*/output.json")
            for item in json.loads(path.read_text()).get("items", [])
            for name, value in item.items()
            if value is not None and name != "flags"
        }
        for chain in told
    }
    assert filled == told
    assert {field.name for field in fields(ProductRecord)} - {"flags", "listed_in"} == set().union(*told.values())


@pytest.mark.parametrize("chain", CHAINS)
def test_no_price_of_a_whole_store_is_said_to_contradict_its_unit_price(chain):
    market = small_market(chain, skus=300, roots=None, leaves_per_root=None, promoted_share=0.4)
    store = next(store for store in market.stores(chain) if store.priced)
    spider, _ = spider_on_a_line(chain, market)
    lease = StoreLease(company=chain, store_id=store.store_id, retailer_store_id=store.retailer_store_id, reason="")
    _, rows = run(crawl_store(spider, lease))
    assert not [row for row in rows.values() if UNIT_PRICE_DISAGREES in (row.flags or [])]
    assert sum(row.unit_price_cents is not None for row in rows.values()) > 0.9 * len(rows)


@given(
    module=st.sampled_from([aldi, coles, woolworths]),
    body=st.one_of(
        st.binary(max_size=40),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["meta", "data", "pagination", "totalCount", "Bundles", "Products", "Stores"])
                    | st.sampled_from(["TotalRecordCount", "Categories", "Stockcode", "sku", "name", "id", "StoreNo"])
                    | st.sampled_from(["pageProps", "searchResults", "results", "noOfResults", "_type", "stores"])
                    | st.sampled_from(["errors", "productCategories", "catalogGroupView", "store", "distance"]),
                    inner,
                    max_size=5,
                )
            ),
            max_leaves=12,
        ).map(lambda value: json.dumps(value).encode()),
    ),
)
def test_any_other_body_is_a_changed_site_and_nothing_else(module, body):
    for parse in (
        lambda: module.parse_category_tree(body, []),
        lambda: module.parse_listing(body, BREAD, {"bakery": "Bakery"}),
        lambda: module.parse_stores(body),
    ):
        with suppress(SiteChangedError):
            assert parse() is not None


def test_an_error_names_what_was_missing():
    with pytest.raises(SiteChangedError, match="totalCount"):
        aldi.parse_listing(b'{"meta": {"pagination": {}}, "data": []}', BREAD, {})


@given(st.text(max_size=30) | st.none() | st.integers())
def test_cleaned_text_is_one_trimmed_line_or_nothing(text):
    cleaned = clean_text(text)
    assert cleaned is None or (cleaned == " ".join(cleaned.split()) and cleaned)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [("None", None), ("  ", None), ("Fruit &amp; Nut<br>Bar", "Fruit & Nut Bar"), (7, None), ("a\n b", "a b")],
)
def test_text_loses_html_and_the_literal_none(text, cleaned):
    assert clean_text(text) == cleaned


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (("-31.9", "115.8"), (-31.9, 115.8)),
        (("0", 0), (0.0, 0.0)),
        (("", "115"), (None, None)),
        ((None, "115"), (None, None)),
        (("nan", "115"), (None, None)),
        (("1e9", "115"), (None, None)),
    ],
)
def test_coordinates_are_degrees_or_nothing(pair, expected):
    assert coordinates(*pair) == expected


@pytest.mark.parametrize(
    ("distances", "km", "bad"),
    [
        (["1.8 km", "800 m"], [1.8, 0.8], []),
        (["1.8 km", None], [1.8], []),
        (["1.8 km", "2miles"], [1.8], ["distance '2miles' of G101"]),
        ([None, None], [], ["distance None of G100", "distance None of G101"]),
    ],
)
def test_a_distance_that_cannot_be_read_is_named_and_so_is_a_page_without_any(distances, km, bad):
    stores = [{"id": f"G10{at}", "distance": distance} for at, distance in enumerate(distances)]
    page = aldi.parse_stores(json.dumps({"meta": {"pagination": {"totalCount": 2}}, "data": stores}).encode())
    assert [store.store_id for store in page.items] == ["G100", "G101"]
    assert (page.distances_km, page.bad_rows) == (km, bad)


@pytest.mark.parametrize(
    ("price_cents", "unit", "name", "size", "flags"),
    [
        (469, "$1.68 per 100 g", "Milk Rolls 8 Pack 280g", "280 g", None),
        (299, "$1.78 per 10 g", "Stock Powder 168g", "168 g", ["unit_price_disagrees"]),
        (799, "$7.99/kg", "Red Plums", "140g EachUnit", ["unit_price_disagrees"]),
        (799, "$7.99/kg", "Red Plums", "per kg", None),
        (900, "$1.50 each", "Bread Rolls 6 Pack", "each", None),  # one of the texts is right
        (570, "$0.76 per 100g", "Yoghurt", None, None),
        (None, "$0.76 per 100g", "Yoghurt 750g", "750g", None),
        (570, None, "Yoghurt 750g", "750g", None),
    ],
)
def test_a_price_that_its_unit_price_contradicts_is_flagged(price_cents, unit, name, size, flags):
    assert row_flags(price_cents, parse_unit_price(unit), name, size) == flags


def test_a_unit_price_without_its_text_is_read_from_its_numbers():
    body = json.dumps(page(1, row(1, "Bakery", CupString=None, CupPrice=1.25, CupMeasure="100G"))).encode()
    (product,) = woolworths.parse_listing(body, BREAD, {"bakery": "Bakery"}).items
    assert (product.unit_price_cents, product.unit_measure) == (1250, "1 kg")


def test_numbers_are_read_however_they_are_written():
    tag = {"MultibuyData": {"Quantity": 2.0, "Price": "5.00"}}
    odd = row(1, "Bakery", Stockcode="136341", Price="2.50", Barcode=265178000003.0, CentreTag=tag)
    odd |= {"FulfilmentStoreId": 1147.0}
    page_of_one = woolworths.parse_listing(json.dumps(page(1.0, odd)).encode(), BREAD, {"bakery": "Bakery"})
    (product,) = page_of_one.items
    assert (product.sku, product.price_cents, product.barcode) == ("136341", 250, "0265178000003")
    assert (product.multi_buy_quantity, product.multi_buy_cents) == (2, 500)
    assert (page_of_one.total, page_of_one.echoes) == (1, {"136341": "1147"})


def test_flags_name_what_is_told_in_order():
    unit = parse_unit_price("$1.00/kg")
    assert row_flags(1, unit, None, "1kg", online_only=True, gone=False, asked=None) == [
        "online_only",
        "unit_price_disagrees",
    ]


def test_an_answer_that_says_that_it_failed_is_no_empty_listing():
    body = json.dumps({"Bundles": [], "TotalRecordCount": 0, "Success": False}).encode()
    with pytest.raises(SiteChangedError, match="that it failed"):
        woolworths.parse_listing(body, BREAD, {})
