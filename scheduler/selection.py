"""What one run of the queue may choose from, and what it has chosen so far."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from scheduler.entry import QueueEntry
from scheduler.groups import GroupStanding
from scheduler.roster import Roster
from splitcart.config import Chain
from splitcart.measures.local_time import last_change_before, zone_for_state


class Selection:
    """The stores of a roster at one instant, of which each is chosen once. With ``cluster_id`` only that cluster's."""

    def __init__(self, roster: Roster, chain: Chain, now: datetime, cluster_id: int | None = None) -> None:
        self.roster = roster
        self.chain = chain
        self.now = now
        self.window = timedelta(hours=chain.window_hours)
        self.pause = timedelta(hours=chain.check_hours)
        self._cluster_id = cluster_id
        self.roll_out = timedelta(hours=chain.roll_out_hours)
        self._changes = [(change.weekday, change.at) for change in chain.parsed_change_times()]
        self._taken: set[int] = set()

    def is_free(self, row_id: int | None) -> bool:
        """Tell whether a store (row id) can be chosen: covered before, not taken, held or backing off."""
        store = self.roster.stores.get(row_id or 0)
        return (
            store is not None
            and store.id not in self._taken
            and store.covered_at is not None
            and store.is_free(self.now)
            and self._cluster_id in {None, store.cluster_id}
        )

    def choose(self, row_id: int, kind: str, reason: str, group: GroupStanding | None = None) -> QueueEntry:
        """Take a store; what a category group needs is that category alone."""
        store = self.roster.stores[row_id]
        self._taken.add(row_id)
        return QueueEntry(
            store=store.id,
            store_id=store.store_id,
            reason=reason,
            mode="optimization",
            kind=kind,
            group_id=group.id if group else None,
            cluster_id=store.cluster_id,
            categories=(group.category,) if group and group.category else None,
        )

    def seen(self, group: GroupStanding, row_id: int | None) -> tuple[datetime | None, datetime | None]:
        """Return end and beginning of a store's newest coverage of what the group is about."""
        if group.category is not None:
            return group.seen.get(row_id or 0, (None, None))
        store = self.roster.stores.get(row_id or 0)
        return (store.covered_at, store.observed_from) if store else (None, None)

    def least_recent(self, group: GroupStanding, members: Iterable[int]) -> list[int]:
        """Return the members that are free, the one that was scraped longest ago first."""
        free = [store for store in members if self.is_free(store)]
        return sorted(free, key=lambda store: (-self.hours_since(self.seen(group, store)[0]), store))

    def last_change(self, row_id: int | None, *, reached: float) -> datetime | None:
        """Return when the chain's last change of prices, local to the store (row id), had reached a share of stores."""
        store = self.roster.stores.get(row_id or 0)
        zone = zone_for_state(store.state if store else None)
        taken = self.roll_out * reached
        begun = last_change_before(self.now - taken, self._changes, zone)
        return begun + taken if begun else None

    def hours_since(self, instant: datetime | None) -> float:
        """Hours from ``instant`` to now; endless for never."""
        return float("inf") if instant is None else (self.now - instant) / timedelta(hours=1)
