"""What every chain's parser answers with, and how each reads JSON."""

import html
import re
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from splitcart.measures.sizes import total_size
from splitcart.measures.unit_prices import UnitPrice, unit_price_agrees
from splitcart.transfer.records import ProductRecord, StoreRecord
from splitcart_scrapy.failures import SiteChangedError

T = TypeVar("T")

UNIT_PRICE_DISAGREES = "unit_price_disagrees"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One list of products to walk page by page: a node of the category tree. ``path`` runs from the root to it.

    ``asked_as``: how a request names it besides its key, at sites that want that. ``children``: what it is divided
    into, for when it is longer than the site serves at a stretch.
    """

    key: str
    slug: str
    path: tuple[str, ...]
    root_slug: str
    asked_as: str = ""
    children: tuple["Listing", ...] = ()

    @property
    def root(self) -> str:
        return self.path[0]

    @property
    def level(self) -> int:
        return len(self.path)


@dataclass(slots=True, kw_only=True)
class ListingPage:
    """One page of a listing.

    ``listed`` holds the skus of all rows that count in the site's ``total``, also of those that are not kept as
    ``items``. ``echoes``: by sku, the store that a row says it is for; ``store``: the one that the page as a whole is
    for, where it says so. ``bad_rows`` says what was wrong with rows that could not be read. ``other_sellers``: by sku
    of rows that are somebody else's offer and no items, the name by which alone that is known, None where the site
    marks them as such.
    """

    items: list[ProductRecord] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)
    total: int | None = None
    echoes: dict[str, str] = field(default_factory=dict)
    store: str | None = None
    bad_rows: list[str] = field(default_factory=list)
    other_sellers: dict[str, str | None] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class StorePage:
    """One page of a store list; ``listed`` counts its rows, ``total`` is what the site says that there are.

    ``distances_km``: how far the stores are from the point that was asked about, where the site says it.
    """

    items: list[StoreRecord] = field(default_factory=list)
    listed: int = 0
    distances_km: list[float] = field(default_factory=list)
    total: int | None = None
    bad_rows: list[str] = field(default_factory=list)


def read_json(body: bytes, form: type[T], what: str) -> T:
    """Decode ``body`` as ``form``; raise SiteChangedError that names ``what`` and what was missing or malformed.

    A number is read also where it is written as text, or as 2.0 for a 2.
    """
    try:
        return msgspec.json.decode(body, type=form, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SiteChangedError(f"{what}: {error}") from error


def read_rows(rows: list[msgspec.Raw], form: type[T], what: str) -> tuple[list[T], list[str]]:
    """Decode each row by itself, so that an odd one does not hide the others; raise SiteChangedError if all are bad."""
    good: list[T] = []
    bad: list[str] = []
    for row in rows:
        try:
            good.append(msgspec.json.decode(row, type=form, strict=False))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            bad.append(str(error))
    if bad and not good:
        raise SiteChangedError(f"{what}: none of {len(bad)} rows is readable: {bad[0]}")
    return good, bad


def clean_text(text: Any) -> str | None:
    """Return plain text in one line, without HTML; None for nothing and for the literal ``None`` of some sites."""
    if not isinstance(text, str):
        return None
    plain = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())
    return plain if plain and plain != "None" else None


def row_flags(
    price_cents: int | None, unit: UnitPrice | None, name: str | None, size: str | None, **told: bool | None
) -> list[str] | None:
    """Return the names of what is ``told`` of a row, and whether its price and its unit price contradict each other.

    They do when no reading of name and size makes the price of the printed unit price
    (docs/retailers.md#unit-prices); texts that name no amount contradict nothing.
    """
    flags = [flag for flag, is_so in told.items() if is_so]
    if (
        price_cents is not None
        and unit is not None
        and not unit_price_agrees(price_cents, unit, total_size(name, size))
    ):
        verdicts = [
            unit_price_agrees(price_cents, unit, total_size(*texts)) for texts in ((name, size), (name,), (size,))
        ]
        if False in verdicts and True not in verdicts:
            flags.append(UNIT_PRICE_DISAGREES)
    return sorted(flags) or None


def coordinates(latitude: str | float | None, longitude: str | float | None) -> tuple[float, float] | tuple[None, None]:
    """Return degrees as the site gives them (number or text), or a pair of None if either is missing or unreadable."""
    if latitude is None or longitude is None:
        return None, None
    try:
        pair = float(latitude), float(longitude)
    except ValueError:
        return None, None
    return pair if all(abs(degrees) <= 180 for degrees in pair) else (None, None)
