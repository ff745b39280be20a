"""Where each store of a company stands: what is known of it, who has it, and whether it may be handed out."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.geography import StorePoint, invalid_stores
from scheduler.past import AHEAD, PastLease, read_past
from splitcart.config import Chain
from splitcart.database.models import Company, Crawl, Division, GeoCluster, Membership, Store, StoreCategory
from splitcart.errors import InputError
from splitcart.measures.slugs import slug

INGEST_GRACE = timedelta(hours=24)  # a finished crawl's file may take so long to reach the database
BACK_OFF_CAP_HOURS = 48
PARK_AFTER = 5  # failures in a row
PARKED_RETRY = timedelta(days=7)
ENDED_WELL = ("finished", "partial")


@dataclass(slots=True, kw_only=True)
class StoreStanding:
    """One active store of the kept divisions, with an id of the chain's form.

    ``covered_at`` and ``observed_from`` are the end and the beginning of its newest crawl with a complete category; one
    that a category group speaks for does not count beside others: a crawl of it alone leaves the rest as old as it is.
    ``ingested_at`` is when its newest useful file came into the database.
    ``strikes`` counts the attempts in a row that brought nothing; ``not_before`` is when the next one is due.
    """

    id: int
    store_id: str
    name: str
    state: str | None
    cluster_id: int | None
    invalid: str | None
    covered_at: datetime | None = None
    observed_from: datetime | None = None
    ingested_at: datetime | None = None
    strikes: int = 0
    last_failure: str | None = None
    not_before: datetime | None = None
    held: bool = False

    @property
    def is_parked(self) -> bool:
        """Failed so often without ever being covered that its phase does not wait for it."""
        return self.covered_at is None and self.strikes >= PARK_AFTER

    def is_free(self, now: datetime) -> bool:
        """May be handed out at ``now``."""
        return not self.held and (self.not_before is None or self.not_before <= now)


@dataclass(kw_only=True)
class ClusterStanding:
    """One cluster, or (``id`` None) all stores outside clusters, and the phase that it is in."""

    id: int | None
    name: str
    stores: list[StoreStanding]

    @cached_property
    def phase(self) -> str:
        """Discovery until every store is covered or parked, then optimization."""
        waiting = any(store.covered_at is None and not store.is_parked for store in self.stores)
        return "discovery" if waiting else "optimization"

    @property
    def covered(self) -> int:
        return sum(store.covered_at is not None for store in self.stores)

    @property
    def oldest(self) -> datetime | None:
        """The oldest of its stores' newest coverage."""
        return min((store.covered_at for store in self.stores if store.covered_at), default=None)


@dataclass(slots=True, kw_only=True)
class Roster:
    """All stores of a company that may be scraped, by row id, its clusters (largest first), and its recent leases."""

    stores: dict[int, StoreStanding]
    clusters: dict[int | None, ClusterStanding]
    leases: list[PastLease] = field(default_factory=list)

    @property
    def parked(self) -> list[StoreStanding]:
        return [store for store in self.stores.values() if store.is_parked]

    def phase(self, store: StoreStanding) -> str:
        return self.clusters[store.cluster_id].phase

    def find_cluster(self, name: str) -> int:
        """Return the id of the cluster with this name or slug; raise InputError listing the known ones."""
        for cluster in self.clusters.values():
            if cluster.id is not None and slug(cluster.name) == slug(name):
                return cluster.id
        known = ", ".join(sorted(slug(cluster.name) for cluster in self.clusters.values() if cluster.id is not None))
        raise InputError(f"no cluster {name!r}; known: {known or 'none, run: splitcart generate clusters'}")


def company_row_id(session: Session, chain: Chain) -> int | None:
    """Return the row id of the chain's company, None while no store of it has been stored."""
    return session.scalar(sa.select(Company.id).where(Company.slug == chain.slug))


def scrapable(company_id: int, chain: Chain) -> sa.ColumnElement[bool]:
    """The condition on ``stores``: of the company, active, and in a division that is kept."""
    condition = sa.and_(Store.company_id == company_id, Store.is_active.is_(True))
    if not chain.divisions_kept:
        return condition
    kept = sa.select(Division.id).where(Division.company_id == company_id, Division.name.in_(chain.divisions_kept))
    return condition & Store.division_id.in_(kept)


def has_stores(session: Session, chain: Chain) -> bool:
    """Tell whether an active store of the chain's kept divisions is known."""
    company_id = company_row_id(session, chain)
    return company_id is not None and bool(session.scalar(sa.select(sa.exists().where(scrapable(company_id, chain)))))


