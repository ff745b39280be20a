"""The queue of one company: which stores to scrape next, and why."""

from collections.abc import Iterator
from itertools import islice
from random import Random

from sqlalchemy.orm import Session

from scheduler.discovery import discovery_entries
from scheduler.entry import QueueEntry
from scheduler.groups import read_groups, read_placed
from scheduler.optimization import optimization_entries
from scheduler.roster import Roster, company_row_id, read_roster
from scheduler.selection import Selection
from splitcart.config import Chain
from splitcart.measures.clock import Clock


class ScrapeScheduler:
    """Decides what to scrape next for one company, on the state that ``session`` sees at the clock's instant.

    It reads only; ``scheduler.leases`` hands out. ``cluster`` (name or slug, ``"perth"``) restricts it to one cluster.
    Raises InputError for a cluster that does not exist.
    """

    def __init__(
        self, session: Session, company: Chain, clock: Clock, rng: Random, *, cluster: str | None = None
    ) -> None:
        self._session = session
        self._chain = company
        self._rng = rng
        self.now = clock()
        self.roster: Roster = read_roster(session, company, self.now)
        self._cluster_id = self.roster.find_cluster(cluster) if cluster else None

    def get_discovery_mode_queue(self, limit: int) -> list[QueueEntry]:
        """Return up to ``limit`` unscraped stores; every fifth comes from outside the primary target cluster."""
        return list(islice(self._discovery(), limit))

    def get_optimization_mode_queue(self, limit: int) -> list[QueueEntry]:
        """Return up to ``limit`` covered stores: doubts first, then outliers and checks by turns."""
        return list(islice(self._optimization(), limit))

    def get_queue(self, limit: int) -> list[QueueEntry]:
        """Return up to ``limit`` stores of both phases, no store twice.

        While both have work, the chain's ``discovery_share`` of the entries are discovery's: exactly over a long queue,
        on average over many calls for one store. When one phase has nothing left the other gets the rest.
        """
        discovery, optimization = self._discovery(), self._optimization()
        carried = self._rng.random()
        entries: list[QueueEntry] = []
        while len(entries) < limit:
            carried += self._chain.discovery_share
            first, second = (discovery, optimization) if carried >= 1 else (optimization, discovery)
            carried %= 1
            entry = next(first, None) or next(second, None)
            if entry is None:
                break
            entries.append(entry)
        return entries

    def _discovery(self) -> Iterator[QueueEntry]:
        return discovery_entries(self.roster, self.now, self._rng, self._cluster_id)

    def _optimization(self) -> Iterator[QueueEntry]:
        company_id = company_row_id(self._session, self._chain)
        if company_id is None:
            return iter(())
        groups = read_groups(self._session, company_id, self.roster.leases, self.now, self._chain.price_event_share)
        selection = Selection(self.roster, self._chain, self.now, self._cluster_id)
        return optimization_entries(selection, groups, read_placed(self._session, company_id))
