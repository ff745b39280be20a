"""True Overlap and Range Overlap of two price lists; pure.

A company's skus stand once in a ``Catalogue``; each price list is a row of prices against it, so that a comparison is a
few array operations and hundreds of stores can be compared with each other.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_SKUS_LISTED = 50
UNPRICED = -1

Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Catalogue:
    """The skus that price lists speak of, each in its root category; ids of both are the caller's."""

    def __init__(self, root_of: Mapping[int, int]) -> None:
        """Take the root category of each sku."""
        self.sku_ids = np.array(sorted(root_of), dtype=np.int64)
        self.category_ids = np.array(sorted(set(root_of.values())), dtype=np.int64)
        roots = np.array([root_of[sku_id] for sku_id in self.sku_ids.tolist()], dtype=np.int64)
        self.roots = np.searchsorted(self.category_ids, roots)
        self._parts: dict[int, Catalogue] = {}

    def within(self, category_id: int) -> "Catalogue":
        """Return the catalogue of one root category alone, the same each time."""
        if category_id not in self._parts:
            self._parts[category_id] = self._part(category_id)
        return self._parts[category_id]

    def _part(self, category_id: int) -> "Catalogue":
        kept = self.category_ids[self.roots] == category_id
        return Catalogue(dict.fromkeys(self.sku_ids[kept].tolist(), category_id))

    def price_list(
        self, prices: Mapping[int, int], complete: Collection[int], was: Mapping[int, int] | None = None
    ) -> "PriceList":
        """Return a list of ``prices`` (cents by sku id) that is complete in those root categories.

        ``was`` gives the regular price of the skus that are on special.
        """
        was = was or {}
        rows = [(sku_id, price, was.get(sku_id, price)) for sku_id, price in prices.items()]
        return self.price_list_of_rows(np.array(rows, dtype=np.int64).reshape(-1, 3).T, complete)

    def places(self, sku_ids: NDArray[Any]) -> NDArray[np.int64]:
        """Return where skus stand in the catalogue, -1 for those outside it."""
        at = np.searchsorted(self.sku_ids, sku_ids)
        known = np.append(self.sku_ids, -1)[at] == sku_ids
        return np.where(known, at, -1)

    def price_list_of_rows(self, rows: NDArray[Any], complete: Collection[int]) -> "PriceList":
        """Return a list made of an array of sku ids, prices and regular prices (3 x skus).

        Skus outside the catalogue are left out.
        """
        at = self.places(rows[0])
        inside = at >= 0
        price, regular = (np.full(len(self.sku_ids), UNPRICED, dtype=np.int32) for _ in range(2))
        price[at[inside]], regular[at[inside]] = rows[1][inside], rows[2][inside]
        return PriceList(self, price, regular, np.isin(self.category_ids, np.array(sorted(complete), dtype=np.int64)))


class PriceList:
    """One store's (or group's) prices in the root categories that were seen completely; cents, -1 where unpriced."""

    def __init__(
        self, catalogue: Catalogue, price: NDArray[np.int32], regular: NDArray[np.int32], complete: Mask
    ) -> None:
        """Keep the prices of complete categories only; a partial category says nothing."""
        self.catalogue = catalogue
        self.complete = complete
        known = complete[catalogue.roots] if len(complete) else np.zeros(len(price), dtype=bool)
        self.price = np.where(known, price, UNPRICED).astype(np.int32)
        self.regular = np.where(known, regular, UNPRICED).astype(np.int32)
        self.shown: Mask = self.price >= 0

    @cached_property
    def completed(self) -> frozenset[int]:
        """The root categories (ids) that were seen completely."""
        return frozenset(self.catalogue.category_ids[self.complete].tolist())

    @cached_property
    def range_in(self) -> Counts:
        """How many skus it shows in each root category of the catalogue."""
        return np.bincount(self.catalogue.roots[self.shown], minlength=len(self.complete))

    @cached_property
    def size(self) -> int:
        """How many skus it shows."""
        return int(self.shown.sum())

    @cached_property
    def has_regular(self) -> bool:
        """Whether any sku has a regular price beside its ticket price."""
        return bool((self.price != self.regular).any())

    def without(self, category_ids: Collection[int]) -> "PriceList":
        """The same list, silent on these root categories."""
        if not category_ids:
            return self
        left_out = np.isin(self.catalogue.category_ids, np.array(sorted(category_ids), dtype=np.int64))
        return PriceList(self.catalogue, self.price, self.regular, self.complete & ~left_out)

    def completed_by(self, other: "PriceList") -> "PriceList":
        """The same list, with the other's prices in the categories that only the other completed."""
        if not (other.complete & ~self.complete).any():
            return self
        own = self.complete[self.catalogue.roots]
        price, regular = np.where(own, self.price, other.price), np.where(own, self.regular, other.regular)
        return PriceList(self.catalogue, price, regular, self.complete | other.complete)

    def same_offer(self, other: "PriceList") -> Mask:
        """Which skus both show, at the same price and the same regular price."""
        same: Mask = self.shown & (self.price == other.price) & (self.regular == other.regular)
        return same


