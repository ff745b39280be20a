"""A market whose identities are known: articles, and how two to four chains would list them.

The ways of writing are those of real listings: a name with or without brand and size, sizes in other units or split
over two fields, words in another order, left out, added, shortened or misspelt, legal and misspelt brand names, HTML
entities, barcodes that are missing, wrong or of restricted circulation. Nothing here knows how the matching works.
"""

import html
import re
import tomllib
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from random import Random

from stdnum import ean

from splitcart.transfer.records import ProductRecord

AISLES = Path(__file__).with_name("identity_aisles.toml")
CHAINS = ("coles", "woolworths", "iga", "aldi")
BARCODE_SHARE = {"coles": 0.6, "woolworths": 0.92, "iga": 0.85, "aldi": 0.0}
STOCK_SHARE = {"coles": 0.62, "woolworths": 0.65, "iga": 0.45, "aldi": 0.06}
OWN_BRANDS = {
    "coles": ["Coles", "Coles Finest", "Coles Organic"],
    "woolworths": ["Woolworths", "Essentials", "Macro"],
    "iga": ["Community Co", "Black & Gold", "IGA"],
    "aldi": ["FARMDALE", "HILLCREST", "REMANO", "COLWAY"],
}
WRONG_BARCODES = 0.0005
TWICE_LISTED = 0.004
LEGAL_NAMES = ["{} Pty Ltd", "{} Australia Pty Limited", "The {} Company", "{}®", "{} Co."]
SHORT_FORMS = [
    ("Chocolate", "Choc"), ("Choc", "Chocolate"), ("Barbecue", "BBQ"), ("Yoghurt", "Yogurt"), (" & ", " and "),
    (" & ", " + "), ("Original", "Orig"), ("Wholemeal", "Whole Meal"), ("Colour", "Color"), ("Lite", "Light"),
    ("Barbecue", "Barbeque"), ("Ice Cream", "Icecream"), ("Decaf", "Decaffeinated"), ("Reduced", "Red."),
    ("Fat Free", "Fat-Free"), ("Gluten Free", "GF"), ("Anti Dandruff", "Anti-Dandruff"),
]  # fmt: skip
CAUSES = ("order", "short form", "plural", "typing error", "word left out", "word added", "flavoured")


@dataclass(frozen=True, slots=True)
class Article:
    """One thing that is made and packed. ``owner``: the chain whose own brand it is."""

    id: int
    kind: str  # of article: branded, own, weighed, produce
    brand: str
    words: tuple[str, ...]  # line, variant, diet, kind; the empty ones left out
    noun: str
    pack: str
    gtin: str | None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A chain's row for an article, and how its words were changed."""

    chain: str
    article: Article
    record: ProductRecord
    causes: frozenset[str]


def build_market(seed: int, chains: int, articles: int = 4000) -> list[Listing]:
    """Return what the first ``chains`` chains list, in the order in which they would be crawled."""
    rng = Random(f"identity/{seed}")
    catalogue = _branded(rng, articles) + _own(rng, CHAINS[:chains])
    rng.shuffle(catalogue)
    spellings = {chain: _brand_spellings(rng, catalogue) for chain in CHAINS}
    return [
        listing
        for chain in CHAINS[:chains]
        for listing in _list(Random(f"identity/{seed}/{chain}"), chain, catalogue, spellings[chain])
    ]


def _gtin(prefix: str, number: int) -> str:
    digits = f"{prefix}{number:05d}"[:12].ljust(12, "0")
    return digits + ean.calc_check_digit(digits)


