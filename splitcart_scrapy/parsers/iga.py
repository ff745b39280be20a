"""IGA: category hierarchy and listings of its shop (docs/retailers.md#iga). Prices come in dollars."""

import re
from collections.abc import Collection, Mapping
from decimal import ROUND_HALF_UP, Decimal

import msgspec

from splitcart.measures.gtin import parse_gtin
from splitcart.measures.money import cents
from splitcart.measures.unit_prices import UnitPrice, parse_unit_price
from splitcart.transfer.records import ProductRecord
from splitcart_scrapy.failures import SiteChangedError
from splitcart_scrapy.parsers.pages import Listing, ListingPage, clean_text, read_json, read_rows, row_flags

IMAGES = "https://cdn.metcash.media/image/upload/w_1500,h_1500,c_pad,b_auto/igashop/images"
WEIGHED = "EachUnit"  # sold by the piece, priced by the kilogram
PER_KG = "per kg"
PIECE = "each"  # what is sold together, be it a box of sixteen

# What a description says in lines of their own, by the label that they begin with.
_DETAILS = {
    "ingredients": re.compile(r"ingredients?", re.IGNORECASE),
    "contains": re.compile(r"(?:allergens?(?: contain(?:s|ed)?)?|contains)", re.IGNORECASE),
    "may_contain": re.compile(r"(?:allergens? may be present|may contain)", re.IGNORECASE),
    "country_of_origin": re.compile(r"country of origin", re.IGNORECASE),
}
_AMOUNTS = {"g": (1, "g"), "kg": (1000, "g"), "ml": (1, "ml"), "l": (1000, "ml")}
_BREAK = re.compile(r"<br\s*/?>|</?(?:p|div|li|ul)\b[^>]*>|\n", re.IGNORECASE)


class _Node(msgspec.Struct, rename="camel"):
    identifier: str
    display_name: str | None = None
    children: list["_Node"] = []

    @property
    def slug(self) -> str:
        return self.identifier.lower().replace("_", "-")

    @property
    def name(self) -> str:
        return clean_text(self.display_name) or self.identifier.replace("_", " ")


class _Page(msgspec.Struct):
    items: list[msgspec.Raw]
    total: int | None = None


class _Unit(msgspec.Struct):
    size: float | None = None
    abbreviation: str | None = None
    label: str | None = None


class _Reduced(msgspec.Struct, rename="camel"):
    whole_price: float | None = None


class _Category(msgspec.Struct, rename="camel"):
    category_breadcrumb: str | None = None


class _Image(msgspec.Struct):
    default: str | None = None
    zoom: str | None = None
    details: str | None = None


class _Row(msgspec.Struct, rename="camel"):
    product_id: str | int
    name: str | None = None
    brand: str | None = None
    barcode: str | int | None = None
    description: str | None = None
    available: bool | None = None
    price_numeric: float | None = None
    whole_price: float | None = None
    was_whole_price: float | None = None
    tpr_price: list[_Reduced] | None = None
    price_per_unit: str | None = None
    sell_by: str | None = None
    unit_of_measure: _Unit | None = None
    unit_of_size: _Unit | None = None
    default_category: list[_Category] | None = None
    image: _Image | None = None


def parse_category_tree(body: bytes, excluded: Collection[str]) -> list[Listing]:
    """Return the leaves to walk, in the hierarchy's order; a listing's key is the leaf's identifier.

    The roots lie below the one node ``Grocery`` that stands on top of them. ``excluded``: slugs (identifiers in lower
    case, with hyphens) of categories that are left out with all below them. Raises SiteChangedError.
    """
    listings: list[Listing] = []

    def walk(node: _Node, path: tuple[str, ...], root_slug: str) -> None:
        if node.slug in excluded:
            return
        path = (*path, node.name)
        for child in node.children:
            walk(child, path, root_slug)
        if not node.children:
            listings.append(Listing(key=node.identifier, slug=node.slug, path=path, root_slug=root_slug))

    for top in read_json(body, _Node, "IGA category hierarchy").children:
        for root in top.children:
            walk(root, (), root.slug)
    if not listings:
        raise SiteChangedError("IGA category hierarchy: no category left to crawl")
    return listings


def parse_listing(body: bytes, listing: Listing, roots: Mapping[str, str]) -> ListingPage:
    """Return the products of one page of ``listing``.

    ``roots``: names by slug of the roots that are crawled. A product's path is its own default category, so that it is
    the same whatever listing shows it; the listing's where that is none of them. Raises SiteChangedError.
    """
    page = read_json(body, _Page, "IGA listing")
    rows, bad = read_rows(page.items, _Row, "IGA listing")
    kept = set(roots.values())
    return ListingPage(
        items=[_product(row, listing, kept) for row in rows],
        listed=[str(row.product_id) for row in rows],
        total=page.total,
        bad_rows=bad,
    )


