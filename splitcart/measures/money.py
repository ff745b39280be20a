"""Dollars as retailers write them, and integer cents as SplitCart keeps them."""

import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

MOST_CENTS = 2**31 - 1  # what an INTEGER column holds; no grocery price comes near
MOST_DECIMALS = 10

AMOUNT = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?(?![0-9]|[.,][0-9])"  # 1,440.00 or 1440 or 3.5
_MARKED = re.compile(rf"(-?)\$\s*({AMOUNT})")
_BARE = re.compile(rf"\s*({AMOUNT})\s*")


def cents(value: float | str | Decimal) -> int:
    """Return dollars as cents, half a cent rounded up.

    A float counts as the decimal number that it prints as, so 1.005 is 101 cents. Raises ValueError for a negative or
    unlimited value, for text that is no number, for more than ten decimals (the trace of binary arithmetic, which a
    price list does not contain) and for more than the database holds.
    """
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is not an amount of dollars")  # noqa: TRY004 - one kind of error for all bad amounts
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is not an amount of dollars") from None
    exponent = amount.as_tuple().exponent
    if not isinstance(exponent, int) or amount < 0:
        raise ValueError(f"{value!r} dollars: expected a finite amount of zero or more")
    if -exponent > MOST_DECIMALS:
        raise ValueError(f"{value!r} dollars: expected at most {MOST_DECIMALS} decimals")
    if amount > Decimal(MOST_CENTS) / 100:
        raise ValueError(f"{value!r} dollars: expected at most {dollars(MOST_CENTS)}")
    return int((amount * 100).to_integral_value(ROUND_HALF_UP))


def cents_from_display(text: str | None) -> int | None:
    """Return the first dollar amount of a display text in cents (``$1,440.00`` is 144000), None when it has none.

    Text around an amount with a dollar sign is allowed (``$1.08 avg/ea``); a number without one must stand alone.
    """
    match = _MARKED.search(text or "")
    if match is None:
        match = _BARE.fullmatch(text or "")
        number = match[1] if match else None
    else:
        number = None if match[1] else match[2]
    if number is None:
        return None
    try:
        return cents(number.replace(",", ""))
    except ValueError:
        return None


def dollars(amount_cents: int) -> str:
    """Return cents as dollars with two decimals and no sign of currency: 350 is ``3.50``."""
    whole, rest = divmod(abs(amount_cents), 100)
    return f"{'-' if amount_cents < 0 else ''}{whole}.{rest:02d}"
