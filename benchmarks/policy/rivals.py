"""Two simpler ways on the same crawls: the flat 98 % rule, and "freshest price wins"."""

from collections import defaultdict

import numpy as np

from benchmarks.policy.crawling import Sight
from benchmarks.policy.world import ABSENT, Row, World

FLAT = 0.98


class Shelves:
    """Every store's offers as it was seen last, with the number of the crawl that saw them; rows are stores."""

    def __init__(self, world: World) -> None:
        self._at = {store_id: position for position, store_id in enumerate(world.stores)}
        shape = len(world.stores), len(world.codes)
        self.price = np.full(shape, ABSENT, dtype=np.int32)
        self.crawl = np.zeros(shape, dtype=np.int32)  # 0: never seen
        self._root_of = world.root_of
        self._crawls = 0

    def see(self, sights: list[Sight]) -> None:
        """Take in one crawl; crawls come in the order in which they were made."""
        self._crawls += 1
        for sight in sights:
            row, skus = self._at[sight.store_id], self._root_of == sight.root
            self.price[row, skus] = sight.row[skus]
            self.crawl[row, skus] = self._crawls

    def freshest(self, store_id: str, ambassador: str | None) -> Row:
        """For each sku the newer of the store's own and the Ambassador's offer."""
        own = self._at[store_id]
        if ambassador is None:
            return self.price[own]
        other = self._at[ambassador]
        newer = (self.crawl[other] > self.crawl[own]) & (self.price[other] != ABSENT) & (self.crawl[own] > 0)
        return np.where(newer, self.price[other], self.price[own])

    def agree(self, one: str, other: str) -> bool:
        """Whether 98 % of what both show costs the same."""
        a, b = self.price[self._at[one]], self.price[self._at[other]]
        shared = (a != ABSENT) & (b != ABSENT)
        return bool(shared.any()) and float((a == b)[shared].mean()) >= FLAT


class FlatRule:
    """Groups by the flat rule: what agrees with an Ambassador belongs to it and takes its place, what does not goes."""

    def __init__(self, shelves: Shelves) -> None:
        self._shelves = shelves
        self.ambassador_of: dict[str, str] = {}  # by member; a store that is nobody's member is its own

    def see(self, store_id: str) -> None:
        """Check the store whose crawl came in last."""
        mine = self.ambassador_of.get(store_id)
        if mine is None:
            found = next((name for name in self._ambassadors() if self._shelves.agree(store_id, name)), None)
            self.ambassador_of[store_id] = store_id
            if found is not None:
                self._join(store_id, found)
        elif mine != store_id:
            if self._shelves.agree(store_id, mine):
                self._join(store_id, mine)
            else:
                del self.ambassador_of[store_id]
                self.see(store_id)

    def _ambassadors(self) -> list[str]:
        return sorted(set(self.ambassador_of.values()))

    def _join(self, store_id: str, ambassador: str) -> None:
        members = [name for name, its in self.ambassador_of.items() if its == ambassador]
        self.ambassador_of |= dict.fromkeys([*members, store_id], store_id)

    def mixed_groups(self, world: World, day: int) -> int:
        """How many groups hold two or more stores, that carry all departments, each of at least two price lists."""
        groups: dict[str, list[str]] = defaultdict(list)
        for store_id, ambassador in self.ambassador_of.items():
            groups[ambassador].append(store_id)
        mixed = 0
        for members in groups.values():
            keys = [world.key(store_id, day) for store_id in members if world.carried(store_id).all()]
            mixed += sum(keys.count(key) > 1 for key in set(keys)) > 1
        return mixed
