"""IGA's stores: all shops, from a registry that answers with a script, and the online ones from the shop itself."""

import html
import re
from collections.abc import Mapping

import msgspec

from splitcart.measures.ids import clean_postcode, clean_state
from splitcart.transfer.records import StoreRecord
from splitcart_scrapy.failures import SiteChangedError
from splitcart_scrapy.parsers.pages import StorePage, clean_text, coordinates, read_json, read_rows

ONLINE, OFFLINE = "IGA Online", "IGA In Store"

_CALLBACK = re.compile(rb"\s*[\w.$]+\s*\((.*)\)\s*;?\s*", re.DOTALL)
_SHOP = re.compile(r'data-storedata\s*=\s*(?:"([^"]*)"|\'([^\']*)\')')


class _Answer(msgspec.Struct):
    content: str


class _Shop(msgspec.Struct, rename="camel"):
    store_id: str
    store_name: str | None = None
    address: str | None = None
    suburb: str | None = None
    state: str | None = None
    postcode: str | None = None
    phone: str | None = None
    hours: str | None = None
    hours_day: str | None = None
    latitude: str | float | None = None
    longitude: str | float | None = None
    tag: str | None = None


class _Place(msgspec.Struct):
    latitude: float | None = None
    longitude: float | None = None


class OnlineStore(msgspec.Struct, rename="camel"):
    """A store of the online shop; ``retailer_store_id`` is the tag of its row in the registry of all shops."""

    retailer_store_id: str
    status: str | None = None
    name: str | None = None
    address_line1: str | None = msgspec.field(default=None, name="addressLine1")
    address_line2: str | None = msgspec.field(default=None, name="addressLine2")
    city: str | None = None
    county_province_state: str | None = None
    post_code: str | None = None
    phone: str | None = None
    opening_hours: str | None = None
    location: _Place | None = None


class _OnlineStores(msgspec.Struct):
    total: int
    items: list[msgspec.Raw]


def parse_online_stores(body: bytes) -> dict[str, OnlineStore]:
    """Return the active stores of the online shop by their number in it.

    Raises SiteChangedError, also if a row cannot be read or the answer holds fewer than it says that there are.
    """
    answer = read_json(body, _OnlineStores, "IGA online stores")
    rows, bad = read_rows(answer.items, OnlineStore, "IGA online stores")
    if bad:
        raise SiteChangedError(f"IGA online stores: {len(bad)} rows are unreadable, the first: {bad[0]}")
    if len(rows) < answer.total:
        raise SiteChangedError(f"IGA online stores: {len(rows)} of {answer.total} rows")
    return {row.retailer_store_id.strip(): row for row in rows if (row.status or "Active") == "Active"}


def parse_stores(body: bytes, online: Mapping[str, OnlineStore]) -> StorePage:
    """Return the shops of one answer of the registry, each joined with its row among the ``online`` stores.

    A location without shops has an empty answer. Raises SiteChangedError.
    """
    match = _CALLBACK.fullmatch(body)
    if match is None:
        raise SiteChangedError(f"IGA store locator: expected a call with JSON in it, got {body[:80]!r}")
    content = read_json(match[1], _Answer, "IGA store locator").content
    raw_rows = [msgspec.Raw(html.unescape(one or other).encode()) for one, other in _SHOP.findall(content)]
    rows, bad = read_rows(raw_rows, _Shop, "IGA store locator")
    return StorePage(items=[_store(row, online) for row in rows], listed=len(raw_rows), bad_rows=bad)


def _store(row: _Shop, online: Mapping[str, OnlineStore]) -> StoreRecord:
    tag = clean_text(row.tag)
    shop = online.get(tag or "")
    other = shop or OnlineStore(retailer_store_id="")
    place = other.location or _Place()
    latitude, longitude = _coordinates(place.latitude, place.longitude)
    if latitude is None:  # the online shop's are more exact
        latitude, longitude = _coordinates(row.latitude, row.longitude)
    lines = [clean_text(other.address_line1), clean_text(other.address_line2)]
    suburb = clean_text(row.suburb) or clean_text(other.city)
    hours = [line for text in (row.hours_day or "").splitlines() if (line := clean_text(text))]
    hours = hours or [text for text in (clean_text(row.hours), clean_text(other.opening_hours)) if text][:1]
    name = clean_text(row.store_name)
    name = clean_text(other.name) if name in {None, "N/A"} else name
    return StoreRecord(
        store_id=row.store_id.strip(),
        name=(name if name != "N/A" else None) or (f"IGA {suburb}" if suburb else ""),
        division=ONLINE if shop else OFFLINE,
        address=clean_text(row.address) or ", ".join(line for line in lines if line) or None,
        suburb=suburb,
        state=clean_state(row.state) or clean_state(other.county_province_state),
        postcode=clean_postcode(row.postcode or other.post_code),
        latitude=latitude,
        longitude=longitude,
        phone=clean_text(row.phone) or clean_text(other.phone),
        hours=hours or None,
        retailer_store_id=tag,
        is_trading=True,
    )


def _coordinates(
    latitude: str | float | None, longitude: str | float | None
) -> tuple[float, float] | tuple[None, None]:
    """Return degrees; the registry writes zeros where it knows none."""
    pair = coordinates(latitude, longitude)
    return pair if any(pair) else (None, None)
