"""The standing offers of many stores at once, from the database into a matrix."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from grouping.matrix import PriceMatrix
from grouping.offers import price_table
from grouping.overlap import UNPRICED, Catalogue
from splitcart.database.arrays import int_arrays
from splitcart.database.models import StoreCategory

STORES_AT_ONCE = 16


def read_matrix(
    session: Session,
    catalogue: Catalogue,
    store_ids: Sequence[int],
    window: timedelta,
    silent: Mapping[int, Collection[int]] | None = None,
) -> PriceMatrix:
    """Return the price lists of covered stores (row ids) as ``grouping.snapshots.Snapshots.of_store`` gives each.

    A row holds the categories that were covered within ``window`` before the store's newest coverage, without those in
    which it is ``silent``. Beyond the matrix, memory does not grow with the number of stores.
    """
    every, recent = _coverage(session, catalogue, store_ids, window, silent or {})
    shape = len(store_ids), len(catalogue.sku_ids)
    price, regular = np.full(shape, UNPRICED, np.int32), None
    known = np.zeros(len(store_ids), np.int64)
    row_of = {store_id: row for row, store_id in enumerate(store_ids)}
    place = np.full(int(catalogue.sku_ids.max(initial=-1)) + 1, -1, np.int64)
    place[catalogue.sku_ids] = np.arange(shape[1])
    usual = sa.func.coalesce(price_table.c.was_cents, price_table.c.price_cents)
    for begin in range(0, len(store_ids), STORES_AT_ONCE):
        query = sa.select(price_table.c.store_id, price_table.c.sku_id, price_table.c.price_cents, usual).where(
            price_table.c.store_id.in_(store_ids[begin : begin + STORES_AT_ONCE]), price_table.c.left_at.is_(None)
        )
        for store_id, (sku_ids, prices, usual_prices) in int_arrays(session, query):
            row = row_of[store_id]
            at = np.where(sku_ids < len(place), place[np.minimum(sku_ids, len(place) - 1)], -1)
            covered = (at >= 0) & every[row, catalogue.roots[at]]
            known[row] = covered.sum()
            shown = covered & recent[row, catalogue.roots[at]]
            price[row, at[shown]] = prices[shown]
            if regular is None and (prices[shown] != usual_prices[shown]).any():
                regular = price.copy()
            if regular is not None:
                regular[row, at[shown]] = usual_prices[shown]
    return PriceMatrix(catalogue, tuple(store_ids), price, regular, recent, known)


def _coverage(
    session: Session,
    catalogue: Catalogue,
    store_ids: Sequence[int],
    window: timedelta,
    silent: Mapping[int, Collection[int]],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which categories (stores by categories) were ever covered, and which of them within the window of the newest."""
    covered_at: dict[int, dict[int, datetime]] = {}
    query = sa.select(StoreCategory.store_id, StoreCategory.category_id, StoreCategory.covered_at)
    for store_id, category_id, at in session.execute(query.where(StoreCategory.store_id.in_(store_ids))):
        covered_at.setdefault(store_id, {})[category_id] = at
    place = {category_id: column for column, category_id in enumerate(catalogue.category_ids.tolist())}
    every, recent = (np.zeros((len(store_ids), len(place)), dtype=bool) for _ in range(2))
    for row, store_id in enumerate(store_ids):
        seen = covered_at.get(store_id, {})
        newest = max(seen.values(), default=None)
        for category_id in seen.keys() & place.keys() - set(silent.get(store_id, ())):
            every[row, place[category_id]] = True
            recent[row, place[category_id]] = newest is not None and seen[category_id] >= newest - window
    return every, recent
