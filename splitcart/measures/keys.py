"""Keys under which the same product and the same brand meet, whoever wrote them (docs/retailers.md#keys)."""

import html
import re
import unicodedata
from functools import lru_cache

from splitcart.measures.packs import Pack

_DROPPED = re.compile(r"[^a-z0-9\s]")
_SIGNS = re.compile(r"[\u00ae\u2122\u00a9]|\((?:r|tm|c)\)", re.IGNORECASE)
_LEGAL = r"(?:proprietary|pty|limited|ltd|inc|incorporated|llc|gmbh|plc|corp|corporation|s\.?a|co|company)"
_COUNTRY = r"(?:\(?(?:australia|aust|nz|new zealand)\)?)"
_LEGAL_FORM = re.compile(rf"[\s,]+(?:{_COUNTRY}[\s,]+)?{_LEGAL}\.?$", re.IGNORECASE)


def words_key(text: object) -> str:
    """Return the distinct words of ``text`` in ASCII lower case, sorted, joined by one space.

    Marks vanish inside words (``M&M's`` is ``mms``). Anything but text gives the empty key.
    """
    if not isinstance(text, str):
        return ""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return " ".join(sorted(set(_DROPPED.sub("", plain).split())))


def clean_brand(brand: str | None) -> str:
    """Return a brand as a shopper knows it: no HTML entities, trade mark signs or legal form.

    ``Lavazza Australia Pty Ltd`` is ``Lavazza``. A name that is nothing else stays as it is.
    """
    text = " ".join(_SIGNS.sub(" ", html.unescape(brand or "")).split())
    while (shorter := _LEGAL_FORM.sub("", text)) != text and words_key(shorter):
        text = shorter
    return text


@lru_cache(maxsize=2**14)
def brand_key(brand: str | None) -> str:
    """Return the key of a brand, empty for one without a letter or digit; an article before it does not count."""
    return words_key(re.sub(r"^the\s+(?=\S)", "", clean_brand(brand), flags=re.IGNORECASE))


def product_key(said: frozenset[str], brand: str, brand_words: frozenset[str], pack: Pack) -> str:
    """Return the key of what a name ``said``, the key of its ``brand`` (whose words the name may repeat) and its pack.

    Empty without a brand, without a pack, and for a name without a word: the rest alone would make different products
    one.
    """
    if not (brand and pack and said):
        return ""
    return "|".join([brand, " ".join(sorted(said - brand_words)), str(pack)])
