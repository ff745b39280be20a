"""Decide what to scrape next.

In: stores, coverage, groups and the leases so far. Out: a queue of stores, each with its reason; leases; the clusters
of a chain's stores and a map of them.
"""

from scheduler.entry import QueueEntry
from scheduler.leases import LeaseError, lease_stores, release_lease, renew_lease, take_back
from scheduler.queue import ScrapeScheduler
from scheduler.stores import DatabaseStores

__all__ = [
    "DatabaseStores",
    "LeaseError",
    "QueueEntry",
    "ScrapeScheduler",
    "lease_stores",
    "release_lease",
    "renew_lease",
    "take_back",
]
