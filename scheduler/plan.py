"""When discovery of each cluster will be done, at so many crawls a day, and whether one window can hold it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from random import Random

from sqlalchemy.orm import Session

from scheduler.discovery import EVERY, discovery_entries
from scheduler.pieces import window_capacity
from scheduler.roster import ClusterStanding, Roster, StoreStanding, read_roster
from scheduler.spread import Span, read_first_crawls, spread
from splitcart.config import Chain
from splitcart.measures.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterPlan:
    """What becomes of one cluster that is not discovered yet (or, ``cluster`` None, of the stores outside clusters).

    ``begins`` and ``ends`` bound its turn as the target (None: it never comes, or all its stores are samples by then),
    ``needs`` is the number of crawls a day with which one window would hold that turn. ``in_window``: how many of its
    ``stores``' first crawls one window would hold, samples from before its turn and what is crawled already included.
    """

    name: str
    cluster: int | None
    stores: int
    left: int
    begins: datetime | None
    ends: datetime | None
    done: datetime | None
    needs: int | None
    in_window: int

    def fits(self, crawls_a_day: int) -> bool:
        """Tell whether one window holds its turn as the target."""
        return self.done is not None and (self.needs or 0) <= crawls_a_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Discovery of one company at so many crawls a day. ``window_stores``: how many of a target one window holds."""

    crawls_a_day: int
    window_hours: float
    window_stores: int
    clusters: list[ClusterPlan]

    @property
    def too_large(self) -> list[str]:
        """The clusters whose turn takes longer than one window, or never ends."""
        return [each.name for each in self.clusters if each.cluster is not None and not each.fits(self.crawls_a_day)]


def plan_discovery(
    session: Session, company: Chain, crawls_a_day: int, clock: Clock, cluster: str | None = None
) -> Plan:
    """Plan what is left to discover, or one cluster of it; raise InputError for a cluster that does not exist."""
    now = clock()
    roster = read_roster(session, company, now)
    planner = _Planner(roster, company, crawls_a_day, roster.find_cluster(cluster) if cluster else None)
    # Which stores are the samples from outside makes no difference worth a dice: the same plan every time.
    clusters = planner.plan(read_first_crawls(session, company), now, Random(0))  # noqa: S311 - no secret
    return Plan(
        crawls_a_day=crawls_a_day,
        window_hours=company.window_hours,
        window_stores=planner.window_stores,
        clusters=clusters,
    )


class _Planner:
    """Plays discovery forward: every crawl brings its store, and ``crawls_a_day`` of them are made.

    Discovery has all of them until a cluster is in optimization, and the chain's ``discovery_share`` from then on.
    Parked stores are left out. With ``cluster_id`` only that cluster is crawled.
    """

    def __init__(self, roster: Roster, chain: Chain, crawls_a_day: int, cluster_id: int | None = None) -> None:
        self._roster = replace(roster, clusters={key: _freed(each) for key, each in roster.clusters.items()})
        self._chain = chain
        self._cluster_id = cluster_id
        self._step = timedelta(days=1) / crawls_a_day
        self._crawls_a_day = crawls_a_day
        self.window = timedelta(hours=chain.window_hours)

    @property
    def window_stores(self) -> int:
        """How many stores of a target one window holds while other clusters are waiting and some are optimized."""
        pattern = 1 if self._cluster_id else (EVERY - 1) / EVERY * self._chain.discovery_share
        return window_capacity(self._crawls_a_day, self._chain.window_hours, pattern)

    def plan(self, known: Mapping[int, Span], now: datetime, rng: Random) -> list[ClusterPlan]:
        """Return the clusters in discovery, in the order of the queue; ``known``: the first crawls so far, by store."""
        targets: dict[int | None, list[datetime]] = {key: [] for key in self._roster.clusters}
        spans = dict(known)
        left = {key: len(_uncovered(cluster)) for key, cluster in self._roster.clusters.items()}
        left_now = dict(left)
        optimized = self._cluster_id is None and any(
            cluster.covered and not left[key] for key, cluster in self._roster.clusters.items()
        )
        for entry in discovery_entries(self._roster, now, rng, self._cluster_id):
            if optimized and not self._chain.discovery_share:
                break
            now += self._step / (self._chain.discovery_share if optimized else 1)
            spans[entry.store] = (now, now)
            left[entry.cluster_id] -= 1
            if entry.kind != "outside":
                targets[entry.cluster_id].append(now)
            if not left[entry.cluster_id] and self._cluster_id is None:
                optimized = True
        return [
            self._cluster_plan(cluster, left_now[key], targets[key], spans, is_done=not left[key])
            for key, cluster in self._roster.clusters.items()
            if left_now[key] and self._cluster_id in {None, key}
        ]

    def _cluster_plan(
        self, cluster: ClusterStanding, left: int, turn: list[datetime], spans: Mapping[int, Span], *, is_done: bool
    ) -> ClusterPlan:
        own = [spans[store.id] for store in cluster.stores if store.id in spans]
        held = spread(own, self.window)
        needs = ceil(self._crawls_a_day * (turn[-1] - turn[0]) / self.window) if turn and self.window else 0
        return ClusterPlan(
            name=cluster.name,
            cluster=cluster.id,
            stores=len(cluster.stores),
            left=left,
            begins=turn[0] if turn else None,
            ends=turn[-1] if turn else None,
            done=max(end for _, end in own) if is_done else None,
            needs=needs if is_done else None,
            in_window=held.in_window if held else 0,
        )


def _uncovered(cluster: ClusterStanding) -> list[StoreStanding]:
    return [store for store in cluster.stores if store.covered_at is None and not store.is_parked]


def _freed(cluster: ClusterStanding) -> ClusterStanding:
    """As if nothing were out or backing off, and without the parked stores."""
    stores = [replace(store, held=False, not_before=None) for store in cluster.stores if not store.is_parked]
    return ClusterStanding(id=cluster.id, name=cluster.name, stores=stores)
