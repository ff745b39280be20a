"""The price lists of all stores of a company as one matrix; pure."""

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from grouping.overlap import Catalogue, PriceList

Prices = NDArray[np.int32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PriceMatrix:
    """Prices in cents by store and sku of the catalogue, -1 where a store does not show it, or not completely.

    ``regular`` are the prices without specials (None: no store has any), ``complete`` tells the root categories that
    each store's row is complete in, ``known`` how many skus are known of it in all, of whatever date.
    """

    catalogue: Catalogue
    store_ids: tuple[int, ...]  # row ids, in the order of the chain's own ids
    price: Prices
    regular: Prices | None
    complete: Mask  # stores by categories
    known: NDArray[np.int64]

    def __len__(self) -> int:
        """How many stores."""
        return len(self.store_ids)

    def price_list(self, row: int) -> PriceList:
        """One store's price list."""
        regular = self.price if self.regular is None else self.regular
        return PriceList(self.catalogue, self.price[row], regular[row], self.complete[row])

    def ranges(self) -> NDArray[np.int32]:
        """How many skus each store shows in each root category (stores by categories)."""
        roots, categories = self.catalogue.roots, self.complete.shape[1]
        shown = (np.bincount(roots[row >= 0], minlength=categories) for row in self.price)
        return np.array(list(shown), dtype=np.int32).reshape(len(self), categories)

    def distinct(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows of which no earlier one is identical, and for each row the place of its like among these.

        Identical is what has the same fingerprint: the same prices and regular prices in the same complete categories.
        """
        first: dict[bytes, int] = {}
        like = np.empty(len(self), dtype=np.int64)
        rows: list[int] = []
        for row in range(len(self)):
            place = first.setdefault(self._fingerprint(row), len(rows))
            like[row] = place
            if place == len(rows):
                rows.append(row)
        return np.array(rows, dtype=np.int64), like

    def rows(self, rows: NDArray[np.int64]) -> "PriceMatrix":
        """The same matrix of some rows only."""
        if len(rows) == len(self):
            return self
        regular = None if self.regular is None else self.regular[rows]
        store_ids = tuple(self.store_ids[row] for row in rows.tolist())
        return PriceMatrix(self.catalogue, store_ids, self.price[rows], regular, self.complete[rows], self.known[rows])

    def _fingerprint(self, row: int) -> bytes:
        digest = blake2b(self.price[row].tobytes(), digest_size=16)
        if self.regular is not None:
            digest.update(self.regular[row].tobytes())
        digest.update(self.complete[row].tobytes())
        digest.update(self.known[row].tobytes())
        return digest.digest()
