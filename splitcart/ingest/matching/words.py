"""Which words of a name matter: what barcodes and shelves teach about words that chains add, leave out or swap.

Two skus with the same GTIN are the same thing in two chains' words; two of the same brand and pack with different GTINs
are not. Without barcodes shelves vote, at half the weight: a chain that lists two names beside each other, one of them
with a word more, means two things; if the long name is found only at one chain and the short one only at another, they
may well be one. Each lesson is a vote, and one voice is never enough.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain, combinations, permutations, product

from rapidfuzz.distance import OSA

from splitcart.ingest.matching.distinguishing import distinguishes, is_number
from splitcart.ingest.matching.shelf import ShelfSku

BARCODE_VOTE = 2
SHELF_VOTE = 1
MIN_VOTES = 4
MIN_VOTES_AGAINST_SENSE = 12  # a word that usually matters needs so many, some of them of the brand itself
VOTES_AGAINST_ONE = 4  # so many for each that speaks against
MOST_WORDS_MORE = 3  # shelves say nothing about names that differ by more
LETTERS_OF_A_MISSPELLING = 5
RARE = 2  # a misspelt word is found in so few names
Pair = tuple[ShelfSku, ShelfSku]


class _Votes:
    """Votes of pairs of skus: which words made no difference, and which did."""

    def __init__(self) -> None:
        self.same: Counter[frozenset[str]] = Counter()
        self.different: Counter[frozenset[str]] = Counter()

    def object(self, words: frozenset[str]) -> bool:
        same, different = self.same[words], self.different[words]
        return same + different >= MIN_VOTES and same < VOTES_AGAINST_ONE * different

    def say_nothing(self, words: frozenset[str]) -> bool:
        least = MIN_VOTES_AGAINST_SENSE if any(map(distinguishes, words)) else MIN_VOTES
        return self.same[words] >= max(least, VOTES_AGAINST_ONE * self.different[words])


class Words:
    """How words of two names are compared. What a brand's own listings teach goes before what all teach."""

    def __init__(self, skus: Iterable[ShelfSku]) -> None:
        self.names = Counter(word for sku in skus for word in sku.words)
        self._all = _Votes()
        self._of_brand: dict[str, _Votes] = defaultdict(_Votes)

    def learn_same(self, one: ShelfSku, other: ShelfSku) -> None:
        """Take the vote of two skus with one GTIN: what only one of them says makes no difference."""
        left, right = self._untaught_difference(one, other)
        if left and right:
            excused = {left | right} if len(left) == len(right) == 1 else set()
        else:
            excused = {left | right, *(frozenset([word]) for word in left | right)}
        self._vote(one.brand, excused, same=BARCODE_VOTE)

    def learn_apart(self, one: ShelfSku, other: ShelfSku) -> None:
        """Take the vote of two skus of which each chain has one, and neither the other."""
        self._vote(one.brand, {one.words ^ other.words}, same=SHELF_VOTE)

    def learn_beside(self, one: ShelfSku, other: ShelfSku) -> None:
        """Take the vote of two skus that one chain lists beside each other."""
        self._vote(one.brand, {one.words ^ other.words}, different=SHELF_VOTE)

    def learn_different(self, one: ShelfSku, other: ShelfSku) -> None:
        """Take the vote of two skus with two GTINs, after all others: something that only one of them says matters.

        If a word that usually matters is there with others, nobody can be blamed; nor are those to blame that are known
        to come and go, if there is another.
        """
        left, right = self._untaught_difference(one, other)
        difference = left | right
        if any(map(distinguishes, difference)):
            blamed = {difference} if len(difference) == 1 else set()
        elif left and right:
            blamed = {difference} if len(left) == len(right) == 1 else set()
        else:
            fickle = {word for word in difference if self._all.same[frozenset([word])] >= MIN_VOTES}
            blamed = {difference, *(frozenset([word]) for word in difference - fickle or difference)}
        self._vote(one.brand, blamed, different=BARCODE_VOTE)

    def _vote(self, brand: str, on: set[frozenset[str]], *, same: int = 0, different: int = 0) -> None:
        for votes in (self._all, self._of_brand[brand]):
            for words in on:
                votes.same[words] += same
                votes.different[words] += different

    def mean_nothing(self, words: frozenset[str], brand: str) -> bool:
        """Tell whether words may be there or not, or two words may stand for each other."""
        votes = self._of_brand[brand]
        if any(map(is_number, words)):
            return False
        if any(map(distinguishes, words)) and votes.same[words] < BARCODE_VOTE:
            return False
        return votes.say_nothing(words) or (not votes.object(words) and self._all.say_nothing(words))

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
        return not (is_number(one) or is_number(other)) and OSA.distance(one, other, score_cutoff=1) <= 1


