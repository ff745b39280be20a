"""All pairs of price lists: exact shared and equal counts, beside BLAS and a loop over rows.

::

    python -m benchmarks.overlap compare           # 3,000 stores by 15,000 skus, three markets, against both references
    python -m benchmarks.overlap growth            # up to 10,000 stores by 20,000 skus

Stores follow 12 price lists, differ from theirs in 0.5 % of the skus and lack 15 % of them; lists differ from the
first one in a share of the skus, by up to a fifth of the price. Everything from the int32 matrix in memory to both
counts is timed, encoding included; compiled loops are compiled before, on a small matrix. The references:

`growth` also times what `splitcart group reanalyse` asks: which pairs match by the match rule, in every category.

one-hot: for each price code (the rank of a price among those of its sku), a float32 matrix that says who has it, times
itself; skus of which only one store has that code are left out. Presence likewise.

rows: each row against all later rows, in numpy, on some rows; the time of all pairs is extrapolated.
"""

import argparse
import os
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context

import msgspec
import numpy as np
from numpy.typing import NDArray

from grouping.answering import answer_here
from grouping.cover import star_cover
from grouping.encoding import encode
from grouping.matrix import PriceMatrix
from grouping.overlap import Catalogue
from grouping.pairs import ask, count_pairs, matches, threads
from splitcart.config import get_chain

LISTS, DEVIATING, MISSING, CATEGORIES = 12, 0.005, 0.15, 20
MARKETS = {"alike": 0.02, "by region": 0.1, "unlike": 1.0}  # how much lists differ from the first one
RANDOM = [(10, 3_000, 15_000), (100, 1_000, 5_000), (1_000, 1_000, 5_000)]  # distinct prices of a sku, stores, skus
SIZES = [(1_000, 15_000), (3_000, 15_000), (10_000, 15_000), (10_000, 20_000)]
ROWS_MEASURED = 60
CHECKED = 2_000

Matrix = NDArray[np.int32]


def market(stores: int, skus: int, differing: float) -> Matrix:
    """Stores that follow lists."""
    rng = np.random.default_rng(1)
    base = rng.integers(50, 5000, skus).astype(np.int32)
    lists = np.tile(base, (LISTS, 1))
    other = rng.random(lists.shape) < differing
    other[0] = False
    lists[other] = lists[other] * rng.choice([0.8, 0.9, 1.05, 1.1, 1.2], other.sum())
    price = np.empty((stores, skus), np.int32)
    for i in range(stores):
        row = lists[rng.integers(LISTS)].copy()
        own = rng.random(skus) < DEVIATING
        row[own] = row[own] * rng.uniform(0.5, 1.5, own.sum())
        row[rng.random(skus) < MISSING] = -1
        price[i] = row
    return price


def random_prices(stores: int, skus: int, distinct: int) -> Matrix:
    """Stores that follow nothing."""
    rng = np.random.default_rng(1)
    price = rng.integers(0, distinct, (stores, skus), dtype=np.int32)
    price[rng.random(price.shape, dtype=np.float32) < MISSING] = -1
    return price


def by_bits(price: Matrix) -> tuple[float, float, NDArray[np.integer], NDArray[np.integer]]:
    """Count as grouping does; return seconds of encoding and of counting, and the counts."""
    roots = np.arange(price.shape[1]) % CATEGORIES
    with threads() as pool:
        begin = time.perf_counter()
        encoded = encode(price, roots, pool)
        between = time.perf_counter()
        shared, equal = count_pairs(encoded, len(price), pool)
        return between - begin, time.perf_counter() - between, shared, equal


def by_one_hot(price: Matrix) -> tuple[float, float, NDArray[np.floating], NDArray[np.floating]]:
    """Count by one-hot matrices and BLAS."""
    begin = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # numpy's sort lets the other thread work
        codes = np.column_stack(list(pool.map(_codes, price.T, chunksize=64)))
    between = time.perf_counter()
    shown = (price >= 0).astype(np.float32)
    shared = shown @ shown.T
    equal = np.zeros_like(shared)
    for code in range(int(codes.max()) + 1):
        has = codes == code
        dense = np.ascontiguousarray(has[:, has.any(axis=0)]).astype(np.float32)
        equal += dense @ dense.T
    return between - begin, time.perf_counter() - between, shared, equal


def _codes(column: Matrix) -> NDArray[np.int16]:
    values, place, count = np.unique(column, return_inverse=True, return_counts=True)
    count[values < 0] = 0
    rank = np.empty(len(values), np.int16)
    rank[np.argsort(-count, kind="stable")] = np.arange(len(values))
    rank[count < 2] = -1
    return rank[place]


