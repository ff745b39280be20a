"""The compiled inner loops of ``grouping.pairs``; numba keeps them compiled.

They release the interpreter's lock, so that threads share the work. Import this module only where it is called: that
takes a third of a second.
"""

from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from grouping.encoding import ROWS_AT_ONCE

TILE = 32  # rows whose words stay in the processor's cache while others are compared with them
HOLDERS_AT_ONCE = 65536  # in the same cache

Words = NDArray[np.uint64]
Ints = NDArray[np.int32]


def _count_bits(_context: Any, word: Any) -> Any:
    def generate(_typing: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(word), generate


_popcount: Any = intrinsic(_count_bits)


@njit(nogil=True, cache=True)
def _both(words: Words, i: int, j: int) -> tuple[np.int64, np.int64, np.int64, np.int64]:
    """Count the bits that row i has in common with each of the rows j … j + 3."""
    first, second, third, fourth = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
    for w in range(words.shape[1]):
        word = words[i, w]
        first += _popcount(word & words[j, w])
        second += _popcount(word & words[j + 1, w])
        third += _popcount(word & words[j + 2, w])
        fourth += _popcount(word & words[j + 3, w])
    return np.int64(first), np.int64(second), np.int64(third), np.int64(fourth)


@njit(nogil=True, cache=True)
def _both_but_unlike(alike: Words, planes: Words, i: int, j: int, unlike: Words) -> np.int64:
    """Count the shared bits for many common prices at which the planes tell the two rows apart."""
    found = np.uint64(0)
    for w in range(planes.shape[2]):
        unlike[w] = planes[i, 0, w] ^ planes[j, 0, w]
    for p in range(1, planes.shape[1]):
        for w in range(planes.shape[2]):
            unlike[w] |= planes[i, p, w] ^ planes[j, p, w]
    for w in range(planes.shape[2]):
        found += _popcount(alike[i, w] & alike[j, w] & unlike[w])
    return np.int64(found)


@njit(nogil=True, cache=True)
def count_rows(
    shown: Words,
    alike: Words,
    planes: Words,
    starts: NDArray[np.int64],
    entries: Ints,
    holders: Ints,
    first: int,
    last: int,
    shared: Ints,
    equal: Ints,
) -> None:
    """Count for the rows ``first`` … ``last`` against all later ones; the counts are arrays (last - first, rows).

    The words are of a multiple of ``ROWS_AT_ONCE`` rows, of which those beyond the counts' are empty.
    """
    rows = shared.shape[1]
    unlike = np.empty(planes.shape[2], np.uint64)
    for begin in range(first // ROWS_AT_ONCE * ROWS_AT_ONCE, rows, TILE):
        for i in range(first, min(last, begin + TILE)):
            for j in range(max((i + 1) // ROWS_AT_ONCE * ROWS_AT_ONCE, begin), min(begin + TILE, rows), ROWS_AT_ONCE):
                both, same = _both(shown, i, j), _both(alike, i, j)
                for k in range(max(i + 1 - j, 0), min(ROWS_AT_ONCE, rows - j)):
                    shared[i - first, j + k], equal[i - first, j + k] = both[k], same[k]
                    if planes.shape[1]:
                        equal[i - first, j + k] -= _both_but_unlike(alike, planes, i, j + k, unlike)
    _add_few(starts, entries, holders, first, last, equal)


@njit(nogil=True, cache=True)
def _add_few(starts: NDArray[np.int64], entries: Ints, holders: Ints, first: int, last: int, equal: Ints) -> None:
    """Add the pairs of rows that share a price of a few; part after part of ``holders``, so that it stays in cache."""
    at = starts[first:last].copy()
    for limit in range(HOLDERS_AT_ONCE, len(holders) + HOLDERS_AT_ONCE, HOLDERS_AT_ONCE):
        for i in range(first, last):
            while at[i - first] < starts[i + 1] and entries[at[i - first]] < limit:
                position = entries[at[i - first]]
                at[i - first] += 1
                while holders[position] >= 0:
                    position += 1
                    other = holders[position]
                    equal[i - first, other if other >= 0 else ~other] += 1


@njit(nogil=True, cache=True)
def test_rows(
    shown: Words,
    alike: Words,
    planes: Words,
    starts: NDArray[np.int64],
    entries: Ints,
    holders: Ints,
    root_of_shown: Ints,
    root_of_alike: Ints,
    root_of_holder: Ints,
    critical: Ints,
    first: int,
    last: int,
    tested: NDArray[np.bool_],
) -> None:
    """Of the pairs that are marked in ``tested`` (last - first, rows), leave those of which every category holds.

    A category of n shared columns fails with ``critical[n]`` different ones or more; ``root_of_…`` tell the category
    of each word, and of each cell of a price that a few share.
    """
    rows, roots = tested.shape[1], root_of_shown.max() + 1
    few = np.empty((rows, roots), np.int32)
    different = np.empty(roots, np.int32)
    shared = np.empty(roots, np.int32)
    for i in range(first, last):
        if not tested[i - first].any():
            continue
        few[:] = 0
        _count_few(entries[starts[i] : starts[i + 1]], holders, root_of_holder, few)
        for j in range(i + 1, rows):
            if tested[i - first, j]:
                shared[:] = 0
                _add_shared(shown, i, j, root_of_shown, shared)
                different[:] = shared - few[j]
                _take_equal(alike, planes, i, j, root_of_alike, different)
                tested[i - first, j] = not (different >= critical[shared]).any()


@njit(nogil=True, cache=True)
def _count_few(entries: Ints, holders: Ints, root_of_holder: Ints, few: Ints) -> None:
    """Count by row and category which prices that only a few share a row has in common with later ones."""
    for entry in entries:
        position = entry
        while holders[position] >= 0:
            position += 1
            other = holders[position]
            few[other if other >= 0 else ~other, root_of_holder[position]] += 1


@njit(nogil=True, cache=True)
def _add_shared(shown: Words, i: int, j: int, roots: Ints, shared: Ints) -> None:
    for w in range(len(roots)):
        shared[roots[w]] += _popcount(shown[i, w] & shown[j, w])


@njit(nogil=True, cache=True)
def _take_equal(alike: Words, planes: Words, i: int, j: int, roots: Ints, different: Ints) -> None:
    for w in range(len(roots)):
        both = alike[i, w] & alike[j, w]
        if w < planes.shape[2]:
            for p in range(planes.shape[1]):
                both &= ~(planes[i, p, w] ^ planes[j, p, w])
        different[roots[w]] -= _popcount(both)
