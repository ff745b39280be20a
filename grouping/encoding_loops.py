"""The compiled inner loops of ``grouping.encoding``; numba keeps them compiled.

They release the interpreter's lock, so that threads share the work. Import this module only where it is called: that
takes a third of a second.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

MISSING, LONE, FEW = 255, 254, 253  # codes of a cell, beside the ranks 0 … 127 of its column's common prices
MAX_BITS = 4  # for each of so many common prices a column may have a bit of its own …
MAX_DEPTH = 7  # … beyond which it has one bit for all of them, and in so many planes the rank of the price
PAIRS_A_BIT = 512.0  # counting so many pairs of cells one by one takes as long as one bit more of all pairs of rows
PAIRS_A_CELL = 8.0  # finding the others of one cell
PLANES_FACTOR = 1.5  # a bit in a plane takes so much longer than one that stands alone
COLUMNS_AT_ONCE = 32  # of int32: two lines of the processor's cache

Words = NDArray[np.uint64]
Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]
Costs = NDArray[np.float64]


@njit(nogil=True, cache=True)
def _number_prices(column: Ints, table: Ints, slots: Ints, place: Ints, count: Ints, number: Ints) -> int:
    """Give each distinct price of a column a number in order of appearance (missing: -1), and count them.

    ``table`` (a power of two, all -1) and ``slots`` are scratch; ``table`` is left as it was.
    """
    mask, distinct = len(table) - 1, 0
    last_price, last_number = np.int32(-1), np.int32(-1)
    for i in range(len(column)):
        price = column[i]
        if price < 0:
            number[i] = -1
            continue
        if price != last_price:
            at = (np.int64(price) * 40503) & mask
            while table[at] >= 0 and table[at] != price:
                at = (at + 1) & mask
            if table[at] < 0:
                table[at], slots[at] = price, distinct
                place[distinct], count[distinct] = at, 0
                distinct += 1
            last_price, last_number = price, slots[at]
        number[i] = last_number
        count[last_number] += 1
    for each in range(distinct):
        table[place[each]] = -1
    return distinct


@njit(nogil=True, cache=True)
def _one_by_one(count: int) -> float:
    """The cost of counting the pairs of so many rows one by one; of one row there is none."""
    return PAIRS_A_CELL * count + count * (count - 1) / 2 if count > 1 else 0.0


@njit(nogil=True, cache=True)
def _choose_bits(count: Ints, order: NDArray[np.int64], rows: int, costs: Costs) -> int:
    """How many bits of its own a column takes at least cost; ``costs`` become those of a shared one, by depth.

    A cost is that of all the pairs of rows, in pairs of cells that are counted one by one.
    """
    bit = rows * (rows - 1) / 2 / PAIRS_A_BIT
    left = 0.0
    for rank in range(len(order)):
        left += _one_by_one(count[order[rank]])
    best, cheapest, rank = 1, np.inf, 0
    for bits in range(1, min(MAX_BITS, max(len(order), 1)) + 1):
        if rank < len(order):
            left -= _one_by_one(count[order[rank]])
            rank += 1
        if left + bits * bit < cheapest:
            best, cheapest = bits, left + bits * bit
    costs[0] = cheapest
    for depth in range(1, MAX_DEPTH + 1):
        while rank < min(1 << depth, len(order)):
            left -= _one_by_one(count[order[rank]])
            rank += 1
        costs[depth] = left + (1 + PLANES_FACTOR * depth) * bit if 1 << depth > MAX_BITS else np.inf
    return best


@njit(nogil=True, cache=True)
def weigh_depths(price: Ints, columns: NDArray[np.int64]) -> Costs:
    """Return what these columns cost together for each number of planes, each column in its cheaper form."""
    rows = len(price)
    table, slots, place, count, number, _ = _scratch(rows)
    total, costs = np.zeros(MAX_DEPTH + 1), np.empty(MAX_DEPTH + 1)
    for column in columns:
        distinct = _number_prices(price[:, column].copy(), table, slots, place, count, number)
        _choose_bits(count, np.argsort(-count[:distinct]), rows, costs)
        for depth in range(MAX_DEPTH + 1):
            total[depth] += min(costs[0], costs[depth])
    return total


@njit(nogil=True, cache=True)
def _scratch(rows: int) -> tuple[Ints, Ints, Ints, Ints, Ints, Ints]:
    size = 4
    while size < 2 * rows:
        size *= 2
    return (
        np.full(size, -1, np.int32),
        np.empty(size, np.int32),
        np.empty(rows, np.int32),
        np.empty(rows, np.int32),
        np.empty(rows, np.int32),
        np.empty(rows, np.int32),
    )


@njit(nogil=True, cache=True)
def encode_columns(price: Ints, first: int, last: int, depth: int, codes: Bytes, bits: Bytes) -> tuple[Ints, Ints]:
    """Encode the columns ``first`` … ``last``: ``codes`` of all cells, by column, and ``bits`` of each column.

    A column has so many bits of its own, or 0: one shared bit and ``depth`` planes. Returns the cells whose price is
    not common but shared by a few, price by price: their rows (ascending, the last one of each price as ~row) and their
    columns.
    """
    rows = len(price)
    table, slots, place, count, number, code = _scratch(rows)
    costs = np.empty(MAX_DEPTH + 1)
    block = np.empty((COLUMNS_AT_ONCE, rows), np.int32)
    holders, columns, held = np.empty(4 * rows, np.int32), np.empty(4 * rows, np.int32), 0
    for begin in range(first, last, COLUMNS_AT_ONCE):
        width = min(COLUMNS_AT_ONCE, last - begin)
        for i in range(rows):
            for k in range(width):
                block[k, i] = price[i, begin + k]
        for k in range(width):
            distinct = _number_prices(block[k], table, slots, place, count, number)
            order = np.argsort(-count[:distinct])
            own = _choose_bits(count, order, rows, costs)
            bits[begin + k] = own if costs[0] <= costs[depth] else 0
            common = own if costs[0] <= costs[depth] else 1 << depth
            needed = held
            for rank in range(distinct):
                each = order[rank]
                if rank < common:
                    code[each] = rank
                elif count[each] == 1:
                    code[each] = LONE
                else:
                    code[each], place[each] = FEW, needed
                    needed += count[each]
            if needed > len(holders):
                more = np.empty(needed, np.int32)
                holders = np.concatenate((holders[:held], more))
                columns = np.concatenate((columns[:held], more))
            columns[held:needed] = begin + k
            _write_codes(number, code, codes[begin + k])
            if needed > held:
                _write_holders(number, code, count, place, holders)
            held = needed
    return holders[:held].copy(), columns[:held].copy()


@njit(nogil=True, cache=True)
def _write_codes(number: Ints, code: Ints, codes: Bytes) -> None:
    for i in range(len(number)):
        codes[i] = MISSING if number[i] < 0 else code[number[i]]


@njit(nogil=True, cache=True)
def _write_holders(number: Ints, code: Ints, count: Ints, place: Ints, holders: Ints) -> None:
    for i in range(len(number)):
        each = number[i]
        if each >= 0 and code[each] == FEW:
            count[each] -= 1
            holders[place[each]] = i if count[each] else ~i
            place[each] += 1


@njit(nogil=True, cache=True)
def write_words(codes: Bytes, first: int, last: int, columns: Ints, low: Bytes, high: Bytes, words: Words) -> None:
    """Write bits of the rows ``first`` … ``last`` (at most 64): each tells whether its column's code is in low … high.

    ``columns`` stand as the words hold them; -1 is a bit without column.
    """
    rows = last - first
    word = np.empty(64, np.uint64)
    for w in range(len(columns) // 64):
        word[:] = 0
        for bit in range(64):
            at = 64 * w + bit
            if columns[at] < 0:
                continue
            code = codes[columns[at], first:last]
            least, span, shift = low[at], high[at] - low[at], np.uint64(bit)
            for i in range(rows):
                word[i] |= np.uint64(np.uint8(code[i] - least) <= span) << shift
        for i in range(rows):
            words[first + i, w] = word[i]


@njit(nogil=True, cache=True)
def write_planes(codes: Bytes, first: int, last: int, columns: Ints, planes: Words) -> None:
    """Write the rank of the price in the rows ``first`` … ``last`` (at most 64), one of its bits in each plane."""
    rows = last - first
    word = np.empty(64, np.uint64)
    for p in range(planes.shape[1]):
        for w in range(planes.shape[2]):
            word[:] = 0
            for bit in range(64):
                column = columns[64 * w + bit]
                if column < 0:
                    continue
                code, shift = codes[column, first:last], np.uint64(bit)
                for i in range(rows):
                    word[i] |= np.uint64((code[i] >> p) & 1) << shift
            for i in range(rows):
                planes[first + i, p, w] = word[i]


@njit(nogil=True, cache=True)
def sort_by_row(holders: Ints, rows: int) -> tuple[NDArray[np.int64], Ints]:
    """Return where each row's entries start, and the entries: positions in ``holders``, ascending in each row."""
    starts = np.zeros(rows + 1, np.int64)
    for holder in holders:
        starts[(holder if holder >= 0 else ~holder) + 1] += 1
    for i in range(rows):
        starts[i + 1] += starts[i]
    entries, at = np.empty(len(holders), np.int32), starts.copy()
    for position in range(len(holders)):
        row = holders[position] if holders[position] >= 0 else ~holders[position]
        entries[at[row]] = position
        at[row] += 1
    return starts, entries
