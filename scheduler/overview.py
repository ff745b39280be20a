"""Where every cluster of a company stands, what is out, and what fails: ``splitcart schedule status``."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from scheduler.roster import ClusterStanding, read_roster
from scheduler.spread import Span, read_first_crawls, spread
from splitcart.config import Chain
from splitcart.measures.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterLine:
    """A cluster, its phase, how far discovery is, and how far apart its discovery crawls are.

    ``discovered_from`` and ``discovered_to`` bound the first crawl of each covered store; ``in_window`` of them ended
    within one comparison window (``window_hours``): were it all, the cluster would be time-synchronised.
    """

    name: str
    phase: str
    stores: int
    covered: int
    parked: int
    out: int
    oldest: datetime | None
    discovered_from: datetime | None
    discovered_to: datetime | None
    spread_hours: float | None
    in_window: int
    window_hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseLine:
    """A store that is out."""

    lease: int
    store_id: str
    worker: str
    expires_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingLine:
    """A store whose last attempts brought nothing."""

    store_id: str
    name: str
    failures: int
    last: str | None
    next_try: datetime | None
    parked: bool


@dataclass(slots=True, kw_only=True)
class Overview:
    """One company at one instant; all lists are empty when no active store of it is stored."""

    company: str
    at: datetime
    discovery_share: float
    clusters: list[ClusterLine] = field(default_factory=list)
    leases: list[LeaseLine] = field(default_factory=list)
    failing: list[FailingLine] = field(default_factory=list)


def read_overview(session: Session, chain: Chain, clock: Clock, cluster: str | None = None) -> Overview:
    """Read how a company stands, or one cluster of it; raise InputError for a cluster that does not exist."""
    now = clock()
    roster = read_roster(session, chain, now)
    only = roster.find_cluster(cluster) if cluster else None
    clusters = [each for each in roster.clusters.values() if only is None or each.id == only]
    first_crawls = read_first_crawls(session, chain)
    stores = {store.id: store for each in clusters for store in each.stores}
    return Overview(
        company=chain.slug,
        at=now,
        discovery_share=chain.discovery_share,
        clusters=[_cluster_line(each, first_crawls, chain.window_hours) for each in clusters],
        leases=[
            LeaseLine(
                lease=lease.id,
                store_id=stores[lease.store_id].store_id,
                worker=lease.worker,
                expires_at=lease.expires_at,
                reason=lease.reason,
            )
            for lease in roster.leases
            if lease.released_at is None and lease.store_id in stores
        ],
        failing=[
            FailingLine(
                store_id=store.store_id,
                name=store.name,
                failures=store.strikes,
                last=store.last_failure,
                next_try=store.not_before,
                parked=store.is_parked,
            )
            for store in stores.values()
            if store.strikes
        ],
    )


def _cluster_line(cluster: ClusterStanding, first_crawls: dict[int, Span], window_hours: float) -> ClusterLine:
    crawls = [first_crawls[store.id] for store in cluster.stores if store.id in first_crawls]
    discovered = spread(crawls, timedelta(hours=window_hours))
    return ClusterLine(
        name=cluster.name,
        phase=cluster.phase,
        stores=len(cluster.stores),
        covered=cluster.covered,
        parked=sum(store.is_parked for store in cluster.stores),
        out=sum(store.held for store in cluster.stores),
        oldest=cluster.oldest,
        discovered_from=discovered.earliest if discovered else None,
        discovered_to=discovered.latest if discovered else None,
        spread_hours=round(discovered.hours, 2) if discovered else None,
        in_window=discovered.in_window if discovered else 0,
        window_hours=window_hours,
    )