def _product(row: _Row, listing: Listing, roots: Collection[str]) -> ProductRecord:
    price_cents, was_cents = _prices(row)
    on_special = was_cents is not None and price_cents is not None and was_cents > price_cents
    unit = parse_unit_price(row.price_per_unit) or _unit_price(row, price_cents)
    sku = str(row.product_id).strip()
    gtin = parse_gtin(row.barcode, sku=sku)
    told = _details(row.description)
    allergens = [told["contains"], f"May be present: {told['may_contain']}" if told["may_contain"] else None]
    image = row.image or _Image()
    size = _size(row)
    return ProductRecord(
        sku=sku,
        name=clean_text(row.name) or "",
        category_path=_path(row, roots) or list(listing.path),
        price_cents=price_cents,
        was_cents=was_cents if on_special else None,
        unit_price_cents=unit.cents if unit and price_cents else None,
        unit_measure=unit.measure if unit and price_cents else None,
        special_kind="special" if on_special else None,
        available=row.available,
        brand=clean_text(row.brand),
        size=size,
        barcode=gtin.code if gtin else None,
        barcode_is_local=gtin.is_local if gtin else None,
        description=clean_text(row.description),
        ingredients=told["ingredients"],
        allergens="; ".join(text for text in allergens if text) or None,
        country_of_origin=told["country_of_origin"],
        image_url=clean_text(image.default) or clean_text(image.zoom) or clean_text(image.details),
        flags=row_flags(price_cents, unit, row.name, None if size == PIECE else size),
    )


def _prices(row: _Row) -> tuple[int | None, int | None]:
    """Return what is charged now and what it was; of a weighed product, both for a kilogram.

    Of those, ``priceNumeric`` is an average piece's, which is no price that anybody is charged.
    """
    reduced = row.tpr_price[0].whole_price if row.tpr_price else None
    now = _cents(reduced) or _cents(row.whole_price)
    if now is None and row.sell_by != WEIGHED:
        now = _cents(row.price_numeric)
    return now, _cents(row.was_whole_price)


def _cents(amount: float | None) -> int | None:
    try:
        return cents(amount) or None if amount is not None else None
    except ValueError:
        return None


def _size(row: _Row) -> str | None:
    if row.sell_by == WEIGHED:
        return PER_KG
    unit = row.unit_of_size or _Unit()
    number = f"{unit.size:g}" if unit.size else ""
    abbreviation = clean_text(unit.abbreviation)
    if abbreviation is None:
        label = (clean_text(unit.label) or "").lower()
        written = f"{number} {label}" if label and number not in {"", "1"} else label
    else:
        written = number + abbreviation if number else ""
    parts = [written, row.sell_by if row.sell_by not in {None, "", "Each"} else None]
    return " ".join(part for part in parts if part) or None


def _unit_price(row: _Row, price_cents: int | None) -> UnitPrice | None:
    """Work out the unit price that a row leaves out, to the cent that the site would print.

    Not for pieces: a box of sixteen is one piece here.
    """
    measure, size = row.unit_of_measure or _Unit(), row.unit_of_size or _Unit()
    if price_cents is not None and row.sell_by == WEIGHED:
        return UnitPrice(price_cents, "1 kg")
    per, content = _amount(measure), _amount(size)
    if price_cents is None or per is None or content is None or per[1] != content[1]:
        return None
    # Divided last, so that half a cent is exact.
    printed = (price_cents * per[0] / content[0]).to_integral_value(ROUND_HALF_UP) / 100
    return parse_unit_price(f"${printed:.2f}/{measure.size:g}{measure.abbreviation}")


def _amount(unit: _Unit) -> tuple[Decimal, str] | None:
    """Return a weight in g, or a volume in ml; None for anything else."""
    known = _AMOUNTS.get(unit.abbreviation or "")
    return (Decimal(str(unit.size)) * known[0], known[1]) if known and unit.size else None


def _path(row: _Row, roots: Collection[str]) -> list[str] | None:
    breadcrumb = next((each.category_breadcrumb for each in row.default_category or []), None)
    names = [name.strip() for name in (breadcrumb or "").split("/") if name.strip()]
    if names and names[0] not in roots:
        names = names[1:]  # the node on top of all roots
    return names if names and names[0] in roots else None


def _details(description: str | None) -> dict[str, str | None]:
    """Read the labelled lines of a description."""
    found: dict[str, str | None] = dict.fromkeys(_DETAILS)
    for line in _BREAK.split(description or ""):
        label, _, text = (clean_text(line) or "").partition(":")
        kind = next((kind for kind, labels in _DETAILS.items() if labels.fullmatch(label.strip())), None)
        if kind and text.strip():
            found[kind] = text.strip()
    return found
