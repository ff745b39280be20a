"""Coles: the stores nearest to a point (docs/retailers.md#coles-stores)."""

import msgspec

from splitcart.measures.ids import canonical_store_id, clean_postcode, clean_state
from splitcart.transfer.records import StoreRecord
from splitcart_scrapy.parsers.coles_graph import read_graph
from splitcart_scrapy.parsers.pages import StorePage, clean_text, coordinates, read_rows


class _Address(msgspec.Struct, rename="camel"):
    state: str | None = None
    suburb: str | None = None
    address_line: str | None = None
    postcode: str | int | None = None


class _Position(msgspec.Struct):
    latitude: float | str | None = None
    longitude: float | str | None = None


class _Brand(msgspec.Struct):
    name: str | None = None


class _Store(msgspec.Struct, rename="camel"):
    id: str
    name: str | None = None
    phone: str | None = None
    is_trading: bool | None = None
    address: _Address | None = None
    position: _Position | None = None
    brand: _Brand | None = None


class _Result(msgspec.Struct):
    distance: float
    store: _Store


class _Stores(msgspec.Struct):
    results: list[msgspec.Raw]


class _Data(msgspec.Struct):
    stores: _Stores


def parse_stores(body: bytes) -> StorePage:
    """Return the stores of one answer, nearest first. Raises SiteChangedError.

    An id without its brand is left as it is, so that it is seen to be none: which brand it had cannot be told.
    """
    raw_rows = read_graph(body, _Data, "Coles stores").stores.results
    rows, bad = read_rows(raw_rows, _Result, "Coles stores")
    return StorePage(
        items=[_store(row.store) for row in rows],
        listed=len(raw_rows),
        distances_km=[row.distance for row in rows],
        bad_rows=bad,
    )


def _store(row: _Store) -> StoreRecord:
    address, position = row.address or _Address(), row.position or _Position()
    latitude, longitude = coordinates(position.latitude, position.longitude)
    suburb, name, brand = clean_text(address.suburb), clean_text(row.name), clean_text(row.brand and row.brand.name)
    fallback = " ".join(text for text in (brand, suburb) if text)
    return StoreRecord(
        store_id=canonical_store_id("coles", row.id) if ":" in row.id else row.id,
        name=fallback if name in {None, "N/A"} else name or "",
        division=brand,
        address=clean_text(address.address_line),
        suburb=suburb,
        state=clean_state(address.state),
        postcode=clean_postcode(address.postcode),
        latitude=latitude,
        longitude=longitude,
        phone=clean_text(row.phone),
        is_trading=row.is_trading,
    )
