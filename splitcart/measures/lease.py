"""What a spider is told about a store that it may crawl, and by whom."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable


@dataclass(slots=True, kw_only=True)
class StoreLease:
    """One store handed to one worker for a bounded time.

    ``expected_rows`` maps a root category to the rows of the store's last complete crawl of it; ``categories``
    restricts the crawl to these root categories (None: all). ``lease_id`` is None for a store that the user named.
    """

    company: str
    store_id: str
    reason: str
    lease_id: int | None = None
    name: str = ""
    retailer_store_id: str | None = None
    state: str | None = None
    postcode: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    categories: list[str] | None = None
    expected_rows: dict[str, int] = field(default_factory=dict)
    expires_at: datetime | None = None


@runtime_checkable
class StoreSource(Protocol):
    """Where a spider takes its stores from: the server's leases, or the database of the same machine.

    Its methods may block (network, database): call them in a thread. ``release`` takes the outcome ``finished``,
    ``partial`` or ``failed``, and for the latter two the failure class.
    """

    def next_store(self) -> StoreLease | None:
        """Return the next store to crawl, None when there is none now."""
        ...

    def heartbeat(self, lease: StoreLease) -> None:
        """Keep a store while it is being crawled; moves ``expires_at`` of ``lease``."""
        ...

    def release(self, lease: StoreLease, outcome: str, failure_class: str | None) -> None:
        """Give a store back."""
        ...