def read_roster(session: Session, chain: Chain, now: datetime) -> Roster:
    """Read how every scrapable store of the chain stands at ``now``; a constant number of queries."""
    company_id = company_row_id(session, chain)
    if company_id is None:
        return Roster(stores={}, clusters={})
    place = Store.latitude, Store.longitude, Store.division_id, Store.state, Store.postcode
    rows = session.execute(
        sa.select(Store.id, Store.store_id, Store.name, Store.cluster_id, *place)
        .where(scrapable(company_id, chain))
        .order_by(Store.id)
    ).all()
    invalid = invalid_stores(
        StorePoint(row.id, row.latitude, row.longitude, row.division_id, row.state, row.postcode)
        for row in rows
        if row.cluster_id is None
    )
    stores = {
        row.id: StoreStanding(
            id=row.id,
            store_id=row.store_id,
            name=row.name,
            state=row.state,
            cluster_id=row.cluster_id,
            invalid=invalid.get(row.id),
        )
        for row in rows
        if chain.is_store_id(row.store_id)  # no crawl of another would be accepted
    }
    leases = read_past(session, company_id, now)
    _read_coverage(session, company_id, stores)
    _judge(session, stores, leases, now)
    return Roster(stores=stores, clusters=_clusters(session, company_id, stores.values()), leases=leases)


def _read_coverage(session: Session, company_id: int, stores: dict[int, StoreStanding]) -> None:
    elsewhere = sa.and_(
        Membership.store_id == StoreCategory.store_id,
        Membership.category_id == StoreCategory.category_id,
        Membership.group_id.is_not(None),
        Membership.until.is_(None),
    )

    def of_the_rest(instant: sa.orm.InstrumentedAttribute[datetime]) -> sa.ColumnElement[datetime]:
        rest = sa.func.max(sa.case((Membership.id.is_(None), instant)))
        return sa.func.coalesce(rest, sa.func.max(instant))

    newest = (
        sa.select(
            StoreCategory.store_id,
            of_the_rest(StoreCategory.covered_at).label("covered_at"),
            of_the_rest(Crawl.observed_from).label("observed_from"),
            sa.func.max(Crawl.ingested_at).label("ingested_at"),
        )
        .join(Crawl, Crawl.id == StoreCategory.crawl_id)
        .join(Membership, elsewhere, isouter=True)
        .where(Crawl.company_id == company_id)
        .group_by(StoreCategory.store_id)
    )
    for row in session.execute(newest):
        if store := stores.get(row.store_id):
            store.covered_at, store.observed_from, store.ingested_at = (
                row.covered_at,
                row.observed_from,
                row.ingested_at,
            )


def _judge(session: Session, stores: dict[int, StoreStanding], leases: Iterable[PastLease], now: datetime) -> None:
    """Count each store's fruitless attempts since its last useful file, and set when the next may begin."""
    attempts: defaultdict[int, list[PastLease]] = defaultdict(list)
    for lease in leases:
        store = stores.get(lease.store_id)
        if store is not None and (store.ingested_at is None or lease.leased_at > store.ingested_at):
            attempts[lease.store_id].append(lease)
    ended_well = {row_id for row_id, tried in attempts.items() if any(lease.outcome in ENDED_WELL for lease in tried)}
    arrivals = sa.select(Crawl.store_id, sa.func.max(Crawl.ingested_at)).where(Crawl.store_id.in_(ended_well))
    arrived_at = {row[0]: row[1] for row in session.execute(arrivals.group_by(Crawl.store_id))} if ended_well else {}
    for row_id, tried in attempts.items():
        _judge_store(stores[row_id], tried, arrived_at.get(row_id), now)


def _judge_store(store: StoreStanding, tried: Sequence[PastLease], arrived_at: datetime | None, now: datetime) -> None:
    died = False
    for lease in tried:
        ended_at = lease.released_at or lease.expires_at
        if ended_at > now + AHEAD:
            ended_at = lease.leased_at
        if lease.released_at is None and lease.expires_at > now:
            store.held = True
        elif lease.outcome in ENDED_WELL:
            arrived = arrived_at is not None and arrived_at > lease.leased_at
            if not arrived and ended_at + INGEST_GRACE > now:
                store.not_before = ended_at + INGEST_GRACE  # its file is on the way
            else:
                _strike(store, "no complete category came of it", ended_at)
        elif lease.outcome == "failed" or died:
            _strike(store, lease.failure_class or lease.outcome or "expired", ended_at)
        else:
            died = True  # the worker's fault, unless it happens again


def _strike(store: StoreStanding, failure: str, at: datetime) -> None:
    store.strikes += 1
    store.last_failure = failure
    hours = min(2**store.strikes, BACK_OFF_CAP_HOURS)
    store.not_before = at + (PARKED_RETRY if store.is_parked else timedelta(hours=hours))


def _clusters(session: Session, company_id: int, stores: Iterable[StoreStanding]) -> dict[int | None, ClusterStanding]:
    rows = session.execute(sa.select(GeoCluster.id, GeoCluster.name).where(GeoCluster.company_id == company_id))
    names: dict[int | None, str] = {row.id: row.name for row in rows}
    members: defaultdict[int | None, list[StoreStanding]] = defaultdict(list)
    for store in stores:
        members[store.cluster_id].append(store)
    standings = (
        ClusterStanding(id=cluster_id, name=names.get(cluster_id, "outside clusters"), stores=inside)
        for cluster_id, inside in members.items()
    )
    return {each.id: each for each in sorted(standings, key=_largest_first)}


def _largest_first(cluster: ClusterStanding) -> tuple[bool, int, int]:
    return cluster.id is None, -len(cluster.stores), cluster.id or 0