def _branded(rng: Random, count: int) -> list[Article]:
    """Draw articles, so that brands have several sizes of a variant and several variants of a size."""
    aisles = tomllib.loads(AISLES.read_text(encoding="utf-8"))["aisle"]
    prefixes: dict[str, str] = {}
    made: list[Article] = []
    for aisle in aisles:
        texts = list(
            product(aisle["brands"], aisle["lines"], aisle["variants"], sorted(set(aisle["diets"])), aisle["kinds"])
        )
        weights = [1.0 if not diet else 0.35 for _, _, _, diet, _ in texts]
        chosen: set[tuple[str, ...]] = set()
        while len(chosen) < min(count // len(aisles), len(texts)):
            brand, line, variant, diet, kind = rng.choices(texts, weights)[0]
            for pack in rng.sample(aisle["packs"], rng.choice([1, 1, 2, 3])):
                chosen.add((brand, line, variant, diet, kind, pack))
        for brand, line, variant, diet, kind, pack in sorted(chosen):
            prefix = prefixes.setdefault(brand, f"93{rng.randrange(10**5):05d}")
            words = tuple(
                filter(None, (line, diet, variant, kind) if diet[:1].isalpha() else (line, variant, diet, kind))
            )
            made.append(Article(len(made), "branded", brand, words, aisle["noun"], pack, _gtin(prefix, len(made))))
    return made


def _own(rng: Random, chains: tuple[str, ...]) -> list[Article]:
    made: list[Article] = []
    for group in tomllib.loads(AISLES.read_text(encoding="utf-8"))["own"]:
        for chain, name, pack in product(chains, group["names"], group["packs"]):
            if rng.random() < 0.5:
                brand = rng.choice(OWN_BRANDS[chain])
                number = len(made)
                gtin = _gtin(f"933{CHAINS.index(chain)}00{rng.randrange(10)}", number)
                made.append(Article(10**6 + number, group["key"], brand, (name,), "", pack, gtin, chain))
    return made


def _brand_spellings(rng: Random, catalogue: list[Article]) -> dict[str, str]:
    """Return the brands that a chain writes in its own way, always."""
    brands = sorted({article.brand for article in catalogue if article.owner is None})
    return {brand: rng.choice(LEGAL_NAMES).format(brand) for brand in brands if rng.random() < 0.06}


def _list(rng: Random, chain: str, catalogue: list[Article], spellings: dict[str, str]) -> list[Listing]:
    found: list[Listing] = []
    local = 0
    for article in catalogue:
        if article.owner not in {None, chain} or (article.owner is None and rng.random() > STOCK_SHARE[chain]):
            continue
        for _ in range(2 if rng.random() < TWICE_LISTED and article.kind == "branded" else 1):
            local += 1
            found.append(_listing(rng, chain, article, local, spellings, catalogue))
    return found


def _listing(
    rng: Random, chain: str, article: Article, number: int, spellings: dict[str, str], catalogue: list[Article]
) -> Listing:
    words, causes = _words(rng, article)
    brand: str | None = spellings.get(article.brand, article.brand)
    if brand != article.brand:
        causes.add("brand's legal name")
    if article.kind == "produce" and chain in {"iga", "aldi"}:
        brand = None
    elif article.owner is None and rng.random() < 0.01:
        brand, cause = (
            (None, "no brand field") if rng.random() < 0.5 else (_misspelt(rng, article.brand), "brand misspelt")
        )
        causes.add(cause)
    name, size = _name_and_size(rng, chain, article, words, causes)
    if brand is None and article.owner is None and article.brand not in name:
        name = f"{article.brand} {name}"
    if rng.random() < 0.01:
        name = html.escape(name)
    if brand and chain == "aldi":
        brand = brand.upper()
    barcode, is_local = _barcode(rng, chain, article, number, catalogue, causes)
    record = ProductRecord(
        sku=f"{chain[0]}{number:06d}",
        name=name,
        category_path=["Shelf"],
        price_cents=100,
        brand=brand,
        size=size,
        barcode=barcode,
        barcode_is_local=is_local,
    )
    return Listing(chain, article, record, frozenset(causes))


def _barcode(
    rng: Random, chain: str, article: Article, number: int, catalogue: list[Article], causes: set[str]
) -> tuple[str | None, bool | None]:
    if article.kind in {"weighed", "produce"}:
        if rng.random() < 0.5:  # the scales of every chain count from one
            digits = f"02{number % 400:05d}00000"
            return digits + ean.calc_check_digit(digits), rng.choice([True, None])
        return None, None
    if rng.random() > BARCODE_SHARE[chain]:
        causes.add("no barcode")
        return None, None
    if rng.random() < WRONG_BARCODES:
        causes.add("wrong barcode")
        return rng.choice(catalogue).gtin, False
    return article.gtin, False


def _words(rng: Random, article: Article) -> tuple[list[str], set[str]]:
    """Return an article's words as one chain writes them, and what was done to them."""
    words = list(article.words)
    causes: set[str] = set()
    if article.kind != "branded":
        return words, causes
    if len(words) > 2 and rng.random() < 0.2:
        first = rng.randrange(len(words) - 1)
        words[first], words[first + 1] = words[first + 1], words[first]
        causes.add("order")
    if article.noun and rng.random() < 0.12:
        words.append(article.noun)
        causes.add("word added")
    if rng.random() < 0.05:
        words[-1] = words[-1].removesuffix("s") if words[-1].endswith("s") else words[-1] + "s"
        causes.add("plural")
    _change_one(rng, article, words, causes)
    words = _shortened(rng, words, causes)
    if rng.random() < 0.01:
        at = rng.randrange(len(words))
        words[at] = _misspelt(rng, words[at])
        causes.add("typing error")
    return words, causes


def _change_one(rng: Random, article: Article, words: list[str], causes: set[str]) -> None:
    """Say that the variant is a flavour, or leave a word of the kind out."""
    variant, kind = article.words[-2:] if len(article.words) > 1 else ("", article.words[-1])
    if rng.random() < 0.04 and variant in words and variant.isalpha():
        words[words.index(variant)] = f"{variant} {rng.choice(['Flavour', 'Flavoured'])}"
        causes.add("flavoured")
    if " " in kind and rng.random() < 0.04 and kind in words:
        words[words.index(kind)] = kind.split()[-1]
        causes.add("word left out")


def _shortened(rng: Random, words: list[str], causes: set[str]) -> list[str]:
    text = " \x00 ".join(words)
    usable = [(long, short) for long, short in SHORT_FORMS if re.search(_whole(long), text)]
    if usable and rng.random() < 0.15:
        long, short = rng.choice(usable)
        text = re.sub(_whole(long), short, text, count=1)
        causes.add("short form")
    return text.split(" \x00 ")


def _whole(words: str) -> str:
    return words if words.startswith(" ") else rf"\b{words}\b"


def _misspelt(rng: Random, text: str) -> str:
    """Change one letter inside the longest word: drop, double or swap it."""
    word = max(re.findall(r"[A-Za-z]+", text) or [""], key=len)
    if len(word) < 5:
        return text
    at = rng.randrange(1, len(word) - 2)
    other = rng.choice(
        [
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        ]
    )
    return text.replace(word, other, 1)


def _name_and_size(
    rng: Random, chain: str, article: Article, words: list[str], causes: set[str]
) -> tuple[str, str | None]:
    """Return name and size field in the chain's manner."""
    text, pack = " ".join(words), article.pack
    multi = re.fullmatch(r"(\d+) x ([\d.]+)(\w+)", pack)
    count = re.fullmatch(r"(\d+) pack", pack)
    if not (multi or count or re.fullmatch(r"[\d.]+\w+", pack)):
        return text, {"each": "Each", "per kg": rng.choice(["per kg", "1kg"])}.get(pack, pack)
    counted = multi or count
    pieces = counted[1] if counted else None
    content = _total(multi) if multi else None if count else _written(pack)
    if chain == "woolworths":
        shown = f"{multi[2]}{multi[3]} X {pieces} Pack" if multi else content or f"{pieces} pack"
        name = f"{article.brand} {text} {shown}" if rng.random() < 0.8 else f"{article.brand} {text}"
        return name, f"{pieces} pack" if multi and rng.random() < 0.9 else shown
    if chain == "iga":
        if rng.random() < 0.05:
            causes.add("no size")
            return f"{article.brand} {text}", "Each"
        return f"{article.brand} {text}", pack.replace(" x ", "x") if multi else content or f"{pieces} Pack"
    name = f"{text} {pieces} Pack" if pieces else text
    if chain == "coles":
        return name, content or f"{pieces} pack"
    return (f"{name} {content}", _in_kilos(content)) if content else (name, f"{pieces} each")


def _total(multi: re.Match[str]) -> str:
    return _written(f"{int(multi[1]) * float(multi[2]):g}{multi[3]}")


def _written(pack: str) -> str:
    return re.sub(r"l$", "L", pack) if pack.endswith("l") else pack


def _in_kilos(pack: str) -> str:
    match = re.fullmatch(r"([\d.]+)(g|kg|ml|l|L|mL)", pack)
    if match is None:
        return pack
    amount, unit = float(match[1]), match[2].lower()
    return f"{amount / 1000:g} kg" if unit == "g" else f"{amount:g} {unit}"
