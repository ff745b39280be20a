"""The ids of stores and crawls, and the dirty facts of store lists made clean (docs/retailers.md#store-lists)."""

import re
from datetime import UTC, datetime

from splitcart.measures.slugs import slug

_BRANDED = re.compile(r"([A-Za-z]{3}):0*([0-9]+)")
_DIGITS = re.compile(r"0*([0-9]+)")

STATES = {
    "ACT": "Australian Capital Territory",
    "NSW": "New South Wales",
    "NT": "Northern Territory",
    "QLD": "Queensland",
    "SA": "South Australia",
    "TAS": "Tasmania",
    "VIC": "Victoria",
    "WA": "Western Australia",
}
_STATE_OF = {name.casefold(): code for code, name in STATES.items()} | {code.casefold(): code for code in STATES}


def canonical_store_id(company: str, text: str) -> str:
    """Return a store id as the chain itself writes it, from what a person or a site gave.

    Coles: ``0584``, ``584`` and ``COL:0584`` are ``COL:584``. The form is not judged here; a chain's
    ``store_id_pattern`` does that.
    """
    text = text.strip()
    if company == "coles":
        if match := _BRANDED.fullmatch(text):
            return f"{match[1].upper()}:{match[2]}"
        if match := _DIGITS.fullmatch(text):
            return f"COL:{match[1]}"
    return text.upper() if company in {"aldi", "coles"} else text


def store_slug(store_id: str) -> str:
    """Return a store id as file names have it: ``COL:0404`` is ``col-404``, ``G102`` is ``g102``.

    Raises ValueError for an id without a letter or digit.
    """
    match = _BRANDED.fullmatch(store_id.strip())
    written = slug(f"{match[1]}-{match[2]}" if match else store_id)
    if not written:
        raise ValueError(f"{store_id!r} is no store id: expected letters or digits")
    return written


def crawl_id(company: str, store: str, started_at: datetime, nonce: str) -> str:
    """Return the name of one crawl, like ``aldi-g102-20261120T101502Z-3f9a1c``: a store's crawls sort by their start.

    ``store`` is a store slug, ``nonce`` a few characters that tell apart two crawls of one second. Raises ValueError
    for a naive ``started_at`` and for a part that is no slug.
    """
    if started_at.tzinfo is None:
        raise ValueError(f"a crawl needs an aware start, got {started_at!r}")
    for part in (company, store, nonce):
        if not part or slug(part) != part:
            raise ValueError(f"{part!r} cannot stand in a crawl id: expected lower-case letters, digits and hyphens")
    return f"{company}-{store}-{started_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{nonce}"


def clean_state(text: str | None) -> str | None:
    """Return the code of an Australian state (``Queensland`` is ``QLD``), None for anything else."""
    return _STATE_OF.get(" ".join((text or "").split()).casefold())


def clean_postcode(text: str | int | None) -> str | None:
    """Return a four-digit postcode (three digits have lost the Northern Territory's zero), None for anything else."""
    digits = str(text).strip()
    return digits.zfill(4) if re.fullmatch("[0-9]{3,4}", digits) else None
