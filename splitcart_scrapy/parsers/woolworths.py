"""Woolworths: category tree, listings and store locator (docs/retailers.md#woolworths). Prices come in dollars."""

import json
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from splitcart.measures.gtin import parse_gtin
from splitcart.measures.ids import clean_postcode, clean_state
from splitcart.measures.money import cents
from splitcart.measures.unit_prices import parse_unit_price
from splitcart.transfer.records import ProductRecord, StoreRecord
from splitcart_scrapy.failures import SiteChangedError
from splitcart_scrapy.parsers.pages import (
    Listing,
    ListingPage,
    StorePage,
    clean_text,
    coordinates,
    read_json,
    read_rows,
    row_flags,
)

SITE = "https://www.woolworths.com.au"
OWN_NAME = "woolworths"


class _Node(msgspec.Struct, rename="pascal"):
    node_id: str
    description: str
    url_friendly_name: str
    is_special: bool = False
    is_restricted: bool = False
    children: list["_Node"] = []


class _Tree(msgspec.Struct, rename="pascal"):
    categories: list[_Node]


class _Bundle(msgspec.Struct, rename="pascal"):
    products: list[msgspec.Raw] | None = None


class _Page(msgspec.Struct, rename="pascal"):
    bundles: list[_Bundle]
    total_record_count: int
    success: bool | None = None


class _MultibuyOffer(msgspec.Struct, rename="pascal"):
    quantity: int | None = None
    price: float | None = None


class _MemberOffer(msgspec.Struct, rename="pascal"):
    price: float | None = None


class _Tag(msgspec.Struct, rename="pascal"):
    multibuy_data: _MultibuyOffer | None = None
    member_price_data: _MemberOffer | None = None


class _Row(msgspec.Struct, rename="pascal"):
    stockcode: int
    name: str | None = None
    display_name: str | None = None
    url_friendly_name: str | None = None
    brand: str | None = None
    description: str | None = None
    package_size: str | None = None
    price: float | None = None
    was_price: float | None = None
    cup_string: str | None = None
    cup_price: float | None = None
    cup_measure: str | None = None
    barcode: str | int | None = None
    is_half_price: bool | None = None
    is_on_special: bool | None = None
    is_available: bool | None = None
    is_online_only: bool | None = None
    is_market_product: bool | None = None
    sold_by: str | None = None
    vendor: str | None = None
    is_sponsored_ad: bool | None = None
    fulfilment_store_id: int | str | None = None
    large_image_file: str | None = None
    centre_tag: _Tag | None = None
    additional_attributes: dict[str, Any] | None = None


class _Hour(msgspec.Struct, rename="pascal"):
    trading_hour_for_display: str | None = None


class _Store(msgspec.Struct, rename="pascal"):
    store_no: str | int
    division: str | None = None
    name: str | None = None
    address_line1: str | None = msgspec.field(default=None, name="AddressLine1")
    address_line2: str | None = msgspec.field(default=None, name="AddressLine2")
    suburb: str | None = None
    state: str | None = None
    postcode: str | int | None = None
    latitude: str | float | None = None
    longitude: str | float | None = None
    phone: str | None = None
    trading_hours: list[_Hour] | None = None


class _Stores(msgspec.Struct, rename="pascal"):
    stores: list[msgspec.Raw]


def parse_category_tree(body: bytes, excluded: Collection[str]) -> list[Listing]:
    """Return the leaf nodes to walk, in the tree's order, without specials, restricted nodes and ``excluded`` slugs.

    Raises SiteChangedError.
    """
    listings: list[Listing] = []

    def is_left_out(node: _Node) -> bool:
        special = node.is_special or node.node_id.endswith("_SPECIALS") or node.node_id.startswith("specialsgroup")
        return special or node.is_restricted or node.url_friendly_name in excluded

    def walk(node: _Node, path: tuple[str, ...], root_slug: str) -> None:
        path = (*path, node.description.strip())
        children = [child for child in node.children if not is_left_out(child)]
        for child in children:
            walk(child, path, root_slug)
        if not children:
            listings.append(Listing(key=node.node_id, slug=node.url_friendly_name, path=path, root_slug=root_slug))

    for root in read_json(body, _Tree, "Woolworths category tree").categories:
        if not is_left_out(root):
            walk(root, (), root.url_friendly_name)
    if not listings:
        raise SiteChangedError("Woolworths category tree: no category left to crawl")
    return listings


def parse_listing(body: bytes, listing: Listing, roots: Mapping[str, str]) -> ListingPage:
    """Return the products of one page of ``listing``.

    Sponsored rows are left out: they repeat products of other pages, also past the end. Rows of other sellers count
    in the total but are no items. ``roots``: names by slug of the roots that are crawled; a product belongs to the
    first of its departments among them, else to the listing's. Raises SiteChangedError.
    """
    page = read_json(body, _Page, "Woolworths listing")
    if page.success is False:
        raise SiteChangedError("Woolworths listing: the site says of its own answer that it failed")
    raw_rows = [row for bundle in page.bundles for row in bundle.products or []]
    rows, bad = read_rows(raw_rows, _Row, "Woolworths listing")
    organic = [row for row in rows if not row.is_sponsored_ad]
    others = {str(row.stockcode): _other_seller(row) for row in organic if row.is_market_product or _other_seller(row)}
    own = [row for row in organic if str(row.stockcode) not in others]
    return ListingPage(
        items=[_product(row, listing, roots) for row in own],
        listed=[str(row.stockcode) for row in organic],
        total=page.total_record_count,
        echoes={str(row.stockcode): str(row.fulfilment_store_id) for row in own if row.fulfilment_store_id},
        bad_rows=bad,
        other_sellers=others,
    )


