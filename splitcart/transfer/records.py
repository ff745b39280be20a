"""The record types of the file that travels from scraper host to server (docs/file-format.md).

One ``.jsonl.gz`` holds one store crawl. Each line is an object with one key that names its record: ``product``,
``store`` or ``barcode``, and as the last line ``crawl`` (or ``batch`` for derived data). The Scrapy items are these
same classes. Money is integer cents, time is aware UTC.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

FORMAT_VERSION = 1


class FailureClass(StrEnum):
    """Why a crawl did not reach its end, as written to the crawl line, the stats and the database."""

    BLOCKED = "blocked"
    RATE_LIMITED = "rate_limited"
    SITE_CHANGED = "site_changed"
    NETWORK = "network"
    TIMEOUT = "timeout"
    NO_ITEMS = "no_items"
    TOO_FEW_ITEMS = "too_few_items"
    BAD_ITEMS = "bad_items"
    WRONG_STORE = "wrong_store"
    UNKNOWN_STORE = "unknown_store"
    KILLED = "killed"


@dataclass(slots=True, kw_only=True)
class ProductRecord:
    """One sku as one store offers it.

    ``sku`` is the retailer's own id, kept as text. ``category_path`` runs from the root category to the leaf; its first
    name is the root that coverage is measured in; ``listed_in`` is another one, for a guest: a row that the listings of
    that root showed, and those of its own did not. ``price_cents`` None: listed, but without a price at this store.
    ``unit_price_cents`` is per ``unit_measure`` ("1 kg", "1 l", "1 ea", "100 sheets"). ``multi_buy_cents`` is the total
    for ``multi_buy_quantity`` pieces. ``barcode`` is a GTIN as printed, ``barcode_is_local`` a code of restricted
    circulation that means nothing outside the store.
    """

    sku: str
    name: str
    category_path: list[str]
    price_cents: int | None
    was_cents: int | None = None
    unit_price_cents: int | None = None
    unit_measure: str | None = None
    special_kind: str | None = None
    multi_buy_quantity: int | None = None
    multi_buy_cents: int | None = None
    member_cents: int | None = None
    available: bool | None = None
    brand: str | None = None
    size: str | None = None
    barcode: str | None = None
    barcode_is_local: bool | None = None
    description: str | None = None
    ingredients: str | None = None
    allergens: str | None = None
    country_of_origin: str | None = None
    health_star: float | None = None
    image_url: str | None = None
    url: str | None = None
    flags: list[str] | None = None
    listed_in: str | None = None


@dataclass(slots=True, kw_only=True)
class StoreRecord:
    """One shop of a chain; ``store_id`` is the chain's own id as text. Coordinates are WGS 84 degrees."""

    store_id: str
    name: str
    division: str | None = None
    address: str | None = None
    suburb: str | None = None
    state: str | None = None
    postcode: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    phone: str | None = None
    hours: list[str] | None = None
    retailer_store_id: str | None = None
    is_trading: bool | None = None


@dataclass(slots=True, kw_only=True)
class BarcodeRecord:
    """A barcode as printed on one of a chain's skus, found elsewhere than in the chain's own listing.

    With what the same place says of the sku, and the listing does not; that alone where it names no barcode.
    """

    sku: str
    barcode: str | None = None
    ingredients: str | None = None
    allergens: str | None = None
    country_of_origin: str | None = None


@dataclass(slots=True, kw_only=True)
class CategoryRecord:
    """What a crawl saw of one root category; ``complete`` is the crawl's own verdict, ``problem`` says why not.

    ``guests``: how many of the ``rows`` name another root category as their own, which did not show them.
    """

    category: str
    rows: int
    complete: bool
    observed_from: datetime
    observed_to: datetime
    pages_expected: int | None = None
    pages_seen: int = 0
    problem: str | None = None
    guests: int = 0


@dataclass(slots=True, kw_only=True)
class CrawlRecord:
    """The closing line of a crawl file.

    ``store_id`` is None for a sweep of the store list and for barcodes. ``store_verified``: True, the site echoed the
    requested store; None, it offers no echo; False, it answered for another store. ``rows`` counts the lines before it.
    ``complete`` says that the whole store (or store list) was seen, so that what is not in the file is not there.
    ``asked`` names the root categories that were to be crawled, None: all.
    """

    crawl_id: str
    spider: str
    company: str
    started_at: datetime
    finished_at: datetime
    rows: int
    complete: bool
    store_id: str | None = None
    store_verified: bool | None = None
    categories: list[CategoryRecord] = field(default_factory=list)
    finish_reason: str = "finished"
    failure_class: FailureClass | None = None
    host: str | None = None
    asked: list[str] | None = None
    format_version: int = FORMAT_VERSION
    stats: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class BatchRecord:
    """The closing line of a file of derived data."""

    kind: str
    generated_at: datetime
    count: int
    inputs: dict[str, Any] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION
