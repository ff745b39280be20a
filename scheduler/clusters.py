"""Writing a chain's clusters, and reading them back for a map."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.geography import (
    Clustering,
    StorePoint,
    centre,
    find_clusters,
    invalid_stores,
    match_clusters,
    name_cluster,
)
from scheduler.roster import company_row_id, scrapable
from splitcart.config import Chain
from splitcart.database.models import GeoCluster, Store
from splitcart.errors import InputError
from splitcart.measures.clock import Clock


@dataclass(frozen=True, slots=True)
class PlacedStore:
    """A store as a report or a map shows it."""

    store_id: str
    name: str
    latitude: float | None
    longitude: float | None


@dataclass(slots=True, kw_only=True)
class ClusterReport:
    """A chain's scrapable stores by place: clusters by name (largest first), isolated stores, and unusable positions.

    ``rule`` says in words what makes a cluster. ``created`` and ``ended`` name the clusters that the run began and
    closed; they are empty for a report that was only read.
    """

    company: str
    at: datetime
    rule: str
    clusters: dict[str, list[PlacedStore]] = field(default_factory=dict)
    isolated: list[PlacedStore] = field(default_factory=list)
    invalid: list[tuple[PlacedStore, str]] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)


def update_clusters(session: Session, company: Chain, clock: Clock) -> ClusterReport:
    """Cluster the chain's active stores of the kept divisions anew and store the result.

    A cluster keeps its id and name while most of its stores stay together. Stores that are isolated, or whose position
    is unusable, belong to no cluster and are listed. Raises InputError when no store of the chain is known.
    """
    company_id, stores = _scrapable_stores(session, company)
    points = {store.id: StorePoint(store.id, store.latitude, store.longitude) for store in stores}
    clustering = find_clusters(points.values(), eps_km=company.eps_km, min_samples=company.min_samples)
    rows = {row.id: row for row in session.scalars(sa.select(GeoCluster).where(GeoCluster.company_id == company_id))}
    old: defaultdict[int, set[int]] = defaultdict(set)
    for store in stores:
        if store.cluster_id is not None:
            old[store.cluster_id].add(store.id)
    kept = match_clusters(old, clustering.clusters)
    before = {row.name for row in rows.values() if row.is_active}
    taken = {rows[cluster_id].name for cluster_id in kept.values()}
    now = clock()
    found: list[GeoCluster] = []
    for index, members in enumerate(clustering.clusters):
        inside = [points[store] for store in sorted(members)]
        row = rows.get(kept.get(index, 0)) or GeoCluster(
            company_id=company_id, name=name_cluster(inside, taken), created_at=now
        )
        row.latitude, row.longitude = centre(inside)
        row.is_active = True
        taken.add(row.name)
        found.append(row)
    session.add_all(found)
    session.flush()
    cluster_of = {store: row.id for row, members in zip(found, clustering.clusters, strict=True) for store in members}
    for cluster_id in rows.keys() - set(kept.values()):
        rows[cluster_id].is_active = False
    _assign(session, company_id, cluster_of)
    report = _report(session, company, stores, cluster_of, clustering, now)
    report.created, report.ended = sorted(taken - before), sorted(before - taken)
    return report


def read_clusters(session: Session, company: Chain, clock: Clock) -> ClusterReport:
    """Return the clusters as they are stored; raise InputError when no store of the chain is known."""
    _, stores = _scrapable_stores(session, company)
    cluster_of = {store.id: store.cluster_id for store in stores if store.cluster_id is not None}
    invalid = invalid_stores(StorePoint(store.id, store.latitude, store.longitude) for store in stores)
    isolated = {store.id for store in stores} - cluster_of.keys() - invalid.keys()
    return _report(session, company, stores, cluster_of, Clustering([], isolated, invalid), clock())


def _scrapable_stores(session: Session, company: Chain) -> tuple[int, list[Store]]:
    company_id = company_row_id(session, company)
    stores = (
        list(session.scalars(sa.select(Store).where(scrapable(company_id, company)).order_by(Store.id)))
        if company_id is not None
        else []
    )
    if company_id is None or not stores:
        kept = f" in {', '.join(company.divisions_kept)}" if company.divisions_kept else ""
        raise InputError(
            f"no active store of {company.slug}{kept} is known; run: scrapy crawl {company.slug}_stores, then: "
            "splitcart update stores"
        )
    return company_id, stores


def _assign(session: Session, company_id: int, cluster_of: dict[int, int]) -> None:
    """Write ``stores.cluster_id`` where it changes; stores that are not named here belong to no cluster."""
    current = sa.select(Store).where(Store.company_id == company_id)
    for store in session.scalars(current):
        store.cluster_id = cluster_of.get(store.id)
    session.flush()  # one executemany of the rows that differ


def _report(
    session: Session,
    company: Chain,
    stores: Iterable[Store],
    cluster_of: dict[int, int],
    clustering: Clustering,
    now: datetime,
) -> ClusterReport:
    names = {
        row.id: row.name
        for row in session.execute(
            sa.select(GeoCluster.id, GeoCluster.name).where(GeoCluster.id.in_(set(cluster_of.values())))
        )
    }
    rule = f"{company.min_samples} or more stores within {company.eps_km:g} km"
    report = ClusterReport(company=company.name, at=now, rule=rule)
    inside: defaultdict[int, list[PlacedStore]] = defaultdict(list)
    for store in stores:
        placed = PlacedStore(store.store_id, store.name, store.latitude, store.longitude)
        if store.id in cluster_of:
            inside[cluster_of[store.id]].append(placed)
        elif store.id in clustering.invalid:
            report.invalid.append((placed, clustering.invalid[store.id]))
        else:
            report.isolated.append(placed)
    largest_first = sorted(inside, key=lambda cluster_id: (-len(inside[cluster_id]), cluster_id))
    report.clusters = {names[cluster_id]: inside[cluster_id] for cluster_id in largest_first}
    return report
