"""Barcodes as sites print them, and which of them name a product everywhere (GS1 General Specifications, 1.4)."""

from dataclasses import dataclass

from stdnum import ean

_LENGTHS = {8, 12, 13, 14}
_NO_PREFIX = "00000"  # a GTIN-13 that begins so is a GTIN-8 in a longer field


@dataclass(frozen=True, slots=True)
class Gtin:
    """A barcode with a correct check digit.

    ``code`` is its usual print: 8, 13 or 14 digits (12 digits get their leading zero). ``gtin14`` is the form in which
    equal barcodes are equal text. ``is_local`` marks a code of restricted circulation (weighed goods, a shop's own
    labels), which means nothing outside its chain.
    """

    code: str
    gtin14: str
    is_local: bool


def parse_gtin(text: str | int | None, *, sku: str | int | None = None) -> Gtin | None:
    """Return the barcode in ``text``, None for what is none: PLU numbers, words, wrong lengths and wrong check digits.

    Of a comma-separated list the first 13-digit code counts, else the first valid one. A number equal to ``sku`` is the
    retailer's own id in the wrong field and is no barcode (docs/retailers.md#barcodes).
    """
    if text is None or isinstance(text, bool):
        return None
    text = str(text)
    codes = [text] if text.isascii() and text.isdigit() else [ean.compact(piece) for piece in text.split(",")]
    own = str(sku).strip().lstrip("0") if sku is not None else None
    valid = [code for code in codes if _is_gtin(code) and code.lstrip("0") != own]
    code = next((code for code in valid if len(code) == 13), valid[0] if valid else None)
    return _described(code) if code else None


def _is_gtin(code: str) -> bool:
    if not (len(code) in _LENGTHS and code.isascii() and code.isdigit() and code.strip("0") != ""):
        return False
    digits = [int(digit) for digit in reversed(code)]  # ean.is_valid takes ten times as long, for the same
    return (sum(digits[::2]) + 3 * sum(digits[1::2])) % 10 == 0


def _described(code: str) -> Gtin:
    gtin14 = code.zfill(14)
    if gtin14[0] != "0":
        return Gtin(gtin14, gtin14, is_local=_is_local_13(gtin14[1:]))
    gtin13 = gtin14[1:]
    if gtin13.startswith(_NO_PREFIX):
        gtin8 = gtin13[5:]
        return Gtin(gtin8, gtin14, is_local=gtin8[0] in "02")
    return Gtin(gtin13, gtin14, is_local=_is_local_13(gtin13))


def _is_local_13(gtin13: str) -> bool:
    return gtin13[0] == "2" or gtin13[:2] in {"02", "04"}
