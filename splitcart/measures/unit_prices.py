"""Unit prices as sites print them, in one measure per kind of product, and whether a price agrees with one."""

import re
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from splitcart.measures.money import AMOUNT, MOST_CENTS
from splitcart.measures.sizes import Size

_FORM = re.compile(
    rf"\s*\$\s*({AMOUNT})\s*(?:/|per\b|(?=each\b|ea\b))\s*([0-9]+(?:,[0-9]{{3}})*(?:\.[0-9]+)?)?\s*([a-z]+)\.?\s*",
    re.IGNORECASE,
)
# spelling → (printed measure, how many of the spelled unit are one of it; None keeps the printed number)
_UNITS: dict[str, tuple[str, int | None]] = {
    **dict.fromkeys(("g", "gram", "grams"), ("kg", 1000)),
    **dict.fromkeys(("kg", "kilogram", "kilograms"), ("kg", 1)),
    **dict.fromkeys(("ml", "millilitre", "millilitres"), ("l", 1000)),
    **dict.fromkeys(("l", "litre", "litres"), ("l", 1)),
    **dict.fromkeys(("m", "metre", "metres"), ("m", 1)),
    **dict.fromkeys(("ea", "each"), ("ea", None)),
    **dict.fromkeys(("sheet", "sheets"), ("sheets", None)),
}
_SIZE_UNIT = {"kg": ("g", 1000), "l": ("ml", 1000), "m": ("m", 1), "ea": ("ea", 1), "sheets": ("sheet", 1)}


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """A price of ``cents`` per ``measure``: ``1 kg``, ``1 l``, ``1 m``, ``1 ea``, ``100 ea``, ``100 sheets``.

    ``step_cents`` is what one cent of the printed price is worth in ``cents``: 10 for a price printed per 100 g.
    """

    cents: int
    measure: str
    step_cents: Decimal = field(default=Decimal(1), compare=False)


def parse_unit_price(text: str | None) -> UnitPrice | None:
    """Return a printed unit price (``$1.68 per 100 g``, ``$3.35/l``, ``$0.14 / 1EA``), None for any other text.

    Weights are brought to 1 kg, volumes to 1 l, lengths to 1 m; pieces and sheets keep their printed number. Other
    units (serves, ``PAC``) compare with nothing and give None, and so does a price of zero. How each chain writes them:
    docs/retailers.md#unit-prices.
    """
    match = _FORM.fullmatch(text or "")
    if match is None or match[3].lower() not in _UNITS:
        return None
    amount = Decimal(match[1].replace(",", "")) * 100
    number = Decimal((match[2] or "1").replace(",", ""))
    unit, scale = _UNITS[match[3].lower()]
    if not amount or not number:
        return None
    step = scale / number if scale else Decimal(1)
    price = amount * step
    if price > MOST_CENTS:
        return None
    return UnitPrice(int(price.to_integral_value(ROUND_HALF_UP)), f"{1 if scale else _plain(number)} {unit}", step)


def _plain(number: Decimal) -> str:
    digits = f"{number:f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def unit_price_agrees(price_cents: int, unit_price: UnitPrice | None, total_size: Size | None) -> bool | None:
    """Tell whether a price is its unit price times its amount, as exactly as the printed unit price can say.

    The printed cent may be rounded either way, up or down, hence one step of tolerance, and one cent for the price
    itself. None when one of them is missing or they measure different things.
    """
    quantity = measures_bought(unit_price, total_size)
    if unit_price is None or quantity is None:
        return None
    return abs(price_cents - unit_price.cents * quantity) <= unit_price.step_cents * quantity + 1


def measures_bought(unit_price: UnitPrice | None, total_size: Size | None) -> Decimal | None:
    """Return how many of the unit price's measure an amount is (500 g are 0.5 of 1 kg).

    None when one of them is missing or they measure different things.
    """
    if unit_price is None or total_size is None or total_size.quantity is None:
        return None
    number, unit = unit_price.measure.split(" ")
    size_unit, scale = _SIZE_UNIT[unit]
    return total_size.quantity / scale / Decimal(number) if total_size.unit == size_unit else None
