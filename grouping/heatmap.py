"""How much any two stores have in common, ordered by group, for a picture: time is kept out of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from grouping.offers import price_table
from grouping.overlap import compare
from grouping.references import Step
from grouping.verdict import Snapshot

MOST_STORES = 100  # rows that a page can show


@dataclass(frozen=True)
class Block:
    """The rows of one group (or, ``name`` None, of stores without one) and of how many stores they are a sample."""

    name: str | None
    store_ids: tuple[str, ...]
    stores: int


@dataclass(frozen=True, eq=False)
class HeatMap:
    """True Overlap of each pair of the sampled stores, in the order of ``blocks``; NaN: it cannot be told."""

    blocks: tuple[Block, ...]
    left_out_groups: int
    overlap: NDArray[np.float64]

    @property
    def sampled(self) -> bool:
        """Whether some stores are not shown."""
        return self.left_out_groups > 0 or any(len(block.store_ids) < block.stores for block in self.blocks)

    @property
    def stores(self) -> int:
        """How many stores the rows stand for, those of groups left out not counted."""
        return sum(block.stores for block in self.blocks)


@dataclass(frozen=True, eq=False)
class _Shelf:
    """A store's standing offers, and since when (seconds) it is known to show each."""

    snapshot: Snapshot
    since: NDArray[np.int64]


def read_heat_map(
    step: Step, groups: Sequence[tuple[str | None, Sequence[int]]], most_stores: int = MOST_STORES
) -> HeatMap:
    """Compare stores pair by pair; ``groups`` are names (None: no group) with row ids of stores, to be shown in order.

    Where there are more than ``most_stores``, a sample of each group stands for it, as large as its share and two at
    least; of more groups than a quarter of that, only the first are shown. Two stores are compared on the skus
    whose offer stood still at the one seen later since the other one was seen. Where too few did, all skus are compared
    if the two were seen within the chain's window, else it cannot be told.
    """
    sampled, left_out = choose_sample([(name, list(ids)) for name, ids in groups], most_stores)
    shelves = [shelf for _, ids, _ in sampled for store_id in ids if (shelf := _read_shelf(step, store_id))]
    shown = {shelf.snapshot.store_id: position for position, shelf in enumerate(shelves)}
    overlap = np.full((len(shelves), len(shelves)), np.nan)
    np.fill_diagonal(overlap, 1.0)
    for i, j in combinations(range(len(shelves)), 2):
        overlap[i, j] = overlap[j, i] = _overlap(step, shelves[i], shelves[j])
    blocks = [
        Block(name, tuple(step.names[each] for each in ids if each in shown), stores) for name, ids, stores in sampled
    ]
    return HeatMap(tuple(block for block in blocks if block.store_ids), left_out, overlap)


def choose_sample(
    groups: Sequence[tuple[str | None, list[int]]], most: int
) -> tuple[list[tuple[str | None, list[int], int]], int]:
    """Return the groups with the stores to show and how many they have, and how many groups are left out."""
    kept = list(groups)
    if sum(len(ids) for _, ids in kept) > most:
        named = [group for group in kept if group[0] is not None]
        kept = [*named[: most // 4], *(group for group in kept if group[0] is None)]
    everyone = sum(len(ids) for _, ids in kept)
    if everyone <= most:
        return [(name, ids, len(ids)) for name, ids in kept], len(groups) - len(kept)
    least = {position: min(2, len(ids)) for position, (_, ids) in enumerate(kept)}
    free = most - sum(least.values())
    more = _shares({position: len(ids) - least[position] for position, (_, ids) in enumerate(kept)}, free)
    return [
        (name, _spread(ids, least[position] + more[position]), len(ids)) for position, (name, ids) in enumerate(kept)
    ], len(groups) - len(kept)


def _shares(weights: Mapping[int, int], seats: int) -> dict[int, int]:
    """Divide seats by weight, the largest remainders first; nobody gets more than its weight."""
    whole = sum(weights.values())
    if whole <= seats:
        return dict(weights)
    exact = {key: weight * seats / whole for key, weight in weights.items()}
    given = {key: int(share) for key, share in exact.items()}
    for key in sorted(exact, key=lambda key: given[key] - exact[key])[: seats - sum(given.values())]:
        given[key] += 1
    return given


def _spread(ids: list[int], count: int) -> list[int]:
    """Take ``count`` of them, evenly spread; the first (the Ambassador) is always among them."""
    return [ids[position * len(ids) // count] for position in range(count)]


def _read_shelf(step: Step, store_id: int) -> _Shelf | None:
    snapshot = step.snapshots.of_store(store_id)
    if snapshot is None:
        return None
    rows = step.session.execute(
        sa.select(price_table.c.sku_id, price_table.c.since).where(
            price_table.c.store_id == store_id, price_table.c.left_at.is_(None)
        )
    ).all()
    since = np.full(len(step.catalogue.sku_ids), np.iinfo(np.int64).max)
    known = [(sku_id, _seconds(at)) for sku_id, at in rows]
    table = np.array(known, dtype=np.int64).reshape(-1, 2)
    table = table[np.isin(table[:, 0], step.catalogue.sku_ids)]
    since[np.searchsorted(step.catalogue.sku_ids, table[:, 0])] = table[:, 1]
    return _Shelf(snapshot, since)


def _overlap(step: Step, a: _Shelf, b: _Shelf) -> float:
    older, newer = sorted((a, b), key=lambda shelf: shelf.snapshot.observed_to)
    seen = older.snapshot.observed_to
    shared = older.snapshot.prices.shown & newer.snapshot.prices.shown
    stood = newer.since <= _seconds(seen)
    stable = compare(older.snapshot.prices, newer.snapshot.prices, only=stood)
    if stable.shared >= max(step.chain.min_stable_share * int(shared.sum()), step.chain.min_shared_skus):
        return stable.true_overlap
    apart = newer.snapshot.observed_from - seen
    whole = compare(older.snapshot.prices, newer.snapshot.prices)
    near = apart <= timedelta(hours=step.chain.window_hours)
    return whole.true_overlap if near and whole.shared >= step.chain.min_shared_skus else float("nan")


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
