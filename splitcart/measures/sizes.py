"""Pack sizes: every size that a product's texts name, and the one amount that its price buys."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from math import prod


@dataclass(frozen=True, slots=True)
class Size:
    """An amount: ``quantity`` of ``unit``, a unit named without a number when ``quantity`` is None (``per kg``).

    ``parse_sizes`` gives g, ml, pk and ea (kg and l without a number only); ``total_size`` g, ml, sheet, m and ea.
    """

    quantity: Decimal | None
    unit: str

    def __str__(self) -> str:
        """``500g``, ``6pk``, ``kg``; one each is ``ea``."""
        if self.quantity is None or (self.unit == "ea" and self.quantity == 1):
            return self.unit
        digits = f"{self.quantity:f}"
        return (digits.rstrip("0").rstrip(".") if "." in digits else digits) + self.unit


_SIZE_UNITS = {
    **dict.fromkeys(("g", "gram", "grams"), "g"),
    **dict.fromkeys(("kg", "kilogram", "kilograms"), "kg"),
    **dict.fromkeys(("ml", "millilitre", "millilitres"), "ml"),
    **dict.fromkeys(("l", "litre", "litres"), "l"),
    **dict.fromkeys(("pk", "pack", "packs"), "pk"),
    **dict.fromkeys(("ea", "each"), "ea"),
}
_COUNTED = (
    "pk pack packs ea each piece pieces roll rolls sachet sachets set sets pair pairs bunch bunches "
    "tablet tablets capsule capsules caplet caplets s"  # s: 24s
)
_CONTENT_UNITS = {
    **{spelling: unit for spelling, unit in _SIZE_UNITS.items() if unit in {"g", "kg", "ml", "l"}},
    **dict.fromkeys(("m", "metre", "metres"), "m"),
    **dict.fromkeys(("sheet", "sheets"), "sheet"),
    **dict.fromkeys(("doz", "dozen"), "doz"),
    **dict.fromkeys(_COUNTED.split(), "ea"),
}
_SCALED = {"kg": ("g", 1000), "l": ("ml", 1000), "doz": ("ea", 12)}

_NUMBER = r"(?<![0-9])(?<![0-9]\.)[0-9]{1,7}(?:\.[0-9]{1,6})?"
_COUNT = r"(?<![0-9])(?<![0-9]\.)[0-9]{1,4}"
_TIMES = r"\s*[x\u00d7]\s*"


def _any_of(spellings: Iterable[str]) -> str:
    return "|".join(sorted(spellings, key=len, reverse=True))


_MEASURE = _any_of(word for word, unit in _SIZE_UNITS.items() if unit in {"g", "kg", "ml", "l"})
_DIMENSION = rf"{_MEASURE}|m|cm|mm|metres?"


@dataclass(frozen=True, slots=True)
class _Grammar:
    """The four ways in which a number and a unit stand together."""

    span: re.Pattern[str]  # 100-200g
    product: re.Pattern[str]  # 6 x 375ml, 4x4x375ml
    repeated: re.Pattern[str]  # 375ml x 24, 10 pack x 3
    single: re.Pattern[str]  # 500g

    @classmethod
    def of(cls, units: Mapping[str, str]) -> "_Grammar":
        unit = rf"({_any_of(units)})\b"
        repeatable = _any_of(spelling for spelling in units if units[spelling] != "m")
        return cls(
            re.compile(rf"({_NUMBER})\s*[-\u2013]\s*({_NUMBER})[\s/]*{unit}"),
            re.compile(rf"((?:{_COUNT}{_TIMES}){{1,3}})({_NUMBER})[\s/]*{unit}"),
            # What follows must not make the count a size of its own, as in "2 pack x 375ml".
            # The word after it says the same again: "375ml x 24 pack".
            re.compile(
                rf"({_NUMBER})[\s/]*({repeatable}){_TIMES}({_COUNT})(?![0-9.]|\s*(?:{_DIMENSION})\b)(?:\s*(?:pk|packs?)\b)?"
            ),
            re.compile(rf"({_NUMBER})[\s/]*{unit}"),
        )


_SIZES = _Grammar.of(_SIZE_UNITS)
_CONTENTS = _Grammar.of(_CONTENT_UNITS)
_LONE_UNIT = re.compile(rf"\b({_any_of(spelling for spelling in _SIZE_UNITS if len(spelling) > 1)})\b")


@lru_cache(maxsize=2**15)  # a new sku's are read for its row, for its key and for the price of its content
def parse_sizes(*texts: str | None) -> tuple[Size, ...]:
    """Return every size in a product's texts (name, size …), without repeats, sorted as text.

    A multipack gives its count and the size of one (``6 x 375ml``: 375ml, 6pk), a range both ends, and a unit word
    without a number itself. The rules, with examples: docs/retailers.md#sizes.
    """
    found = {size for text in texts if text for size in _sizes_of(_plain(text))}
    return tuple(sorted(found, key=str) if len(found) > 1 else found)


def _plain(text: str) -> str:
    text = text.lower()
    return re.sub(r"(?<=[0-9]),(?=[0-9])", "", text).replace(",", " ") if "," in text else text


@lru_cache(maxsize=2**13)  # a chain's packs come in a few hundred sizes
def _sized(number: str | int | Decimal, spelling: str) -> Size:
    return _in_unit(number, _SIZE_UNITS[spelling])


@lru_cache(maxsize=2**13)
def _content(number: str | int | Decimal, spelling: str) -> Size:
    return _in_unit(number, _CONTENT_UNITS[spelling])


def _in_unit(number: str | int | Decimal, unit: str) -> Size:
    unit, factor = _SCALED.get(unit, (unit, 1))
    return Size(Decimal(number) * factor, unit)


def _taken(
    text: str, pattern: re.Pattern[str], read: Callable[[re.Match[str]], Iterable[Size]], into: list[Size]
) -> str:
    """Read what matches ``into`` the list and return the rest of the text."""

    def take(match: re.Match[str]) -> str:
        into.extend(size for size in read(match) if size.quantity is None or size.quantity > 0)
        return " "

    return pattern.sub(take, text)


def _count(factors: str) -> int:
    return prod(int(factor) for factor in re.findall("[0-9]+", factors))


# What a text must have for one of the patterns to match; to look for it takes a fraction of the time.
_DIGIT = re.compile("[0-9]")
_TIMES_A_NUMBER = re.compile(r"[x\u00d7]\s*[0-9]")
_SPAN = re.compile(r"[-\u2013]\s*[0-9]")
_MULTIPLIED = re.compile(rf"{_TIMES_A_NUMBER.pattern}|case|:")


@lru_cache(maxsize=2**14)  # size fields repeat, and so do names in the next post-processing
def _sizes_of(text: str) -> tuple[Size, ...]:
    found: list[Size] = []
    if _DIGIT.search(text):
        if _SPAN.search(text):
            text = _taken(text, _SIZES.span, lambda m: (_sized(m[1], m[3]), _sized(m[2], m[3])), found)
        if _TIMES_A_NUMBER.search(text):
            text = _taken(text, _SIZES.product, lambda m: (_pieces(_count(m[1])), _sized(m[2], m[3])), found)
            text = _taken(text, _SIZES.repeated, lambda m: (_sized(m[1], m[2]), _pieces(int(m[3]))), found)
        text = _taken(text, _SIZES.single, lambda m: (_sized(m[1], m[2]),), found)
    found += [_lone(_SIZE_UNITS[word]) for word in _LONE_UNIT.findall(text)]
    return tuple(found)


def _pieces(count: int) -> Size:
    return Size(Decimal(count), "pk")


def _lone(unit: str) -> Size:
    return Size(Decimal(1), "ea") if unit == "ea" else Size(None, unit)


# A weight that differs from piece to piece: the price is for another amount, usually a kilogram.
_NOT_FIXED = re.compile(r"\bmin\b|\bapprox.{0,40}?\bper (?:package|piece|pack)\b")
_PER_MEASURE = re.compile(r"\bper\s*(kg|kilo|kilogram|litre|l)\b|^\s*(kg)\s*$")
_FRACTION = re.compile(r"\b(whole|half|quarter)\s+(?:each|ea)\b")
_FRACTIONS = {"whole": Decimal(1), "half": Decimal("0.5"), "quarter": Decimal("0.25")}
_ONE = re.compile(r"\b(?:each|ea)\b|^\s*bunch\s*$")
_CASE = re.compile(rf"({_NUMBER})\s*({_MEASURE}){_TIMES}case\b")
_CANS_IN_A_CASE = 24
# Coles liquor: "375ML:PACK6", "330ML (10PK):CTN30". A pack named before the can is what is sold, the carton is not.
_LIQUOR = re.compile(
    rf"(?:({_COUNT})\s*pk\b[^:]{{0,40}}?)?({_NUMBER})\s*(ml|l)\b[^:]{{0,20}}:\s*(?:pack|pk|ctn|carton|case)\s*({_COUNT})"
)


def total_size(*texts: str | None) -> Size | None:
    """Return the amount that a product's price buys, in g, ml, sheet, m or ea; None when the texts do not tell.

    A multiplied size (``6 x 375ml``: 2250 ml) goes before a plain weight or volume, that before a length or a number of
    sheets, and a count comes last (``12 Pack 700g`` is 700 g). Later texts go before earlier ones, so give the size
    field last. Two different sizes in one text, a range, a minimum and a weight per piece tell nothing. ``xCase``
    without a number is 24, as the liquor trade has it.
    """
    plain = [_plain(text) for text in reversed(texts) if text]
    multiplied = [text for text in plain if _MULTIPLIED.search(text)]
    for rank, candidates in enumerate((multiplied, plain, plain, plain)):
        for text in candidates:
            if len(found := _contents_of(text)[rank]) == 1:
                return next(iter(found))
    return None


_Contents = tuple[frozenset[Size], frozenset[Size], frozenset[Size], frozenset[Size]]


@lru_cache(maxsize=2**14)
def _contents_of(text: str) -> _Contents:
    """Return a text's multiplied measures, plain measures, lengths and sheets, and counts."""
    multiplied: list[Size] = []
    plain: list[Size] = []
    if not _NOT_FIXED.search(text):
        if _DIGIT.search(text):
            text = _without_multiplied(text, multiplied)
        if "ea" in text:
            text = _taken(text, _FRACTION, lambda m: (Size(_FRACTIONS[m[1]], "ea"),), plain)
        if _DIGIT.search(text):
            text = _taken(text, _CONTENTS.single, lambda m: (_content(m[1], m[2]),), plain)
        if ("per" in text or "kg" in text) and not _in_units(plain, "g", "ml"):
            _taken(text, _PER_MEASURE, lambda m: (Size(Decimal(1000), "ml" if m[1] in {"l", "litre"} else "g"),), plain)
        if ("ea" in text or "bunch" in text) and not _in_units([*multiplied, *plain], "ea") and _ONE.search(text):
            plain.append(Size(Decimal(1), "ea"))
    either = [*multiplied, *plain]
    return (
        _in_units(multiplied, "g", "ml"),
        _in_units(plain, "g", "ml"),
        _in_units(either, "sheet", "m"),
        _in_units(either, "ea"),
    )


def _without_multiplied(text: str, multiplied: list[Size]) -> str:
    """Move the multiplied sizes of a text into the list, and drop its ranges; return what is left."""
    if ":" in text:
        text = _taken(text, _LIQUOR, lambda m: (_content(int(m[1] or m[4]) * Decimal(m[2]), m[3]),), multiplied)
    if _SPAN.search(text):
        text = _CONTENTS.span.sub(" ", text)
    if _TIMES_A_NUMBER.search(text):
        text = _taken(text, _CONTENTS.product, lambda m: (_content(_count(m[1]) * Decimal(m[2]), m[3]),), multiplied)
        text = _taken(text, _CONTENTS.repeated, lambda m: (_content(int(m[3]) * Decimal(m[1]), m[2]),), multiplied)
    if "case" in text:
        text = _taken(text, _CASE, lambda m: (_content(_CANS_IN_A_CASE * Decimal(m[1]), m[2]),), multiplied)
    return text


def _in_units(sizes: Iterable[Size], *units: str) -> frozenset[Size]:
    return frozenset(size for size in sizes if size.unit in units)
