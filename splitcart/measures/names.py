"""What product names say, apart from how they are written (docs/identity.md#words)."""

import html
import re
import unicodedata
from functools import lru_cache

_AMOUNT = r"[0-9]+(?:[.,][0-9]+)?"
_UNITS = "kgs?|grams?|g|kilograms?|mls?|millilitres?|litres?|l|pks?|packs?|each|ea"
_SIZE = re.compile(
    rf"\b(?:{_AMOUNT}\s*[x\u00d7]\s*)*{_AMOUNT}(?:\s*-\s*{_AMOUNT})?\s*(?:{_UNITS})\b(?:\s*[x\u00d7]\s*[0-9]+\b)?"
)
_MARKS = {ord(mark): None for mark in "'\u2019`\u00b4.\u00ae\u2122\u00a9"} | {ord("%"): "pc "}
_WORD = re.compile("[a-z0-9]+")
_SMALL = """
    a an the and n or of in on for with w by to x per approx approximately about min pk pack packs kg each ea size
    flavour flavours flavoured flavor flavors flavored
"""
_SMALL_WORDS = frozenset(_SMALL.split())
_SPELLINGS = {
    "barbeque": "barbecue",
    "bbq": "barbecue",
    "caps": "capsule",
    "choc": "chocolate",
    "choccy": "chocolate",
    "color": "colour",
    "decaf": "decaffeinated",
    "donut": "doughnut",
    "fetta": "feta",
    "fibre": "fiber",
    "gf": "gluten free",
    "hommus": "hummus",
    "lite": "light",
    "orig": "original",
    "parmesean": "parmesan",
    "sml": "small",
    "lge": "large",
    "lrg": "large",
    "veg": "vegetable",
    "veggy": "vegetable",
    "xtra": "extra",
    "yog": "yogurt",
    "yoghurt": "yogurt",
    "yoghourt": "yogurt",
}
_NO_PLURAL = ("ss", "us", "is")


def name_words(text: object) -> frozenset[str]:
    """Return the words that a name says: singular, in one spelling, without sizes and small words.

    ``Choc Chip Yoghurts 6 x 125g`` says chocolate, chip, yogurt. Anything but text says nothing.
    """
    if not isinstance(text, str):
        return frozenset()
    plain = html.unescape(text) if "&" in text else text
    plain = plain.lower() if plain.isascii() else unicodedata.normalize("NFKD", plain).lower()
    plain = _SIZE.sub(" ", plain.replace("red. ", "reduced "))
    plain = plain.translate(_MARKS)
    plain = plain if plain.isascii() else plain.encode("ascii", "ignore").decode()
    said: set[str] = set()
    for word in _WORD.findall(plain):
        said.update(_one_spelling(word))
    return frozenset(said)


@lru_cache(maxsize=2**14)
def _one_spelling(word: str) -> list[str]:
    if word in _SMALL_WORDS:
        return []
    singular = _singular(word)
    return _SPELLINGS.get(word, _SPELLINGS.get(singular, singular)).split()


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith(("ie", "ies")):
        return word.removesuffix("s")[:-2] + "y"  # nappies are nappy, and cookies cooky: one of the two had to give
    if len(word) < 4 or not word.endswith("s") or word.endswith(_NO_PLURAL):
        return word
    if word.endswith(("ches", "shes", "xes", "oes")):
        return word[:-2]
    return word[:-1]
