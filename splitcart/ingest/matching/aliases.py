"""What barcodes and spellings teach about brands: which names that chains write are one brand's."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

from rapidfuzz import process
from rapidfuzz.distance import OSA

from splitcart.ingest.matching.brands import BrandBook
from splitcart.ingest.matching.shelf import ShelfSku

MIN_VOTES = 2
BRAND_SHARE = 0.75
COMMON_BRAND = 4  # how many times as many skus the right spelling has
LETTERS_OF_A_MISSPELLING = 5


@dataclass(frozen=True, slots=True)
class LearnedAlias:
    """One key means the brand of another, by so many votes, which are this share of those that could be cast."""

    key: str
    means: str
    rule: str
    votes: int
    score: float


def learn_aliases(skus: list[ShelfSku], book: BrandBook) -> list[LearnedAlias]:
    """Return which brand keys mean which other ones, as written by chains; own brands and empty ones never."""
    makers = [sku for sku in skus if sku.raw_brand and ":" not in sku.raw_brand]
    counts = Counter(sku.raw_brand for sku in makers)
    votes, voters = _votes(makers)
    found: dict[str, LearnedAlias] = {}
    for (key, means), count in sorted(votes.items(), key=lambda item: (-item[1], item[0])):
        share = count / voters[key]
        if count >= MIN_VOTES and share >= BRAND_SHARE and _goes_before(means, key, counts, book):
            found.setdefault(key, LearnedAlias(key, means, "barcode", count, round(100 * share, 1)))
    for key, means, count in _misspelt_brands(makers, counts, votes, book):
        if _goes_before(means, key, counts, book):
            found.setdefault(key, LearnedAlias(key, means, "spelling", count, 100.0))
    return list(found.values())


def _goes_before(means: str, key: str, counts: Counter[str], book: BrandBook) -> bool:
    """Of two keys that mean each other the one with more skus is the brand, then the older row."""

    def rank(each: str) -> tuple[int, float, str]:
        known = book.by_key.get(each)
        return -counts[each], known.created_at.timestamp() if known else float("inf"), each

    return rank(means) < rank(key)


def _votes(skus: list[ShelfSku]) -> tuple[Counter[tuple[str, str]], Counter[str]]:
    """Count, for pairs of keys, the GTINs that carry both, and for each key those that it shares with anyone."""
    by_gtin: dict[str, list[ShelfSku]] = defaultdict(list)
    for sku in skus:
        if sku.gtin:
            by_gtin[sku.gtin].append(sku)
    votes: Counter[tuple[str, str]] = Counter()
    voters: Counter[str] = Counter()
    for shared in by_gtin.values():
        if len({sku.company_id for sku in shared}) < 2:
            continue
        keys = {sku.raw_brand for sku in shared}
        voters.update(keys)
        votes.update(permutations(sorted(keys), 2))
    return votes, voters


def _misspelt_brands(
    skus: list[ShelfSku], counts: Counter[str], votes: Counter[tuple[str, str]], book: BrandBook
) -> Iterator[tuple[str, str, int]]:
    """Yield (key, right key, evidence): keys of the same letters, or rare ones a letter away with things in common."""
    by_brand: dict[str, list[ShelfSku]] = defaultdict(list)
    for sku in skus:
        by_brand[sku.raw_brand].append(sku)
    letters = {key: key.replace(" ", "") for key in counts}
    anagrams: dict[str, list[str]] = defaultdict(list)
    for key in sorted(counts):
        anagrams["".join(sorted(letters[key]))].append(key)
    for alike in anagrams.values():
        yield from ((key, other, 1) for key, other in permutations(alike, 2) if _run_together(key, other))
    for key in sorted(counts):
        if len(letters[key]) < LETTERS_OF_A_MISSPELLING:
            continue
        close = process.extract(letters[key], letters, scorer=OSA.distance, score_cutoff=1, limit=None)
        for _, _, other in sorted(close, key=lambda each: each[2]):
            if counts[other] >= COMMON_BRAND * counts[key]:
                common = votes[key, other] + _in_common(by_brand[key], by_brand[other], book)
                if common:
                    yield key, other, common


def _in_common(rare: list[ShelfSku], common: list[ShelfSku], book: BrandBook) -> int:
    """Count skus of a rare brand whose name says the common one, or that is called as one of its skus is."""
    brand_words = book.words(common[0].brand_text)
    things = {(sku.words, str(sku.pack)) for sku in common if sku.pack}
    return sum(brand_words <= sku.said or (sku.words, str(sku.pack)) in things for sku in rare)


def _run_together(key: str, other: str) -> bool:
    """``cocacola`` and ``coca cola``."""
    short, long = sorted((key, other), key=lambda text: text.count(" "))
    return " " not in short and any("".join(order) == short for order in permutations(long.split()[:5]))
