"""One line of the queue."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntry:
    """A store to scrape next, and why.

    ``store`` is the row id, ``store_id`` the chain's own. ``kind`` is the step of the queue that chose it: in discovery
    ``target``, ``outside``, ``chosen`` or ``retry``, in optimization ``tie-breaker``, ``second voice``,
    ``ambassador``, ``outlier`` or ``check``.
    ``categories`` names the root categories that are enough (None: all).
    """

    store: int
    store_id: str
    reason: str
    mode: str
    kind: str
    group_id: int | None = None
    cluster_id: int | None = None
    categories: tuple[str, ...] | None = None
