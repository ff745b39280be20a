"""The skus of a chain: names, brands, sizes, categories, barcodes and base prices, from the seed alone."""

import hashlib
from collections.abc import Iterator
from itertools import product
from random import Random

import msgspec
from stdnum import ean

from splitcart.replica.config import ChainConfig
from splitcart.replica.packs import Pack, UnitBasis, name_suffix, parse_pack, size_text, unit_basis
from splitcart.replica.trees import Aisle, Node, Shelf, Tree

BRANDED_SHARE = {"aldi": 0.15, "coles": 0.7, "iga": 0.85, "woolworths": 0.7}
RESERVE_SHARE = 0.08  # skus that are not on the shelf on day 0 and may arrive later


class MarketSku(msgspec.Struct, frozen=True, kw_only=True):
    """One sku of a chain. Skus of two chains with the same ``article_id`` are the same thing, with the same ``gtin``.

    ``path`` runs from the root category's name to the leaf's; ``also_in`` names leaves of other roots that list it too.
    ``base_cents`` is what it costs before price lists and promotions; ``initial`` says that it is listed on day 0.
    """

    code: str
    article_id: str
    name: str
    brand: str
    path: tuple[str, ...]
    root: str
    leaf_id: str
    also_in: tuple[str, ...]
    pack: Pack
    size: str | None
    unit: UnitBasis
    gtin: str | None
    base_cents: int
    initial: bool


def shelf_price(cents: float) -> int:
    """Round to a price that a shop would print: to 1 c below 2 dollars, else to 10 c, one cent short at ...9."""
    if cents < 200:
        return max(9, round(cents))
    tens = round(cents / 10) * 10
    return tens - 1 if tens % 50 else tens


def build_catalogue(seed: int, chain: str, config: ChainConfig, tree: Tree) -> list[MarketSku]:
    """Make ``config.skus`` skus and a reserve, spread evenly over the aisles, in the order of the tree."""
    by_aisle: dict[str, list[Shelf]] = {}
    for shelf in tree.shelves:
        by_aisle.setdefault(shelf.aisle.key, []).append(shelf)
    codes = _codes(chain, Random(f"{seed}/{chain}/codes"))
    leaves = [leaf for root in tree.roots for leaf in root.leaves()]
    rng = Random(f"{seed}/{chain}/catalogue")
    skus: list[MarketSku] = []
    for number, shelves in enumerate(by_aisle.values()):
        listed = _portion(config.skus, len(by_aisle), number)
        wanted = listed + _portion(round(config.skus * RESERVE_SHARE), len(by_aisle), number)
        places = {shelf.kind: shelf.leaf for shelf in shelves}
        made = list(_articles(seed, chain, shelves[0].aisle, wanted))
        unlisted = set(rng.sample(range(wanted), wanted - listed))
        for at, article in enumerate(made):
            leaf = places[article.kind]
            also = _other_leaf(rng, leaves, leaf) if rng.random() < config.cross_listed_share else ()
            skus.append(_sku(chain, next(codes), article, leaf, also, at not in unlisted))
    return skus


def _portion(total: int, parts: int, number: int) -> int:
    """The size of part ``number`` when ``total`` is dealt out evenly."""
    return total // parts + (number < total % parts)


class _Article(msgspec.Struct):
    id: str
    kind: str
    variant: str
    brand: str
    pack: Pack
    edition: int
    gtin: str | None
    cents: int


def _articles(seed: int, chain: str, aisle: Aisle, wanted: int) -> Iterator[_Article]:
    branded = round(wanted * BRANDED_SHARE[chain])
    yield from _series(seed, aisle, aisle.brands, aisle.key, branded)
    yield from _series(seed, aisle, [aisle.own[chain]], f"{chain}-{aisle.key}", wanted - branded)