@dataclass(frozen=True, eq=False)
class Comparison:
    """What two price lists have in common, over the categories complete on both sides; counts of skus."""

    shared: int
    equal: int
    regular_equal: int | None  # None: neither list has regular prices beside its ticket prices
    range_a: int
    range_b: int
    category_ids: Counts
    shared_in: Counts  # by category, like the three below
    different_in: Counts
    regular_different_in: Counts
    different_skus: Counts  # ids of all that differ

    @property
    def true_overlap(self) -> float:
        """Share of shared skus with exactly the same price; 0 when none is shared."""
        return self.equal / self.shared if self.shared else 0.0

    @property
    def regular_overlap(self) -> float:
        """Share of shared skus with the same regular price; 0 when there are no regular prices."""
        return self.regular_equal / self.shared if self.shared and self.regular_equal is not None else 0.0

    @property
    def range_overlap(self) -> float:
        """Shared skus by the smaller range; 0 when one of them is empty."""
        smaller = min(self.range_a, self.range_b)
        return self.shared / smaller if smaller else 0.0

    @property
    def differing_skus(self) -> tuple[int, ...]:
        """At most ``MAX_SKUS_LISTED`` of the skus whose price differs."""
        return tuple(self.different_skus[:MAX_SKUS_LISTED].tolist())

    def differing_categories(self) -> dict[int, tuple[int, int]]:
        """(shared, different) of each category in which any price differs."""
        at = np.flatnonzero(self.different_in)
        return {int(self.category_ids[i]): (int(self.shared_in[i]), int(self.different_in[i])) for i in at.tolist()}


def compare(a: PriceList, b: PriceList, only: Mask | None = None) -> Comparison:
    """Compare two lists of one catalogue; ``only`` restricts the comparison to some of its skus."""
    if a.catalogue is not b.catalogue:
        raise ValueError("price lists of different catalogues cannot be compared")
    roots, categories = a.catalogue.roots, len(a.complete)
    both = a.shown & b.shown
    if only is None:
        range_a, range_b = int(a.range_in[b.complete].sum()), int(b.range_in[a.complete].sum())
    else:
        both = both & only
        range_a, range_b = int((a.shown & only).sum()), int((b.shown & only).sum())
    different = both & (a.price != b.price)
    with_regular = a.has_regular or b.has_regular
    regular_different = both & (a.regular != b.regular) if with_regular else different
    shared = int(both.sum())
    return Comparison(
        shared=shared,
        equal=shared - int(different.sum()),
        regular_equal=shared - int(regular_different.sum()) if with_regular else None,
        range_a=range_a,
        range_b=range_b,
        category_ids=a.catalogue.category_ids,
        shared_in=np.bincount(roots[both], minlength=categories),
        different_in=np.bincount(roots[different], minlength=categories),
        regular_different_in=np.bincount(roots[regular_different], minlength=categories),
        different_skus=a.catalogue.sku_ids[different],
    )
