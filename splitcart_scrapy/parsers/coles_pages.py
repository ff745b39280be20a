"""Coles' HTML pages: what they must be asked for again, and what only a product's own page tells."""

import re
from dataclasses import dataclass
from typing import Any

import msgspec

from splitcart.measures.gtin import parse_gtin
from splitcart_scrapy.failures import BlockedError, SiteChangedError
from splitcart_scrapy.parsers.pages import read_json

_DATA = re.compile(rb'<script id="__NEXT_DATA__"[^>]*>(.*?)</script>', re.DOTALL)
_KEY = re.compile(rb'"BFF_API_SUBSCRIPTION_KEY"\s*:\s*"([0-9a-f]{32})"')
_LINKED = re.compile(rb'<script type="application/ld\+json"[^>]*>(.*?)</script>', re.DOTALL)
_BUILD = re.compile(rb'"buildId"\s*:\s*"([^"/]+)"')


class _Product(msgspec.Struct):
    id: int | str
    gtin: str | int | None = None


class _ProductProps(msgspec.Struct, rename="camel"):
    product: _Product


class _Props(msgspec.Struct, rename="camel"):
    page_props: _ProductProps


class _ProductPage(msgspec.Struct):
    props: _Props


@dataclass(frozen=True, slots=True)
class WayIn:
    """What a page says about reaching its data: both change with the site's deploys. ``key`` None: it names none."""

    build_id: str
    key: str | None


def parse_way_in(body: bytes) -> WayIn:
    """Read any page of the site; raise BlockedError for one without data, SiteChangedError for data of another form.

    The key stands among the data, or in a script of its own.
    """
    data = _DATA.search(body)
    if data is None:
        raise BlockedError("blocked: a page of Coles without its data")
    build, key = _BUILD.search(data[1]), _KEY.search(body)
    if build is None:
        raise SiteChangedError("Coles page: no buildId in its data")
    return WayIn(build[1].decode(), key[1].decode() if key else None)


def parse_barcode(body: bytes, sku: str) -> str | None:
    """Return the barcode that a product's page names, None if it names none that is one.

    From its JSON-LD, else from its data. Raises BlockedError for a page without data, SiteChangedError for data of
    another form or of another product.
    """
    data = _DATA.search(body)
    if data is None:
        raise BlockedError("blocked: a page of Coles without its data")
    product = read_json(data[1], _ProductPage, "Coles product page").props.page_props.product
    if str(product.id) != sku:
        raise SiteChangedError(f"Coles product page: asked for {sku}, it is of {product.id}")
    named = [facts.get(field) for facts in _linked_products(body) for field in ("gtin", "gtin13", "gtin14", "mpn")]
    for code in (*named, product.gtin):
        if isinstance(code, str | int) and (gtin := parse_gtin(str(code), sku=sku)):
            return gtin.code
    return None


def _linked_products(body: bytes) -> list[dict[str, Any]]:
    """Return what the page's JSON-LD says of products; nothing where it is no JSON."""
    found = []
    for script in _LINKED.findall(body):
        try:
            linked = msgspec.json.decode(script)
        except msgspec.MsgspecError:
            continue
        rows = linked if isinstance(linked, list) else [linked]
        found += [row for row in rows if isinstance(row, dict) and row.get("@type") == "Product"]
    return found
