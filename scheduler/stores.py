"""The store source of a spider that runs on the same machine as the database."""

from random import Random, SystemRandom

from scheduler.leases import lease_stores, release_lease, renew_lease
from splitcart.config import Settings, get_chain
from splitcart.database import open_database, transaction
from splitcart.measures.lease import StoreLease


class DatabaseStores:
    """Leases stores straight from the database that the settings name; its calls block and may come from any thread."""

    def __init__(
        self,
        settings: Settings,
        company: str,
        worker: str,
        *,
        cluster: str | None = None,
        rng: Random | None = None,
    ) -> None:
        self._chain = get_chain(company)
        self._worker = worker
        self._cluster = cluster
        self._clock = settings.clock()
        self._rng = rng or SystemRandom()
        self._engine = open_database(settings.resolved_database_url, settings.database_limits)

    def next_store(self) -> StoreLease | None:
        """Return the next store to crawl, None when nothing is due."""
        with transaction(self._engine) as session:
            leases = lease_stores(session, self._chain, self._worker, 1, self._clock, self._rng, self._cluster)
        return leases[0] if leases else None

    def heartbeat(self, lease: StoreLease) -> None:
        """Tell that the crawl goes on; raise LeaseError when the store was given to another worker."""
        if lease.lease_id is not None:
            with transaction(self._engine) as session:
                lease.expires_at = renew_lease(session, lease.lease_id, self._clock).expires_at

    def release(self, lease: StoreLease, outcome: str, failure_class: str | None = None) -> None:
        """Hand the store back with how its crawl ended: finished, partial or failed."""
        if lease.lease_id is not None:
            with transaction(self._engine) as session:
                release_lease(session, lease.lease_id, outcome, failure_class, self._clock)

    def close(self) -> None:
        """Let go of the database connections."""
        self._engine.dispose()