def _join(words: set[str], others: set[str]) -> None:
    """``ice`` and ``cream`` on one side are ``icecream`` on the other."""
    for first, second in permutations(sorted(words), 2):
        if first + second in others and first in words and second in words:
            words -= {first, second}
            others.remove(first + second)


def learn_words(skus: Iterable[ShelfSku], blocks: Iterable[list[ShelfSku]]) -> Words:
    """Learn from all pairs inside ``blocks`` (skus of one brand that may have one pack)."""
    words = Words(skus)
    coded: dict[tuple[int, int], Pair] = {}
    apart: dict[tuple[int, int], Pair] = {}
    beside: dict[tuple[int, int], Pair] = {}
    for block in blocks:
        with_gtin = [sku for sku in block if sku.gtin]
        coded.update(_by_ids(pair for pair in combinations(with_gtin, 2) if pair[0].words != pair[1].words))
        shelves = _shelves(block)
        beside.update(_by_ids(chain.from_iterable(_a_word_more(shelf, shelf) for shelf in shelves)))
        apart.update(_by_ids(chain.from_iterable(_lonely(*two) for two in combinations(shelves, 2))))
    for one, other in coded.values():
        if one.gtin == other.gtin:
            words.learn_same(one, other)
    for one, other in apart.values():
        words.learn_apart(one, other)
    for one, other in beside.values():
        words.learn_beside(one, other)
    for one, other in coded.values():
        if one.gtin != other.gtin:
            words.learn_different(one, other)
    return words


def _by_ids(pairs: Iterable[Pair]) -> dict[tuple[int, int], Pair]:
    """Return the pairs that can be one pack, each once, whichever blocks they meet in."""
    return {
        (min(one.id, other.id), max(one.id, other.id)): (one, other)
        for one, other in pairs
        if one.pack.fits(other.pack)
    }


Shelf = dict[frozenset[str], ShelfSku]


def _shelves(block: Iterable[ShelfSku]) -> list[Shelf]:
    """Return what each company has of a block, by its words."""
    shelves: dict[str, Shelf] = defaultdict(dict)
    for sku in block:
        shelves[sku.company].setdefault(sku.words, sku)
    return [shelves[company] for company in sorted(shelves)]


def _a_word_more(short: Shelf, long: Shelf) -> Iterator[Pair]:
    """Yield the skus, unless barcodes know them both, of which one says all that the other says, and a little more."""
    for words, sku in long.items():
        for count in range(1, min(MOST_WORDS_MORE, len(words) - 1) + 1):
            for more in combinations(words, count):
                other = short.get(words.difference(more))
                if other is not None and not (other.gtin and sku.gtin):
                    yield other, sku


def _lonely(ours: Shelf, theirs: Shelf) -> list[Pair]:
    """Return the pairs with a word more of names that only one of two companies has, if neither fits another one."""
    here = {words: sku for words, sku in ours.items() if words not in theirs}
    there = {words: sku for words, sku in theirs.items() if words not in ours}
    pairs = [*_a_word_more(here, there), *_a_word_more(there, here)]
    times = Counter(sku.id for pair in pairs for sku in pair)
    return [(one, other) for one, other in pairs if times[one.id] == times[other.id] == 1]
