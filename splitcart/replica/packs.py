"""Pack sizes, and how each chain writes them, prices them per unit, and prints them in names."""

import re
from typing import NamedTuple


class Pack(NamedTuple):
    """``pieces`` of ``quantity`` ``unit`` (g, ml, ea, sheets, pac); ``form``: pack, weighed (per kg) or approx."""

    pieces: int
    quantity: float
    unit: str
    form: str = "pack"

    @property
    def total(self) -> float:
        """The whole content in ``unit``."""
        return self.pieces * self.quantity


class UnitBasis(NamedTuple):
    """How a unit price is shown: ``shown`` as the chain writes the basis, ``amount`` of it in one pack.

    ``measure`` and ``factor`` lead to the normalised form of the records ("1 kg": ten times the price per 100 g);
    ``measure`` is None where the basis cannot be compared.
    """

    shown: str
    amount: float
    measure: str | None
    factor: int


def parse_pack(text: str) -> Pack:
    """Read a size of aisles.toml."""
    if text == "per kg":
        return Pack(1, 1000, "g", "weighed")
    match = re.fullmatch(r"(approx )?(?:(\d+) x )?([\d.]+) (kg|g|l|ml|ea|sheets|pac)", text)
    if match is None:
        raise ValueError(f"{text!r} is no pack size")
    scale, unit = {"kg": (1000, "g"), "l": (1000, "ml")}.get(match[4], (1, match[4]))
    return Pack(int(match[2] or 1), float(match[3]) * scale, unit, "approx" if match[1] else "pack")


def _number(value: float) -> str:
    return f"{value:,.6f}".rstrip("0").rstrip(".")


def _metric(pack: Pack, large_from: float) -> tuple[float, str]:
    """The quantity of one piece in kg and l from ``large_from`` g or ml on."""
    if pack.unit in {"g", "ml"} and pack.quantity >= large_from:
        return pack.quantity / 1000, {"g": "kg", "ml": "L"}[pack.unit]
    return pack.quantity, {"ml": "mL"}.get(pack.unit, pack.unit)


def size_text(chain: str, pack: Pack) -> str:
    """Return the size as the chain's field has it (docs/retailers.md)."""
    if chain in {"aldi", "iga"}:
        return _aldi_size(pack) if chain == "aldi" else _iga_size(pack)
    per_kg, each, approx = ("PERKG", "1 each", "approx. {} each") if chain == "coles" else ("per kg", "each", "min. {}")
    if pack.form == "weighed":
        return per_kg
    if pack.unit in {"ea", "pac", "sheets"}:
        return each if pack.total == 1 else f"{_number(pack.total).replace(',', '')} pack"
    quantity, unit = _metric(pack, 1000)
    written = f"{_number(quantity)}{unit}"
    if pack.form == "approx":
        return approx.format(written)
    return f"{pack.pieces} x {written}" if pack.pieces > 1 else written


def _aldi_size(pack: Pack) -> str:
    quantity, unit = _metric(pack, 500)
    written = f"{_number(quantity)} {({'mL': 'ml', 'ea': 'each', 'pac': 'PAC'}).get(unit, unit)}"
    if pack.form != "pack":
        return f"approx. {written} per package"
    return f"{pack.pieces} x {written}" if pack.pieces > 1 else written


def _iga_size(pack: Pack) -> str:
    """IGA gives the whole content, and no number of pieces."""
    if pack.form == "weighed":
        return "per kg"
    return "".join(iga_measure(pack)) or "each"


def iga_measure(pack: Pack) -> tuple[str, str]:
    """Return a pack's content as IGA's ``unitOfSize`` has it, number and unit; empty texts for pieces."""
    if pack.unit not in {"g", "ml"}:
        return "", ""
    large = pack.total >= 1000
    unit = {"g": "kg", "ml": "l"}[pack.unit] if large else pack.unit
    return _number(pack.total / 1000 if large else pack.total).replace(",", ""), unit


def name_suffix(pack: Pack) -> str:
    """Return what a product's name ends with: ``750g``, ``6x375ml``, ``per kg``, or nothing for a single piece."""
    if pack.form == "weighed":
        return "per kg"
    if pack.unit in {"ea", "pac", "sheets"}:
        return "" if pack.total == 1 else f"{_number(pack.total)} {'Sheets' if pack.unit == 'sheets' else 'Pack'}"
    quantity, unit = _metric(pack, 1000)
    written = f"{_number(quantity)}{unit.replace('mL', 'ml')}"
    return f"{pack.pieces}x{written}" if pack.pieces > 1 else written


def unit_basis(chain: str, pack: Pack) -> UnitBasis:
    """Return how ``chain`` prices this pack per unit (docs/retailers.md#unit-prices)."""
    aldi, total = chain == "aldi", pack.total
    if pack.unit in {"g", "ml"}:
        base = "kg" if pack.unit == "g" else "l"
        if total >= (1000 if chain in {"coles", "iga"} else 500) or (chain == "coles" and pack.form != "pack"):
            basis = UnitBasis(f"1 {base if base == 'kg' else 'L'}", total / 1000, f"1 {base}", 1)
        elif total <= 50 and aldi:
            basis = UnitBasis(f"10 {pack.unit}", total / 10, f"1 {base}", 100)
        else:
            basis = UnitBasis(f"100 {pack.unit}", total / 100, f"1 {base}", 10)
        return basis if aldi else basis._replace(shown=_closed(chain, basis.shown))
    if chain == "iga":
        return UnitBasis("each", total, "1 ea", 1)
    if pack.unit == "sheets" and chain != "coles":
        return UnitBasis("100 sheets", total / 100, "100 sheets", 1) if aldi else UnitBasis("1SS", total, None, 1)
    if pack.unit == "pac" and aldi:
        return UnitBasis("100 PAC", total / 100, None, 1)
    if aldi and total >= 100:
        return UnitBasis("100 each", total / 100, "100 ea", 1)
    return UnitBasis({"aldi": "1 each", "coles": "1ea"}.get(chain, "1EA"), total, "1 ea", 1)


def _closed(chain: str, shown: str) -> str:
    """Write a basis without its blank: ``100ml`` is ``100mL`` at Coles, ``100ML`` at Woolworths; IGA leaves out a 1."""
    closed = shown.replace(" ", "")
    if chain == "iga":
        return closed.lower().removeprefix("1") if closed.startswith(("1k", "1L")) else closed
    return closed.replace("ml", "mL") if chain == "coles" else closed.upper()