def by_rows(price: Matrix) -> float:
    """Seconds that rows against rows take for all pairs, extrapolated from some rows."""
    rows = np.linspace(0, len(price) - 2, min(ROWS_MEASURED, len(price) - 1)).astype(int)
    both, same = np.empty(price.shape, bool), np.empty(price.shape, bool)  # without them malloc dominates
    pairs, begin = 0, time.perf_counter()
    for i in rows:
        rest = price[i + 1 :]
        p, q = both[: len(rest)], same[: len(rest)]
        np.logical_and(np.greater_equal(rest, 0, out=p), price[i] >= 0, out=p)
        p.sum(axis=1)
        np.logical_and(np.equal(rest, price[i], out=q), p, out=q)
        q.sum(axis=1)
        pairs += len(rest)
    return (time.perf_counter() - begin) / pairs * len(price) * (len(price) - 1) / 2


def compare(stores: int, skus: int) -> None:
    """Print a table: these counts beside both references, in the same process; all counts are checked to be equal."""
    _compile()
    print("Seconds of wall time; the best of three rounds beside one of each reference.")
    print("| market | encode | count | together | one-hot: codes | products | together | by | rows | by |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, differing in MARKETS.items():
        _compare(f"{name}, {stores:,} by {skus:,}", market(stores, skus, differing))
    for distinct, rows, columns in RANDOM:
        _compare(f"random, {distinct:,} prices, {rows:,} by {columns:,}", random_prices(rows, columns, distinct))


def _compare(name: str, price: Matrix) -> None:
    rounds = [by_bits(price) for _ in range(3)]
    encoding, counting, shared, equal = min(rounds, key=lambda each: each[0] + each[1])
    codes, products, shared_too, equal_too = by_one_hot(price)
    if (shared != shared_too).any() or (np.triu(equal, 1) != np.triu(equal_too, 1)).any():
        raise AssertionError(f"{name}: the counts differ")
    rows, mine, theirs = by_rows(price), encoding + counting, codes + products
    print(
        f"| {name} | {encoding:.2f} | {counting:.2f} | **{mine:.2f}** | {codes:.2f} | {products:.2f} | **{theirs:.2f}**"
        f" | {theirs / mine:.1f} | {rows:.0f} | {rows / mine:.0f} |",
        flush=True,
    )


def growth() -> None:
    """Print time and memory of each size, of counting and of the match rule, each in a process of its own."""
    print(
        "| stores | skus | matrix MB | encode s | count s | together s | ns a pair | peak MB | match rule s | peak MB |"
    )
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for stores, skus in SIZES:
        with get_context("spawn").Pool(1) as pool:
            encoding, counting, peak = pool.apply(_grown, (stores, skus))
        with get_context("spawn").Pool(1) as pool:
            matching, peak_of_matching = pool.apply(_matched, (stores, skus))
        nanoseconds = (encoding + counting) / (stores * (stores - 1) / 2) * 1e9
        print(
            f"| {stores:,} | {skus:,} | {stores * skus * 4 / 1e6:,.0f} | {encoding:.2f} | {counting:.2f} |"
            f" **{encoding + counting:.2f}** | {nanoseconds:.0f} | {peak:,.0f} | {matching:.2f} |"
            f" {peak_of_matching:,.0f} |",
            flush=True,
        )


def _grown(stores: int, skus: int) -> tuple[float, float, float]:
    _compile()
    price = market(stores, skus, MARKETS["by region"])
    encoding, counting, shared, equal = by_bits(price)
    rng = np.random.default_rng(2)
    for i, j in rng.integers(0, stores, (CHECKED, 2)):
        both = (price[i] >= 0) & (price[j] >= 0)
        if shared[i, j] != both.sum() or equal[i, j] != (both & (price[i] == price[j])).sum():
            raise AssertionError(f"rows {i} and {j} are counted wrongly")
    return encoding, counting, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def _matched(stores: int, skus: int) -> tuple[float, float]:
    """Seconds from the matrix to all matches in all categories, and MB; ranges count as one, whatever is missing."""
    chain = msgspec.structs.replace(get_chain("coles"), range_overlap=0.5)
    catalogue = Catalogue({sku: sku % CATEGORIES for sku in range(skus)})
    seconds = 0.0
    for rows in (70, stores):  # first a few, to compile
        price = market(rows, skus, MARKETS["by region"])
        known, complete = (price >= 0).sum(axis=1), np.ones((rows, CATEGORIES), bool)
        lists = PriceMatrix(catalogue, tuple(range(rows)), price, None, complete, known)
        begin = time.perf_counter()
        with threads() as pool:
            question = ask(lists, chain, pool)
        found = matches(question, answer_here(question))
        seconds = time.perf_counter() - begin
        if rows == stores and len(star_cover(found)) != LISTS:
            raise AssertionError("the stars are not the lists")
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def _compile() -> None:
    for price in (market(70, 200, 1.0), random_prices(70, 200, 50)):
        by_bits(price)


def main() -> None:
    """Run one of the measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["compare", "growth"])
    parser.add_argument("--stores", type=int, default=3_000)
    parser.add_argument("--skus", type=int, default=15_000)
    given = parser.parse_args()
    if given.what == "compare":
        compare(given.stores, given.skus)
    elif given.what == "growth":
        growth()


if __name__ == "__main__":
    main()
