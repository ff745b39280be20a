"""All pairs of price lists: exact counts, and which of them match by the match rule; pure."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grouping.encoding import Encoded, encode
from grouping.matrix import PriceMatrix
from grouping.verdict import MIN_COMPARABLE_SHARE, PROMOTED_OVERLAP, REGULAR_OVERLAP, binomial_tail
from splitcart.config import Chain

ROWS_A_TASK = 64
NEVER = 2**31 - 1

Counts = NDArray[np.int32]
Overlaps = NDArray[np.float32]
Mask = NDArray[np.bool_]


@contextmanager
def threads() -> Iterator[ThreadPoolExecutor]:
    """A thread for each processor."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield pool


def count_pairs(encoded: Encoded, rows: int, pool: ThreadPoolExecutor) -> tuple[Counts, Counts]:
    """Return how many skus each two of ``rows`` price lists share, and how many at one price; exact, both symmetric."""
    shared, equal = np.zeros((rows, rows), np.int32), np.zeros((rows, rows), np.int32)

    def count(first: int) -> None:
        last = min(first + ROWS_A_TASK, rows)
        _count(encoded, first, last, shared[first:last], equal[first:last])

    list(pool.map(count, range(0, rows, ROWS_A_TASK)))
    sizes = np.bitwise_count(encoded.shown[:rows]).sum(axis=1)
    for counts in (shared, equal):
        for first in range(0, rows, ROWS_A_TASK):
            last = min(first + ROWS_A_TASK, rows)
            block = counts[first:last, first:last]
            block += block.T
            counts[last:, first:last] = counts[first:last, last:].T
        np.fill_diagonal(counts, sizes)
    return shared, equal


def _count(encoded: Encoded, first: int, last: int, shared: Counts, equal: Counts) -> None:
    from grouping import pair_loops as loops  # noqa: PLC0415 - compiled code, only where it is called

    few = encoded.starts, encoded.entries, encoded.holders
    loops.count_rows(encoded.shown, encoded.alike, encoded.planes, *few, first, last, shared, equal)


@dataclass(frozen=True, eq=False)
class Question:
    """Which price lists match? All that a worker needs to answer for some of the rows, on whatever machine."""

    chain: Chain
    price: Encoded
    regular: Encoded | None
    ranges: NDArray[np.float32]  # skus by row and category; whole numbers, like the two below
    complete: NDArray[np.float32]
    known: NDArray[np.float32]
    critical: Counts

    def __len__(self) -> int:
        """How many price lists."""
        return len(self.known)

    def tasks(self) -> range:
        """The rows at which tasks begin."""
        return range(0, len(self), ROWS_A_TASK)


def ask(matrix: PriceMatrix, chain: Chain, pool: ThreadPoolExecutor) -> Question:
    """Encode a matrix so that its pairs can be tested by the match rule of a chain."""
    roots, ranges = matrix.catalogue.roots, matrix.ranges()
    return Question(
        chain,
        encode(matrix.price, roots, pool),
        None if matrix.regular is None else encode(matrix.regular, roots, pool),
        ranges.astype(np.float32),
        matrix.complete.astype(np.float32),
        matrix.known.astype(np.float32),
        critical_counts(chain, int(ranges.max(initial=0))),
    )


def critical_counts(chain: Chain, most: int) -> Counts:
    """Return for 0 … ``most`` shared skus of a category with how many different ones it fails by itself."""
    critical = np.full(most + 1, NEVER, np.int32)
    different = chain.category_min_different
    for shared in range(chain.category_min_shared, most + 1):
        while (
            different <= shared and binomial_tail(different, shared, chain.category_error_rate) >= chain.category_tail
        ):
            different += 1  # more shared skus never need fewer different ones
        if different <= shared:
            critical[shared] = different
    return critical


def answer(question: Question, first: int) -> Overlaps:
    """Return the True Overlap of the rows from ``first`` on (one task's) with all later ones, 0 where it is no match.

    A match is what ``grouping.references.same_list`` finds: the same range, most of what is known of both, and the
    match rule in one of its two clauses.
    """
    chain, rows = question.chain, len(question)
    last = min(first + ROWS_A_TASK, rows)
    shared, equal = (np.zeros((last - first, rows), np.int32) for _ in range(2))
    _count(question.price, first, last, shared, equal)
    comparable = _comparable(question, first, last, shared)
    overlap = equal / np.maximum(shared, 1)
    few = shared - equal < chain.category_min_different
    found: Mask = comparable & (few | (overlap >= chain.true_overlap))
    _test(question.price, question.critical, first, last, found)
    if question.regular is not None:
        by_regular = comparable & ~found & (overlap >= PROMOTED_OVERLAP)
        if by_regular.any():
            _count(question.regular, first, last, shared, equal)
            by_regular &= equal / np.maximum(shared, 1) >= REGULAR_OVERLAP
            _test(question.regular, question.critical, first, last, by_regular)
            found |= by_regular
    return np.where(found, overlap, 0).astype(np.float32)


def _comparable(question: Question, first: int, last: int, shared: Counts) -> Mask:
    """Which of the later rows have the same range as each row, in most of what is known of both."""
    chain, later = question.chain, slice(first, None)
    range_a = question.ranges[first:last] @ question.complete[later].T
    range_b = question.complete[first:last] @ question.ranges[later].T
    smaller = np.maximum(np.minimum(range_a, range_b).astype(np.float64), 1)
    found = np.zeros(shared.shape, bool)
    found[:, later] = (
        np.triu(shared[:, later] >= max(chain.min_shared_skus, 1), 1)
        & (shared[:, later] / smaller >= chain.range_overlap)
        & (range_a >= MIN_COMPARABLE_SHARE * question.known[first:last, None])
        & (range_b >= MIN_COMPARABLE_SHARE * question.known[later])
    )
    return found


def _test(encoded: Encoded, critical: Counts, first: int, last: int, tested: Mask) -> None:
    """Leave in ``tested`` the pairs of which every testable category holds."""
    from grouping import pair_loops as loops  # noqa: PLC0415 - compiled code, only where it is called

    few = encoded.starts, encoded.entries, encoded.holders
    roots = encoded.root_of_shown, encoded.root_of_alike, encoded.root_of_holder
    loops.test_rows(encoded.shown, encoded.alike, encoded.planes, *few, *roots, critical, first, last, tested)


def matches(question: Question, answers: Iterable[Overlaps]) -> Overlaps:
    """Put the answers to all tasks together: a symmetric matrix, 0 where two rows do not match."""
    rows = len(question)
    found = np.zeros((rows, rows), np.float32)
    for first, block in zip(question.tasks(), answers, strict=True):
        found[first : first + len(block)] = block
    for first in question.tasks():
        last = min(first + ROWS_A_TASK, rows)
        found[first:last, first:last] += found[first:last, first:last].T
        found[last:, first:last] = found[first:last, last:].T
    return found
