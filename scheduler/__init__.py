"""Decide what to scrape next.

In: stores, coverage, groups and the leases so far. Out: a queue of stores, each with its reason; leases; jobs on
scrapyd nodes; the clusters of a chain's stores and a map of them.
"""

from scheduler.clusters import ClusterReport, read_clusters, store_point, update_clusters
from scheduler.dispatch import DispatchReport, Rules, dispatch
from scheduler.entry import QueueEntry
from scheduler.geography import StorePoint, find_clusters, invalid_reason, invalid_stores, match_clusters
from scheduler.health import ChainHealth, StoreHealth, read_health
from scheduler.jobs import Patience
from scheduler.leases import LeaseError, lease_stores, release_lease, renew_lease, take_back
from scheduler.map import draw_map
from scheduler.nodes import NodeError, ScrapydNode
from scheduler.overview import Overview, read_overview
from scheduler.plan import Plan, plan_discovery
from scheduler.queue import ScrapeScheduler
from scheduler.roster import has_stores
from scheduler.stores import DatabaseStores
from scheduler.turns import lease_in_turns

__all__ = [
    "ChainHealth",
    "ClusterReport",
    "DatabaseStores",
    "DispatchReport",
    "LeaseError",
    "NodeError",
    "Overview",
    "Patience",
    "Plan",
    "QueueEntry",
    "Rules",
    "ScrapeScheduler",
    "ScrapydNode",
    "StoreHealth",
    "StorePoint",
    "dispatch",
    "draw_map",
    "find_clusters",
    "has_stores",
    "invalid_reason",
    "invalid_stores",
    "lease_in_turns",
    "lease_stores",
    "match_clusters",
    "plan_discovery",
    "read_clusters",
    "read_health",
    "read_overview",
    "release_lease",
    "renew_lease",
    "store_point",
    "take_back",
    "update_clusters",
]