def _series(seed: int, aisle: Aisle, brands: list[str], name: str, wanted: int) -> Iterator[_Article]:
    """Yield the first articles of an order that does not depend on ``wanted``: chains share the first ones."""
    choices = list(product(aisle.kinds, aisle.variants, brands, aisle.sizes))
    Random(f"{seed}/{name}/order").shuffle(choices)
    for number in range(wanted):
        edition, at = divmod(number, len(choices))
        kind, variant, brand, size = choices[at]
        rng = Random(f"{seed}/{name}/{number}")
        pack = parse_pack(size)
        yield _Article(
            id=f"{name}-{number}",
            kind=kind,
            variant=variant,
            brand=brand,
            pack=pack,
            edition=edition,
            gtin=_gtin(rng, pack, f"{seed}/{name}/{number}"),
            cents=_price(rng, aisle, pack),
        )


def _price(rng: Random, aisle: Aisle, pack: Pack) -> int:
    low, high = aisle.cents if pack.unit in {"g", "ml"} else aisle.piece_cents
    per_unit: float = low * (high / low) ** rng.random()
    amount = pack.total / {"g": 1000, "ml": 1000, "sheets": 100}.get(pack.unit, 1)
    return shelf_price(per_unit * amount**0.9)  # larger packs are cheaper per unit


def _gtin(rng: Random, pack: Pack, identity: str) -> str | None:
    """A barcode with its right check digit; store-local (prefix 02) for loose goods; a few short or missing ones."""
    digits = f"{int(hashlib.sha256(identity.encode()).hexdigest(), 16) % 10**10:010d}"
    if pack.form == "weighed" or (pack.unit == "ea" and pack.total == 1):
        stem = "02" + digits[:5] + "00000"
    elif (chance := rng.random()) < 0.01:
        return None
    elif chance < 0.02:
        stem = "93" + digits[:5]
    else:
        stem = "93" + digits
    return stem + ean.calc_check_digit(stem)


def _sku(chain: str, code: str, article: _Article, leaf: Node, also: tuple[str, ...], initial: bool) -> MarketSku:
    aldi = chain == "aldi"
    own = article.id.startswith(f"{chain}-")
    words = [
        article.variant,
        article.kind,
        f"No. {article.edition + 1}" if article.edition else "",
        name_suffix(article.pack),
    ]
    if not aldi:  # the size has a field of its own; Coles' brand has one that is not repeated
        pieces = words[3] if chain == "iga" and article.pack.unit not in {"g", "ml"} else ""  # IGA's field names none
        words = [article.brand if chain != "coles" else "", *words[:3], pieces]
    unsized = aldi and article.cents % 47 == 0  # ALDI leaves the size out now and then
    return MarketSku(
        code=code,
        article_id=article.id,
        name=" ".join(word for word in words if word),
        brand=article.brand.upper() if aldi else article.brand,
        path=leaf.path,
        root=leaf.path[0],
        leaf_id=leaf.id,
        also_in=also,
        pack=article.pack,
        size=None if unsized else size_text(chain, article.pack),
        unit=unit_basis(chain, article.pack),
        gtin=article.gtin,
        base_cents=shelf_price(article.cents * (0.75 if aldi and own else 1.0)),
        initial=initial,
    )


def _other_leaf(rng: Random, leaves: list[Node], home: Node) -> tuple[str, ...]:
    others = [leaf.id for leaf in leaves if leaf.path[0] != home.path[0]]
    return (rng.choice(others),) if others else ()


def _codes(chain: str, rng: Random) -> Iterator[str]:
    """Codes as the chain gives them, each once: 18 digits at ALDI, up to seven elsewhere."""
    seen: set[int] = set()
    while True:
        number = rng.randrange(100_000, 1_000_000 if chain == "aldi" else 10_000_000)
        if number in seen:
            continue
        seen.add(number)
        if chain != "aldi":
            yield str(number)
        elif number % 5 < 2:
            yield f"{number:015d}{1 + number % 6:03d}"
        else:
            yield f"{number:018d}"
