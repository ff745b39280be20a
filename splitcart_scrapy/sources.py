"""Where stores to crawl come from: the user, the server's leases, or the database of the same machine."""

from collections import deque
from collections.abc import Iterable

from scrapy.utils.misc import load_object

from splitcart.config import Settings
from splitcart.errors import InputError
from splitcart.measures.lease import StoreLease, StoreSource

# By name, since a scraper host has no database and need not have its packages.
LEASED = "splitcart.transfer.leases.HttpStores"
LOCAL = "scheduler.DatabaseStores"
MAX_HOST_LENGTH = 60  # of the 120 characters that a worker's name may have


class NamedStores:
    """The stores that the user named, one after the other; nobody lends them."""

    def __init__(self, company: str, stores: Iterable[tuple[str, str | None]]) -> None:
        """Lend ``stores``: their ids, and the numbers that the site knows them by, if they are others."""
        self._leases = deque(
            StoreLease(company=company, store_id=store_id, retailer_store_id=number, reason="named by the user")
            for store_id, number in stores
        )

    def next_store(self) -> StoreLease | None:
        return self._leases.popleft() if self._leases else None

    def heartbeat(self, lease: StoreLease) -> None:
        """Nobody waits for a sign of life."""

    def release(self, lease: StoreLease, outcome: str, failure_class: str | None) -> None:
        """Nobody waits for the store."""


def store_source(settings: Settings, company: str, cluster: str | None, job: str | None = None) -> StoreSource:
    """Return the configured store source; raise InputError if its import path leads nowhere.

    A job of scrapyd leases as ``host/job``, so that its stores can be told from those of the host's other jobs.
    """
    path = settings.store_source or (LEASED if settings.api_server_url else LOCAL)
    try:
        source_class = load_object(path)
    except (ImportError, NameError, ValueError) as error:
        raise InputError(f"store source {path!r} cannot be loaded: {error}; correct SPLITCART_STORE_SOURCE") from error
    worker = f"{settings.worker[:MAX_HOST_LENGTH]}/{job}" if job else settings.worker
    source: StoreSource = source_class(settings, company, worker, cluster=cluster)
    return source
