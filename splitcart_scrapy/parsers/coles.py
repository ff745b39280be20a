"""Coles: category tree and listings (docs/retailers.md#coles). Prices come in dollars."""

import re
from collections.abc import Collection, Mapping

import msgspec

from splitcart.measures.ids import canonical_store_id
from splitcart.measures.money import cents, cents_from_display
from splitcart.measures.slugs import slug
from splitcart.measures.unit_prices import UnitPrice, parse_unit_price
from splitcart.transfer.records import ProductRecord
from splitcart_scrapy.failures import SiteChangedError
from splitcart_scrapy.parsers.coles_graph import read_graph
from splitcart_scrapy.parsers.coles_stores import parse_stores
from splitcart_scrapy.parsers.pages import Listing, ListingPage, clean_text, read_json, read_rows, row_flags

__all__ = ["parse_category_tree", "parse_listing", "parse_stores", "recorded_listings"]

SITE = "https://www.coles.com.au"
IMAGES = "https://cdn.productimages.coles.com.au/productimages"

# The roots of 2025 and what Pantry, the only one that is longer than a listing may be, consists of.
_RECORDED = {
    "meat-seafood": "Meat & Seafood",
    "fruit-vegetables": "Fruit & Vegetables",
    "dairy-eggs-fridge": "Dairy, Eggs & Fridge",
    "bakery": "Bakery",
    "deli": "Deli",
    "pantry": "Pantry",
    "dietary-world-foods": "Dietary & World Foods",
    "chips-chocolates-snacks": "Chips, Chocolates & Snacks",
    "drinks": "Drinks",
    "frozen": "Frozen",
    "household": "Household",
    "health-beauty": "Health & Beauty",
    "baby": "Baby",
    "pet": "Pet",
    "liquorland": "Liquorland",
}
_RECORDED_PARTS = {
    "pantry": (
        *("baking", "breakfast", "canned-food-soups-noodles", "coffee", "desserts", "health-foods", "herbs-spices"),
        *("international-foods", "jams-honey-spreads", "oils-vinegars", "pasta-rice-legumes-grains"),
        *("pickled-vegetables-condiments", "sauces", "stocks-gravy", "tea"),
    )
}


class _Node(msgspec.Struct, rename="camel"):
    id: str
    name: str
    seo_token: str
    original_name: str | None = None
    sub_type: str | None = None
    catalog_group_view: list["_Node"] = []


class _Categories(msgspec.Struct, rename="camel"):
    catalog_group_view: list[_Node]
    excluded_category_ids: list[str] = []


class _Tree(msgspec.Struct, rename="camel"):
    product_categories: _Categories


class _Results(msgspec.Struct, rename="camel"):
    no_of_results: int
    results: list[msgspec.Raw]


class _PageProps(msgspec.Struct, rename="camel"):
    search_results: _Results
    init_store_id: str | int | None = None


class _Either(msgspec.Struct, rename="camel"):
    """Only the data of a page is wrapped."""

    page_props: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Kind(msgspec.Struct, rename="camel"):
    type: str | None = msgspec.field(default=None, name="_type")
    ad_id: str | int | None = None
    ad_source: str | None = None


class _Heir(msgspec.Struct, rename="camel"):
    """A branch of the category tree. The site calls its root the subcategory, and its leaf the aisle."""

    sub_category: str | None = None
    category: str | None = None
    aisle: str | None = None


class _Unit(msgspec.Struct, rename="camel"):
    of_measure_quantity: float | None = None
    of_measure_units: str | None = None
    price: float | None = None
    is_weighted: bool | None = None


class _MultiBuy(msgspec.Struct, rename="camel"):
    min_quantity: int | None = None
    reward: float | None = None


class _Pricing(msgspec.Struct, rename="camel"):
    now: float | None = None
    was: float | None = None
    unit: _Unit | None = None
    comparable: str | None = None
    price_description: str | None = None
    offer_description: str | None = None
    multi_buy_promotion: _MultiBuy | None = None


class _Image(msgspec.Struct):
    uri: str | None = None


class _Row(msgspec.Struct, rename="camel"):
    id: int
    name: str | None = None
    brand: str | None = None
    description: str | None = None
    size: str | None = None
    availability: bool | None = None
    availability_type: str | None = None
    image_uris: list[_Image] | None = None
    online_heirs: list[_Heir] | None = None
    pricing: _Pricing | None = None


def parse_category_tree(body: bytes, excluded: Collection[str]) -> list[Listing]:
    """Return the roots, each with what it is divided into, in the tree's order.

    Without ``excluded`` slugs, what the site itself excludes, and seasonal roots, which repeat products of others.
    Raises SiteChangedError, and UnknownStoreError for a store that the site does not know.
    """
    tree = read_graph(body, _Tree, "Coles category tree").product_categories

    def listing(node: _Node, above: tuple[str, ...], slugs: tuple[str, ...]) -> Listing:
        path, slugs = (*above, node.name.strip()), (*slugs, node.seo_token)
        children = [child for child in node.catalog_group_view if child.seo_token not in excluded]
        return Listing(
            key=node.id,
            slug="/".join(slugs),
            path=path,
            root_slug=slugs[0],
            asked_as=node.original_name or node.name,
            children=tuple(listing(child, path, slugs) for child in children),
        )

    roots = [
        listing(root, (), ())
        for root in tree.catalog_group_view
        if root.seo_token not in excluded and root.id not in tree.excluded_category_ids and root.sub_type != "SEASONAL"
    ]
    if not roots:
        raise SiteChangedError("Coles category tree: no category left to crawl")
    return roots


