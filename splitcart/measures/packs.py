"""What a product's pack holds, as far as its texts tell, and whether two texts can mean the same pack."""

import re
from dataclasses import dataclass
from decimal import Decimal

from splitcart.measures.sizes import parse_sizes, total_size

_WEIGHED = re.compile(r"\b(?:approx|approximately|about|around|min|per\s*kg)\b|^\s*kg\s*$", re.IGNORECASE)
Amount = tuple[str, Decimal]


@dataclass(frozen=True, slots=True)
class Pack:
    """``counts``: how many pieces. ``amounts``: in g or ml, every amount that could be the content of the whole.

    A text like ``375ml 6 pack`` does not say whether 375 ml is one or all, so both are there; ``total`` is the
    likeliest. ``is_weighed``: the amount differs from piece to piece (``approx. 1kg``), which no fixed pack's does.
    """

    counts: frozenset[int]
    amounts: frozenset[Amount]
    total: str
    is_weighed: bool = False

    def __bool__(self) -> bool:
        """Tell whether anything is known; ``each`` and ``per kg`` say nothing."""
        return bool(self.counts or self.amounts)

    def fits(self, other: "Pack") -> bool:
        """Tell whether both can be one pack: equal counts, and an amount in common where both name any."""
        if not (self and other) or (self.counts, self.is_weighed) != (other.counts, other.is_weighed):
            return False
        return bool(self.amounts & other.amounts) or (bool(self.counts) and not (self.amounts and other.amounts))

    def __str__(self) -> str:
        """``6pk 750g``: what keys are made of."""
        parts = ["about" if self.is_weighed else "", *(f"{count}pk" for count in sorted(self.counts)), self.total]
        return " ".join(filter(None, parts))


def read_pack(name: str | None, size: str | None) -> Pack:
    """Return the pack that a product's name and size field describe."""
    sizes = parse_sizes(name, size)
    pieces = [each.quantity for each in sizes if each.unit in {"pk", "ea"} and each.quantity]
    counts = {int(quantity) for quantity in pieces if quantity > 1}
    single = {(each.unit, each.quantity) for each in sizes if each.unit in {"g", "ml"} and each.quantity}
    whole = {(unit, quantity * count) for unit, quantity in single for count in counts}
    total = total_size(name, size) if single else None
    shown = str(total) if total and total.unit in {"g", "ml"} else ""
    weighed = any(text and _WEIGHED.search(text) for text in (name, size))
    return Pack(frozenset(counts), frozenset(single | whole), shown, weighed)
