"""ALDI Australia: category tree, listings and service points (docs/retailers.md#aldi). Prices come in cents."""

import re
from collections.abc import Collection, Mapping

import msgspec

from splitcart.measures.ids import canonical_store_id, clean_postcode, clean_state
from splitcart.measures.money import cents_from_display
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

SITE = "https://www.aldi.com.au"
IMAGE_WIDTH = "500"


class _Pagination(msgspec.Struct, rename="camel"):
    total_count: int


class _Meta(msgspec.Struct):
    pagination: _Pagination


class _Page(msgspec.Struct):
    meta: _Meta
    data: list[msgspec.Raw]


class _Node(msgspec.Struct, rename="camel"):
    key: str
    name: str
    url_slug_text: str
    children: list["_Node"] = []


class _Tree(msgspec.Struct):
    data: list[_Node]


class _Price(msgspec.Struct, rename="camel"):
    amount: int | None = None
    comparison_display: str | None = None
    was_price_display: str | None = None


class _Category(msgspec.Struct, rename="camel"):
    name: str
    url_slug_text: str


class _Asset(msgspec.Struct, rename="camel"):
    url: str
    asset_type: str | None = None


class _Row(msgspec.Struct, rename="camel"):
    sku: str
    name: str
    brand_name: str | None = None
    url_slug_text: str | None = None
    selling_size: str | None = None
    discontinued: bool | None = None
    price: _Price | None = None
    categories: list[_Category] | None = None
    assets: list[_Asset] | None = None


class _Address(msgspec.Struct, rename="camel"):
    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    region_iso_code: str | None = None
    region_name: str | None = None
    zip_code: str | None = None
    latitude: str | float | None = None
    longitude: str | float | None = None


class _ServicePoint(msgspec.Struct, rename="camel"):
    id: str
    name: str | None = None
    public_phone_number: str | None = None
    distance: str | None = None
    address: _Address | None = None


def parse_category_tree(body: bytes, excluded: Collection[str]) -> list[Listing]:
    """Return the leaves to walk, in the tree's order; a root without children is its own leaf.

    ``excluded``: slugs of categories that are left out with all below them. Raises SiteChangedError.
    """
    listings: list[Listing] = []

    def walk(node: _Node, path: tuple[str, ...]) -> None:
        if not set(node.url_slug_text.split("/")).isdisjoint(excluded):
            return
        path = (*path, node.name.strip())
        for child in node.children:
            walk(child, path)
        if not node.children:
            root_slug = node.url_slug_text.split("/")[0]
            listings.append(Listing(key=node.key, slug=node.url_slug_text, path=path, root_slug=root_slug))

    for root in read_json(body, _Tree, "ALDI category tree").data:
        walk(root, ())
    if not listings:
        raise SiteChangedError("ALDI category tree: no category left to crawl")
    return listings


def parse_listing(body: bytes, listing: Listing, roots: Mapping[str, str]) -> ListingPage:
    """Return the products of one page of ``listing``.

    ``roots``: names by slug of the roots that are crawled. A product's path is the first of its own ``categories`` that
    lies below one of them, so that it is the same whatever listing shows the product. ``notForSale`` is true on every
    row; being listed is what says that a product is available. Raises SiteChangedError.
    """
    page = read_json(body, _Page, "ALDI listing")
    rows, bad = read_rows(page.data, _Row, "ALDI listing")
    return ListingPage(
        items=[_product(row, listing, roots) for row in rows],
        listed=[row.sku for row in rows],
        total=page.meta.pagination.total_count,
        bad_rows=bad,
    )


def _product(row: _Row, listing: Listing, roots: Mapping[str, str]) -> ProductRecord:
    price = row.price or _Price()
    was_cents = cents_from_display(price.was_price_display)
    on_special = was_cents is not None and price.amount is not None and was_cents > price.amount
    unit = parse_unit_price(price.comparison_display)
    return ProductRecord(
        sku=row.sku.strip(),
        name=clean_text(row.name) or "",
        category_path=_own_path(row.categories or [], roots) or list(listing.path),
        price_cents=price.amount,
        was_cents=was_cents if on_special else None,
        unit_price_cents=unit.cents if unit else None,
        unit_measure=unit.measure if unit else None,
        special_kind="special" if on_special else None,
        available=True,
        brand=clean_text(row.brand_name),
        size=clean_text(row.selling_size),
        image_url=_image(row.assets or []),
        url=f"{SITE}/product/{row.url_slug_text}-{row.sku}" if row.url_slug_text else None,
        flags=row_flags(price.amount, unit, row.name, row.selling_size, discontinued=row.discontinued),
    )


def _own_path(categories: list[_Category], roots: Mapping[str, str]) -> list[str] | None:
    """Follow the first category below a crawled root down to its leaf, each step a longer slug of the same branch."""
    for category in categories:
        root = category.url_slug_text.split("/")[0]
        if root not in roots:
            continue
        path, branch = [roots[root]], root
        for step in categories:
            if step.url_slug_text.startswith(f"{branch}/") and step.url_slug_text != f"{root}/{root}":
                path.append(step.name.strip())
                branch = step.url_slug_text
        return path
    return None


def _image(assets: list[_Asset]) -> str | None:
    """Return the front picture, its address completed: ``{width}`` filled in, the trailing ``/{slug}`` cut off."""
    fronts = [asset.url for asset in assets if (asset.asset_type or "").startswith("FR")]
    address = next(iter(fronts or [asset.url for asset in assets]), None)
    return address.removesuffix("/{slug}").replace("{width}", IMAGE_WIDTH) if address else None


def parse_stores(body: bytes) -> StorePage:
    """Return the stores of one page of service points. Raises SiteChangedError.

    Distances that cannot be read are in ``bad_rows``, and so is their lack: a sweep that does not know how far the
    answers reach has not seen all stores. A few stores have none.
    """
    page = read_json(body, _Page, "ALDI service points")
    rows, bad = read_rows(page.data, _ServicePoint, "ALDI service points")
    distances = [_distance_km(row.distance) for row in rows]
    bad += [
        f"distance {row.distance!r} of {row.id}"
        for row, distance in zip(rows, distances, strict=True)
        if distance is None and (row.distance is not None or not any(other.distance for other in rows))
    ]
    return StorePage(
        items=[_store(row) for row in rows],
        listed=len(page.data),
        distances_km=[distance for distance in distances if distance is not None],
        total=page.meta.pagination.total_count,
        bad_rows=bad,
    )


def _distance_km(text: str | None) -> float | None:
    match = re.fullmatch(r"([0-9,]*\.?[0-9]+) (km|m)", text or "")
    if match is None:
        return None
    return float(match[1].replace(",", "")) / (1000 if match[2] == "m" else 1)


def _store(row: _ServicePoint) -> StoreRecord:
    address = row.address or _Address()
    latitude, longitude = coordinates(address.latitude, address.longitude)
    lines = [line for line in (clean_text(address.address1), clean_text(address.address2)) if line]
    suburb = clean_text(address.city)
    return StoreRecord(
        store_id=canonical_store_id("aldi", row.id),
        name=clean_text(row.name) or (f"ALDI {suburb}" if suburb else ""),
        address=", ".join(lines) or None,
        suburb=suburb,
        state=clean_state(address.region_iso_code) or clean_state(address.region_name),
        postcode=clean_postcode(address.zip_code),
        latitude=latitude,
        longitude=longitude,
        phone=clean_text(row.public_phone_number),
        is_trading=True,
    )