def recorded_listings(excluded: Collection[str]) -> list[Listing]:
    """Return the roots as they were recorded, for when the tree cannot be had; only the pages know them by slug."""
    return [
        Listing(
            key="",
            slug=slug_,
            path=(name,),
            root_slug=slug_,
            children=tuple(
                Listing(key="", slug=f"{slug_}/{part}", path=(name, part), root_slug=slug_)
                for part in _RECORDED_PARTS.get(slug_, ())
            ),
        )
        for slug_, name in _RECORDED.items()
        if slug_ not in excluded
    ]


def parse_listing(body: bytes, listing: Listing, roots: Mapping[str, str]) -> ListingPage:
    """Return the products of one page of ``listing``, from the API or from a page's own data.

    Advertisements, associations and products that are shown again for money are left out; the total does not count
    them. ``roots``: names by slug of the roots that are crawled; a product belongs to the first branch of its own that
    begins with one of them, else to the listing's. A page's own data names the store. Raises SiteChangedError.
    """
    store = None
    wrapped = read_json(body, _Either, "Coles listing").page_props
    if wrapped is msgspec.UNSET:
        results = read_json(body, _Results, "Coles listing")
    else:
        props = read_json(bytes(wrapped), _PageProps, "Coles page")
        results, echo = props.search_results, props.init_store_id
        store = canonical_store_id("coles", str(echo)) if echo else None
    kinds, unreadable = read_rows(results.results, _Kind, "Coles listing")
    if unreadable:
        raise SiteChangedError(f"Coles listing: {unreadable[0]}")
    organic = [row for row, kind in zip(results.results, kinds, strict=True) if _is_organic(kind)]
    rows, bad = read_rows(organic, _Row, "Coles listing")
    return ListingPage(
        items=[_product(row, listing, roots) for row in rows],
        listed=[str(row.id) for row in rows],
        total=results.no_of_results,
        store=store,
        bad_rows=bad,
    )


def _is_organic(kind: _Kind) -> bool:
    return kind.type == "PRODUCT" and kind.ad_id is None and kind.ad_source is None


def _product(row: _Row, listing: Listing, roots: Mapping[str, str]) -> ProductRecord:
    pricing = row.pricing or _Pricing()
    price_cents, was_cents = _cents(pricing.now), _cents(pricing.was)
    on_special = was_cents is not None and price_cents is not None and was_cents > price_cents
    unit = _unit_price(pricing)
    quantity, total_cents = _multi_buy(pricing)
    sku, name, brand, size = str(row.id), clean_text(row.name) or "", clean_text(row.brand), clean_text(row.size)
    image = next((image.uri for image in row.image_uris or [] if image.uri), None)
    return ProductRecord(
        sku=sku,
        name=name,
        category_path=_own_path(row.online_heirs or [], set(roots.values())) or list(listing.path),
        price_cents=price_cents,
        was_cents=was_cents if on_special else None,
        unit_price_cents=unit.cents if unit and price_cents else None,
        unit_measure=unit.measure if unit and price_cents else None,
        special_kind=("half_price" if pricing.price_description == "1/2 Price" else "special") if on_special else None,
        multi_buy_quantity=quantity,
        multi_buy_cents=total_cents,
        available=row.availability,
        brand=brand,
        size=size,
        description=clean_text(row.description),
        image_url=f"{IMAGES}{image}" if image else None,
        url=f"{SITE}/product/{slug(' '.join(text for text in (brand, name, size) if text)) or 'p'}-{sku}",
        flags=row_flags(price_cents, unit, name, size, online_only=row.availability_type == "OnlineOnly"),
    )


def _cents(amount: float | None) -> int | None:
    """Dollars to cents; no price for null, nothing, less than nothing and amounts that no price list contains."""
    try:
        return cents(amount) or None if amount is not None else None
    except ValueError:
        return None


def _unit_price(pricing: _Pricing) -> UnitPrice | None:
    """Read the printed unit price; where it is missing, the numbers, which are per kilogram for weighed goods."""
    if pricing.comparable or pricing.unit is None:
        return parse_unit_price(pricing.comparable)
    unit = pricing.unit
    number, name = unit.of_measure_quantity or 1, unit.of_measure_units
    if unit.is_weighted and name == "g":
        number, name = 1, "kg"
    return parse_unit_price(f"${unit.price:.2f} per {number:g}{name}") if unit.price and name else None


def _multi_buy(pricing: _Pricing) -> tuple[int, int] | tuple[None, None]:
    """Return quantity and total of a multi-buy, from its text if it has one: what it says of one piece is rounded."""
    offer = pricing.multi_buy_promotion
    if offer is None or not offer.min_quantity or offer.min_quantity < 2:
        return None, None
    match = re.search(r"\b(\d+) for (\$[\d.,]*\d)", pricing.offer_description or "")
    total = cents_from_display(match[2]) if match and int(match[1]) == offer.min_quantity else None
    each = _cents(offer.reward)
    total = total or (each * offer.min_quantity if each else None)
    return (offer.min_quantity, total) if total else (None, None)


def _own_path(heirs: list[_Heir], kept_roots: set[str]) -> list[str] | None:
    for heir in heirs:
        path = [text for name in (heir.sub_category, heir.category, heir.aisle) if (text := clean_text(name))]
        if path and path[0] in kept_roots:
            return list(dict.fromkeys(path))
    return None