def _other_seller(row: _Row) -> str | None:
    """Return the seller that a row names if it is not Woolworths, and no mark says so anyway."""
    named = (clean_text(row.vendor), clean_text(row.sold_by))
    others = [seller for seller in named if seller and not seller.lower().startswith(OWN_NAME)]
    return others[0] if others and not row.is_market_product else None


def _product(row: _Row, listing: Listing, roots: Mapping[str, str]) -> ProductRecord:
    attributes = row.additional_attributes or {}
    price_cents, was_cents = _cents(row.price), _cents(row.was_price)
    on_special = was_cents is not None and price_cents is not None and was_cents > price_cents
    unit = parse_unit_price(row.cup_string) or parse_unit_price(f"${row.cup_price or 0:.2f} / {row.cup_measure}")
    sku = str(row.stockcode)
    gtin = parse_gtin(row.barcode, sku=sku)
    tag = row.centre_tag or _Tag()
    multi_buy = tag.multibuy_data or _MultibuyOffer()
    multi_buy_cents = _cents(multi_buy.price) if multi_buy.quantity else None
    member_cents = _cents(tag.member_price_data.price) if tag.member_price_data else None
    return ProductRecord(
        sku=sku,
        name=clean_text(row.name) or clean_text(row.display_name) or "",
        category_path=_path(attributes, listing, roots),
        price_cents=price_cents,
        was_cents=was_cents if on_special else None,
        unit_price_cents=unit.cents if unit else None,
        unit_measure=unit.measure if unit else None,
        special_kind=("half_price" if row.is_half_price else "special") if on_special else None,
        multi_buy_quantity=multi_buy.quantity if multi_buy_cents else None,
        multi_buy_cents=multi_buy_cents,
        member_cents=member_cents,
        available=row.is_available,
        brand=clean_text(row.brand),
        size=clean_text(row.package_size),
        barcode=gtin.code if gtin else None,
        barcode_is_local=gtin.is_local if gtin else None,
        description=clean_text(row.description),
        ingredients=clean_text(attributes.get("ingredients")),
        allergens=_allergens(attributes),
        country_of_origin=clean_text(attributes.get("countryoforigin")),
        health_star=_health_star(attributes.get("healthstarrating")),
        image_url=clean_text(row.large_image_file),
        url=f"{SITE}/shop/productdetails/{sku}/{row.url_friendly_name}" if clean_text(row.url_friendly_name) else None,
        flags=row_flags(
            price_cents, unit, row.display_name or row.name, row.package_size, online_only=row.is_online_only
        ),
    )


def _cents(amount: float | None) -> int | None:
    """Dollars to cents; no price for null, nothing, less than nothing and amounts that no price list contains."""
    try:
        return cents(amount) or None if amount is not None else None
    except ValueError:
        return None


def _path(attributes: Mapping[str, Any], listing: Listing, roots: Mapping[str, str]) -> list[str]:
    kept = set(roots.values())
    own_root = next((name for name in _names(attributes.get("piesdepartmentnamesjson")) if name in kept), listing.root)
    return list(listing.path) if own_root == listing.root else [own_root]


def _names(text: Any) -> list[str]:
    """Read a list of names that the site sends as JSON inside a string; nothing if it is not one."""
    try:
        names = json.loads(text) if isinstance(text, str) else []
    except ValueError:
        return []
    return [name.strip() for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _allergens(attributes: Mapping[str, Any]) -> str | None:
    contains = clean_text(attributes.get("allergystatement"))
    may_contain = clean_text(attributes.get("allergenmaybepresent"))
    if may_contain and not may_contain.lower().startswith("may"):
        may_contain = f"May be present: {may_contain}"
    return "; ".join(text for text in (contains, may_contain) if text) or None


def _health_star(text: Any) -> float | None:
    try:
        stars = float(text)
    except (TypeError, ValueError):
        return None
    return stars if 0 < stars <= 5 else None


def parse_stores(body: bytes) -> StorePage:
    """Return the stores of one answer of the store locator. Raises SiteChangedError."""
    raw_rows = read_json(body, _Stores, "Woolworths stores").stores
    rows, bad = read_rows(raw_rows, _Store, "Woolworths stores")
    return StorePage(items=[_store(row) for row in rows], listed=len(raw_rows), bad_rows=bad)


def _store(row: _Store) -> StoreRecord:
    latitude, longitude = coordinates(row.latitude, row.longitude)
    suburb = clean_text(row.suburb)
    name = clean_text(row.name)
    lines = [line for line in (clean_text(row.address_line1), clean_text(row.address_line2)) if line]
    hours = [text for hour in row.trading_hours or [] if (text := clean_text(hour.trading_hour_for_display))]
    return StoreRecord(
        store_id=str(row.store_no).strip(),
        name=suburb or "" if name in {None, "N/A"} else name or "",
        division=clean_text(row.division),
        address=", ".join(lines) or None,
        suburb=suburb,
        state=clean_state(row.state),
        postcode=clean_postcode(row.postcode),
        latitude=latitude,
        longitude=longitude,
        phone=clean_text(row.phone),
        hours=hours or None,
        is_trading=True,
    )
