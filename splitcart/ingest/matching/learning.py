"""What barcodes teach: which words chains add or leave out, which they use for each other, and which brands are one.

Two skus with the same GTIN are the same thing in two chains' words; two of the same brand and pack with different GTINs
are not. Each lesson is a vote, and one voice is never enough.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, permutations, product

from rapidfuzz import process
from rapidfuzz.distance import OSA

from splitcart.ingest.matching.brands import BrandBook
from splitcart.ingest.matching.distinguishing import distinguishes
from splitcart.ingest.matching.shelf import ShelfSku

MIN_VOTES = 2
VOTES_AGAINST_ONE = 4  # so many for each that speaks against
LETTERS_OF_A_MISSPELLING = 5
RARE = 2  # a misspelt word is found in so few names
BRAND_SHARE = 0.75
COMMON_BRAND = 4  # how many times as many skus the right spelling has


class _Votes:
    """Votes of pairs of skus: which words made no difference, and which did."""

    def __init__(self) -> None:
        self.same: Counter[frozenset[str]] = Counter()
        self.different: Counter[frozenset[str]] = Counter()

    def any_on(self, words: frozenset[str]) -> bool:
        return self.same[words] + self.different[words] >= MIN_VOTES

    def say_nothing(self, words: frozenset[str]) -> bool:
        return self.same[words] >= max(MIN_VOTES, VOTES_AGAINST_ONE * self.different[words])


class Words:
    """How words of two names are compared. What a brand's own listings teach goes before what all teach."""

    def __init__(self, skus: Iterable[ShelfSku]) -> None:
        self.names = Counter(word for sku in skus for word in sku.words)
        self._all = _Votes()
        self._of_brand: dict[str, _Votes] = defaultdict(_Votes)

    def learn_same(self, one: ShelfSku, other: ShelfSku) -> None:
        """Take the vote of two skus with one GTIN: what only one of them says makes no difference."""
        left, right = self._untaught_difference(one, other)
        for votes in (self._all, self._of_brand[one.brand]):
            if left and right:
                votes.same.update([left | right] if len(left) == len(right) == 1 else [])
            else:
                votes.same.update({frozenset([word]) for word in left | right} | {left | right})

    def learn_different(self, one: ShelfSku, other: ShelfSku) -> None:
        """Take the vote of two skus with two GTINs, after all others: something that only one of them says matters.

        If a word that always matters is there, the others are not to blame; nor are those that are known to come and
        go, if there is another.
        """
        left, right = self._untaught_difference(one, other)
        if any(map(distinguishes, left | right)):
            return
        if left and right:
            blamed = [left | right] if len(left) == len(right) == 1 else []
        else:
            fickle = {word for word in left | right if self._all.same[frozenset([word])] >= MIN_VOTES}
            blamed = [left | right, *(frozenset([word]) for word in (left | right) - fickle or left | right)]
        for votes in (self._all, self._of_brand[one.brand]):
            votes.different.update(set(blamed))

    def mean_nothing(self, words: frozenset[str], brand: str) -> bool:
        """Tell whether words may be there or not, or two words may stand for each other."""
        if any(map(distinguishes, words)):
            return False
        votes = self._of_brand[brand]
        return (votes if votes.any_on(words) else self._all).say_nothing(words)

    def are_one(self, one: ShelfSku, other: ShelfSku) -> bool:
        """Tell whether two names of a brand say the same, after what was learned."""
        left, right = self._untaught_difference(one, other)
        for a, b in product(sorted(left), sorted(right)):
            if a in left and b in right and self.mean_nothing(frozenset((a, b)), one.brand):
                left, right = left - {a}, right - {b}
        return all(
            not side
            or self.mean_nothing(side, one.brand)
            or all(self.mean_nothing(frozenset([word]), one.brand) for word in side)
            for side in (left, right)
        )

    def _untaught_difference(self, one: ShelfSku, other: ShelfSku) -> tuple[frozenset[str], frozenset[str]]:
        """Return what each name says that the other does not, apart from joined and misspelt words."""
        left, right = set(one.words - other.words), set(other.words - one.words)
        _join(left, right)
        _join(right, left)
        for a, b in product(sorted(left), sorted(right)):
            if a in left and b in right and self._misspelt(a, b):
                left.remove(a)
                right.remove(b)
        return frozenset(left), frozenset(right)

    def _misspelt(self, one: str, other: str) -> bool:
        rare, common = sorted((one, other), key=lambda word: self.names[word])
        if len(common) < LETTERS_OF_A_MISSPELLING or self.names[rare] > RARE or self.names[common] <= 2 * RARE:
            return False
        return not any(letter.isdigit() for letter in one + other) and OSA.distance(one, other, score_cutoff=1) <= 1


def _join(words: set[str], others: set[str]) -> None:
    """``ice`` and ``cream`` on one side are ``icecream`` on the other."""
    for first, second in permutations(sorted(words), 2):
        if first + second in others and first in words and second in words:
            words -= {first, second}
            others.remove(first + second)


def learn_words(skus: Iterable[ShelfSku], blocks: Iterable[list[ShelfSku]]) -> Words:
    """Learn from all pairs inside ``blocks`` (skus of one brand that may have one pack) whose GTINs are known."""
    words = Words(skus)
    pairs = {
        (one.id, other.id): (one, other)
        for block in blocks
        for one, other in combinations([sku for sku in block if sku.gtin], 2)
        if one.words != other.words and one.pack.fits(other.pack)
    }
    for one, other in pairs.values():
        if one.gtin == other.gtin:
            words.learn_same(one, other)
    for one, other in pairs.values():
        if one.gtin != other.gtin:
            words.learn_different(one, other)
    return words


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
    return sum(brand_words <= sku.words or (sku.words, str(sku.pack)) in things for sku in rare)


def _run_together(key: str, other: str) -> bool:
    """``cocacola`` and ``coca cola``."""
    short, long = sorted((key, other), key=lambda text: text.count(" "))
    return " " not in short and any("".join(order) == short for order in permutations(long.split()[:5]))
