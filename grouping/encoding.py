"""A price matrix as bits, so that pairs of price lists are counted 64 skus at a time; pure.

Work grows with what differs: a sku that nearly all stores sell at one price is one bit, and two stores compare 64 of
them at once; each further common price is a bit more; skus of many common prices share planes of bits; and a price that
only a few stores have is counted store by store.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAMPLED_COLUMNS = 256  # that tell how many planes are worth while
COLUMNS_A_TASK = 512
BITS = 64
ROWS_AT_ONCE = 4  # that one row is compared with

Prices = NDArray[np.int32]
Words = NDArray[np.uint64]
Ints = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Encoded:
    """Price lists by row as words of 64 bits, for ``grouping.kernels``; empty rows fill them up to a multiple of four.

    ``shown``: a bit for each sku that the row prices. ``alike``: a bit for each common price that it shows; the first
    words are of skus with many common prices, told apart by ``planes`` (row, plane, word). Prices of a few rows stand
    in ``holders`` (their rows, the last one of each as ~row), and ``entries[starts[i]:starts[i + 1]]`` are the places
    of row i there. ``root_of_…`` give the category of each word and of each holder.
    """

    shown: Words
    alike: Words
    planes: Words
    starts: NDArray[np.int64]
    entries: Ints
    holders: Ints
    root_of_shown: Ints
    root_of_alike: Ints
    root_of_holder: Ints


def encode(price: Prices, roots: NDArray[np.integer], pool: ThreadPoolExecutor) -> Encoded:
    """Encode prices in cents (stores by skus, -1: not shown), given the number of each sku's category, from 0.

    Counts from the encoding are exact whatever the prices are; how they are spread decides how quick it is.
    """
    from grouping import encoding_loops as loops  # noqa: PLC0415 - compiled code, only where it is called

    rows, columns = price.shape
    sample = np.unique(np.linspace(0, columns - 1, min(columns, SAMPLED_COLUMNS)).astype(np.int64))
    depth = int(np.argmin(loops.weigh_depths(price, sample)))
    codes, bits = np.empty((columns, rows), np.uint8), np.empty(columns, np.uint8)

    def columns_from(first: int) -> tuple[Ints, Ints]:
        last = min(first + COLUMNS_A_TASK, columns)
        held: tuple[Ints, Ints] = loops.encode_columns(price, first, last, depth, codes, bits)
        return held

    nothing = np.empty(0, np.int32)
    held = [(nothing, nothing), *pool.map(columns_from, range(0, columns, COLUMNS_A_TASK))]
    holders, held_in = (np.concatenate(parts) for parts in zip(*held, strict=True))
    starts, entries = loops.sort_by_row(holders, rows)

    by_root = np.argsort(roots, kind="stable").astype(np.int32)
    deep, own = by_root[bits[by_root] == 0], np.repeat(by_root, bits[by_root])
    rank = np.arange(len(own)) - np.repeat(np.cumsum(bits[by_root]) - bits[by_root], bits[by_root])
    shown_bits = _bits_of(by_root, roots, 0, loops.LONE)
    deep_bits = _bits_of(deep, roots, 0, loops.FEW - 1)
    alike_bits = deep_bits + _bits_of(own, roots, rank, rank)
    filled = -(-rows // ROWS_AT_ONCE) * ROWS_AT_ONCE
    shown, alike = (np.zeros((filled, len(words.roots)), np.uint64) for words in (shown_bits, alike_bits))
    planes = np.zeros((filled, depth if len(deep) else 0, len(deep_bits.roots)), np.uint64)

    def rows_from(first: int) -> None:
        last = min(first + BITS, rows)
        for bits_, words in ((shown_bits, shown), (alike_bits, alike)):
            loops.write_words(codes, first, last, bits_.columns, bits_.low, bits_.high, words)
        loops.write_planes(codes, first, last, deep_bits.columns, planes)

    list(pool.map(rows_from, range(0, rows, BITS)))
    root_of_holder = roots[held_in].astype(np.int32)
    return Encoded(shown, alike, planes, starts, entries, holders, shown_bits.roots, alike_bits.roots, root_of_holder)


@dataclass(frozen=True, eq=False)
class _Bits:
    """What the bits of some words tell: that the code of ``columns`` (-1: none) is in ``low`` … ``high``."""

    columns: Ints
    low: NDArray[np.uint8]
    high: NDArray[np.uint8]
    roots: Ints  # by word

    def __add__(self, other: "_Bits") -> "_Bits":
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return _Bits(*(np.concatenate(pair) for pair in pairs))


def _bits_of(
    columns: Ints, roots: NDArray[np.integer], low: NDArray[np.integer] | int, high: NDArray[np.integer] | int
) -> _Bits:
    """Lay columns, which stand in the order of their categories, into words; each category begins a new one."""
    size = np.bincount(roots[columns]) if len(columns) else np.zeros(0, np.int64)
    words = -(-size // BITS)
    shift = np.cumsum(words * BITS - size) - (words * BITS - size)
    at = np.arange(len(columns)) + np.repeat(shift, size)
    laid, least, most = (
        np.full(int(words.sum()) * BITS, -1, np.int32),
        np.zeros(int(words.sum()) * BITS, np.uint8),
        np.zeros(int(words.sum()) * BITS, np.uint8),
    )
    laid[at], least[at], most[at] = columns, low, high
    return _Bits(laid, least, most, np.repeat(np.arange(len(size)), words).astype(np.int32))
