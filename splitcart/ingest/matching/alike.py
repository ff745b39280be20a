"""Skus that are the same thing in other words: within a brand and a pack, by what their names say.

Nothing is compared with everything: only skus of one brand, with equal counts and an amount in common, at two
companies. rapidfuzz says, for a whole block at once, which names are alike at all; the words then say whether they mean
the same.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

from rapidfuzz import fuzz, process

from splitcart.ingest.matching.shelf import ShelfSku
from splitcart.ingest.matching.words import Words

MIN_SCORE = 60.0


@dataclass(frozen=True, slots=True)
class Pair:
    """Two skus of two companies, and how alike their names are, of 100."""

    one: ShelfSku
    other: ShelfSku
    score: float


def blocks(skus: Iterable[ShelfSku]) -> Iterator[list[ShelfSku]]:
    """Yield the skus that may be one: of one brand and one count, with an amount in common or none."""
    by_count: dict[tuple[str, frozenset[int]], list[ShelfSku]] = defaultdict(list)
    for sku in skus:
        if sku.brand and sku.pack:
            by_count[sku.brand, sku.pack.counts].append(sku)
    for shelf in by_count.values():
        by_amount: dict[object, list[ShelfSku]] = defaultdict(list)
        for sku in shelf:
            for amount in sku.pack.amounts:
                by_amount[amount].append(sku)
        without = [sku for sku in shelf if not sku.pack.amounts]
        if len(without) == len(shelf):
            yield without
        yield from ([*block, *without] for block in by_amount.values())


def alike(groups: Iterable[list[ShelfSku]], words: Words) -> list[Pair]:
    """Return the pairs in which each is the other's best match at the other's company, and no second one is as good."""
    best: dict[tuple[int, int], list[tuple[float, int]]] = defaultdict(list)  # (sku, company) → its candidates there
    found: dict[tuple[int, int], Pair] = {}
    for group in groups:
        for pair in _candidates(group, words):
            key = pair.one.id, pair.other.id
            if key not in found:
                found[key] = pair
                best[pair.one.id, pair.other.company_id].append((pair.score, pair.other.id))
                best[pair.other.id, pair.one.company_id].append((pair.score, pair.one.id))
    product_of = {sku.id: sku.product_id for pair in found.values() for sku in (pair.one, pair.other)}
    chosen = {place: _clear_best(candidates, product_of) for place, candidates in best.items()}
    return [
        pair
        for pair in found.values()
        if pair.other.id in chosen[pair.one.id, pair.other.company_id]
        and pair.one.id in chosen[pair.other.id, pair.one.company_id]
    ]


def _clear_best(candidates: list[tuple[float, int]], product_of: dict[int, int]) -> set[int]:
    """Return the best candidates if they are skus of one product, else none: a tie is no answer."""
    top = max(score for score, _ in candidates)
    ids = {sku_id for score, sku_id in candidates if score == top}
    return ids if len({product_of[sku_id] for sku_id in ids}) == 1 else set()


def _candidates(group: list[ShelfSku], words: Words) -> Iterator[Pair]:
    by_company: dict[str, list[ShelfSku]] = defaultdict(list)
    for sku in group:
        by_company[sku.company].append(sku)
    for first, second in combinations(sorted(by_company), 2):
        ours, theirs = by_company[first], by_company[second]
        scores = process.cdist(
            [_text(sku) for sku in ours], [_text(sku) for sku in theirs], scorer=fuzz.ratio, score_cutoff=MIN_SCORE
        )
        for row, column in zip(*scores.nonzero(), strict=True):
            one, other = ours[row], theirs[column]
            if _may_be_one(one, other) and words.are_one(one, other):
                yield Pair(one, other, round(float(scores[row, column]), 1))


def _text(sku: ShelfSku) -> str:
    return " ".join(sorted(sku.words)) or sku.brand


def _may_be_one(one: ShelfSku, other: ShelfSku) -> bool:
    return not (one.gtin and other.gtin) and bool(one.words) == bool(other.words) and one.pack.fits(other.pack)
