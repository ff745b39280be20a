"""What a spider is told about a store that it may crawl."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True, kw_only=True)
class StoreLease:
    """One store handed to one worker for a bounded time.

    ``expected_rows`` maps a root category to the rows of the store's last complete crawl of it; ``categories`` restricts
    the crawl to these root categories (None: all). ``lease_id`` is None for a store that the user named.
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
