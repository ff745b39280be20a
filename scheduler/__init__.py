"""Decide what to scrape next.

In: stores, coverage, groups and the leases so far. Out: a queue of stores, each with its reason; leases; the clusters
of a chain's stores and a map of them.
"""

from scheduler.clusters import ClusterReport, read_clusters, update_clusters
from scheduler.entry import QueueEntry
from scheduler.geography import StorePoint, find_clusters, invalid_reason, match_clusters
from scheduler.leases import LeaseError, lease_stores, release_lease, renew_lease, take_back
from scheduler.map import draw_map
from scheduler.queue import ScrapeScheduler
from scheduler.roster import has_stores
from scheduler.stores import DatabaseStores

__all__ = [
    "ClusterReport",
    "DatabaseStores",
    "LeaseError",
    "QueueEntry",
    "ScrapeScheduler",
    "StorePoint",
    "draw_map",
    "find_clusters",
    "has_stores",
    "invalid_reason",
    "lease_stores",
    "match_clusters",
    "read_clusters",
    "release_lease",
    "renew_lease",
    "take_back",
    "update_clusters",
]
