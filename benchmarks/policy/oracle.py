"""The oracles: what could be known of every shelf from the same crawls by one who knows the lists."""

import numpy as np

from benchmarks.policy.crawling import Sight
from benchmarks.policy.world import ABSENT, Row, World


class Oracle:
    """Answers as the package's docstring says. ``sees_moves``: it knows of a change of list before any crawl does."""

    def __init__(self, world: World, *, sees_moves: bool) -> None:
        self._world, self._sees_moves = world, sees_moves
        self._own: dict[tuple[str, int], Sight] = {}  # by store and root
        self._newest: dict[tuple[str, int], int] = {}  # the latest market day at which a list's root was seen
        self._last_day: dict[str, int] = {}  # by store
        self._skus_of = [np.flatnonzero(world.root_of == root) for root in range(len(world.roots))]

    def see(self, sight: Sight) -> None:
        """Take in one root category of one crawl; the order does not matter."""
        key = sight.store_id, sight.root
        if key not in self._own or sight.day >= self._own[key].day:
            self._own[key] = sight
        listed = self._world.key(sight.store_id, sight.day)[sight.root], sight.root
        self._newest[listed] = max(sight.day, self._newest.get(listed, 0))
        known = self._last_day.get(sight.store_id)
        if known is None or self._tells(sight, known):
            self._last_day[sight.store_id] = max(sight.day, known or 0)

    def _tells(self, sight: Sight, known: int) -> bool:
        """Whether what was seen tells of all that changed since a day: a move in other categories does not show."""
        then, now = (self._world.key(sight.store_id, day) for day in (known, sight.day))
        return then == now or then[sight.root] != now[sight.root]

    def answer(self, store_id: str, today: int) -> Row:
        """The prices of a store, ABSENT where it says that there is none."""
        found = np.full(len(self._world.codes), ABSENT, dtype=np.int32)
        if store_id not in self._last_day:
            return found
        lists = self._world.key(store_id, today if self._sees_moves else self._last_day[store_id])
        for root, skus in enumerate(self._skus_of):
            if (own := self._own.get((store_id, root))) is None:
                continue
            then = self._world.list_row(self._world.key(store_id, own.day)[root], own.day)[skus]
            newest = self._newest.get((lists[root], root), own.day)
            now = self._world.list_row(lists[root], newest)[skus]
            shown = own.row[skus]
            not_ranged = (shown == ABSENT) & (then != ABSENT)
            found[skus] = np.where((then == now) | not_ranged, shown, now)
        return found
