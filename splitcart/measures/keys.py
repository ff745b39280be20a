"""Keys under which the same product and the same brand meet, whoever wrote them (docs/retailers.md#keys)."""

import re
import unicodedata
from collections.abc import Iterable, Mapping

from splitcart.measures.sizes import Size

_DROPPED = re.compile(r"[^a-z0-9\s]")


def words_key(text: object) -> str:
    """Return the distinct words of ``text`` in ASCII lower case, sorted, joined by one space.

    Marks vanish inside words (``M&M's`` is ``mms``). Anything but text gives the empty key.
    """
    if not isinstance(text, str):
        return ""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return " ".join(sorted(set(_DROPPED.sub("", plain).split())))


def brand_key(brand: str | None, aliases: Mapping[str, str] | None = None) -> str:
    """Return a brand's key, or the key that ``aliases`` has for it; the empty brand is nobody's alias."""
    key = words_key(brand)
    return (aliases or {}).get(key, key) if key else ""


def product_key(
    name: str | None, brand: str | None, sizes: Iterable[Size], aliases: Mapping[str, str] | None = None
) -> str:
    """Return the key of a name, a brand (with its ``aliases``) and the sizes of ``parse_sizes``.

    Empty for a name without a letter or digit: brand and size alone would make different products one.
    """
    if not words_key(name):
        return ""
    return words_key(" ".join([str(name), brand_key(brand, aliases), *map(str, sizes)]))
