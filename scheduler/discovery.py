"""Discovery: every store of the largest cluster within a tight time window, and a sample from elsewhere."""

import itertools
from collections.abc import Iterator
from datetime import datetime
from random import Random

from scheduler.entry import QueueEntry
from scheduler.roster import ClusterStanding, Roster, StoreStanding

EVERY = 5  # of five entries the last comes from outside the target


def discovery_entries(
    roster: Roster, now: datetime, rng: Random, cluster_id: int | None = None
) -> Iterator[QueueEntry]:
    """Yield unscraped stores in the order to scrape them, each once.

    The primary target is the largest cluster that has unscraped stores to hand out; every fifth entry comes from
    outside it, at random. The count goes on from the last leases, whoever took them. Parked stores make no cluster a
    target: those that are due again come up as entries from outside, or when nothing else is left. With ``cluster_id``
    only that cluster is discovered, and the pattern neither applies nor moves on.
    """
    waiting = {
        cluster.id: sorted(
            (store for store in cluster.stores if store.covered_at is None and store.is_free(now)),
            key=lambda store: (store.is_parked, store.strikes, store.id),
        )
        for cluster in roster.clusters.values()
        if cluster_id is None or cluster.id == cluster_id
    }
    since_outside = _targets_since_outside(roster)
    while targets := [key for key, stores in waiting.items() if stores and not stores[0].is_parked]:
        target = targets[0]
        outside = [store for key, stores in waiting.items() if key != target for store in stores]
        cluster = roster.clusters[target]
        if outside and since_outside >= EVERY - 1:
            store = rng.choice(outside)
            waiting[store.cluster_id].remove(store)
            since_outside = 0
            yield _entry(store, "outside", _outside_reason(roster, store, cluster))
        else:
            store = waiting[target].pop(0)
            since_outside += 1
            yield _entry(store, "target" if cluster_id is None else "chosen", _target_reason(cluster, store))
    for store in sorted(itertools.chain(*waiting.values()), key=lambda store: (store.strikes, store.id)):
        yield _entry(store, "retry", "parked, tried once a week")


def _targets_since_outside(roster: Roster) -> int:
    count = 0
    for lease in reversed(roster.leases):
        if lease.kind == "outside" or count >= EVERY:
            break
        count += lease.kind == "target"
    return count


def _entry(store: StoreStanding, kind: str, reason: str) -> QueueEntry:
    if store.strikes:
        often = "once" if store.strikes == 1 else f"{store.strikes} times"
        reason += f"; failed {often}, last: {store.last_failure}"
    return QueueEntry(
        store=store.id, store_id=store.store_id, reason=reason, mode="discovery", kind=kind, cluster_id=store.cluster_id
    )


def _target_reason(cluster: ClusterStanding, store: StoreStanding) -> str:
    if cluster.id is None:
        return f"unscraped store outside clusters ({store.invalid or 'isolated'}); no cluster is left to discover"
    left = len(cluster.stores) - cluster.covered
    return f"discovery of {cluster.name}: {left} of {len(cluster.stores)} stores unscraped"


def _outside_reason(roster: Roster, store: StoreStanding, target: ClusterStanding) -> str:
    place = roster.clusters[store.cluster_id].name if store.cluster_id is not None else store.invalid or "isolated"
    return f"sample from outside the target {target.name}: {place}"
