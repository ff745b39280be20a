"""Writing a chain's clusters, and reading them back for a map."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.discovery import EVERY
from scheduler.geography import (
    Clustering,
    StorePoint,
    centre,
    find_clusters,
    invalid_stores,
    match_clusters,
    numbered,
)
from scheduler.pieces import cut_cluster, is_piece_name, name_pieces, window_capacity
from scheduler.roster import company_row_id, scrapable
from splitcart.config import Chain
from splitcart.database.models import Division, GeoCluster, Store
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
    closed, ``renamed`` gives the former name of those whose stores were cut or put together; all are empty for a report
    that was only read.
    """

    company: str
    at: datetime
    rule: str
    clusters: dict[str, list[PlacedStore]] = field(default_factory=dict)
    isolated: list[PlacedStore] = field(default_factory=list)
    invalid: list[tuple[PlacedStore, str]] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)


def update_clusters(session: Session, company: Chain, clock: Clock, crawls_a_day: int | None = None) -> ClusterReport:
    """Cluster the chain's active stores of the kept divisions anew, each division apart, and store the result.

    A cluster keeps its id and name while most of its stores stay together. With ``crawls_a_day`` (else the chain's
    setting, 0: unlimited) clusters too large for one comparison window are cut into pieces, which are clusters from
    then on. Stores that are isolated, or whose position is unusable, belong to no cluster and are listed. Raises
    InputError when no store of the chain is known.
    """
    company_id, stores = _scrapable_stores(session, company)
    points = {store.id: store_point(store) for store in stores}
    clustering = find_clusters(points.values(), eps_km=company.eps_km, min_samples=company.min_samples)
    divisions = _division_names(session, company_id, points.values())
    at_most = _piece_limit(company, company.crawls_a_day if crawls_a_day is None else crawls_a_day)
    areas = [
        _Area(piece, f"{name} {divisions.get(piece[0].division, '')}".strip(), number)
        for number, inside in enumerate(clustering.clusters)
        for pieces in [cut_cluster([points[store] for store in inside], at_most or len(inside))]
        for piece, name in zip(pieces, name_pieces(pieces), strict=True)
    ]
    areas.sort(key=lambda area: (-len(area.points), area.points[0].store))
    rows = {row.id: row for row in session.scalars(sa.select(GeoCluster).where(GeoCluster.company_id == company_id))}
    old: defaultdict[int, set[int]] = defaultdict(set)
    for store in stores:
        if store.cluster_id is not None:
            old[store.cluster_id].add(store.id)
    kept = match_clusters(old, [{point.store for point in area.points} for area in areas])
    before = {row.id: row.name for row in rows.values() if row.is_active}
    now = clock()
    found: list[GeoCluster] = []
    for index, (area, name) in enumerate(zip(areas, _names(areas, kept, before), strict=True)):
        row = rows.get(kept.get(index, 0)) or GeoCluster(company_id=company_id, created_at=now)
        row.name, row.is_active = name, True
        row.latitude, row.longitude = centre(area.points)
        found.append(row)
    session.add_all(found)
    session.flush()
    cluster_of = {point.store: row.id for row, area in zip(found, areas, strict=True) for point in area.points}
    for cluster_id in rows.keys() - set(kept.values()):
        rows[cluster_id].is_active = False
    _assign(session, company_id, cluster_of)
    report = _report(session, company, stores, cluster_of, clustering, now)
    after = {row.id: row.name for row in found}
    report.created = sorted(after[key] for key in after.keys() - before.keys())
    report.ended = sorted(before[key] for key in before.keys() - after.keys())
    report.renamed = {after[key]: before[key] for key in after.keys() & before.keys() if after[key] != before[key]}
    return report


@dataclass(frozen=True, slots=True)
class _Area:
    """What becomes one row: a cluster, or a piece of one; ``whole`` numbers the cluster, ``name`` is a proposal."""

    points: list[StorePoint]
    name: str
    whole: int


def _names(areas: list[_Area], kept: dict[int, int], before: dict[int, str]) -> list[str]:
    """Name each area: as before where that is still true, else as proposed, with a number where that is taken.

    A name is no longer true when a cluster was cut or put together; the directions of one city's pieces are kept all
    together or not at all.
    """
    old = [before.get(kept.get(index, 0)) for index in range(len(areas))]
    is_piece = [is_piece_name(area.name) for area in areas]
    fits = [name is not None and is_piece_name(name) == piece for name, piece in zip(old, is_piece, strict=True)]
    cut_anew = {area.whole for area, piece, fit in zip(areas, is_piece, fits, strict=True) if piece and not fit}
    names = {
        index: name
        for index, name in enumerate(old)
        if name is not None and fits[index] and not (is_piece[index] and areas[index].whole in cut_anew)
    }
    for index, area in enumerate(areas):
        if index not in names:
            names[index] = numbered(area.name, set(names.values()))
    return [names[index] for index in range(len(areas))]


def _piece_limit(company: Chain, crawls_a_day: int) -> int | None:
    """Return how many stores a piece may have so that one window holds its discovery; None: any number."""
    if not crawls_a_day:
        return None
    at_most = window_capacity(crawls_a_day, company.window_hours, (EVERY - 1) / EVERY * company.discovery_share)
    if at_most < company.min_samples:
        raise InputError(
            f"{company.slug}: with {crawls_a_day} crawls a day one window of {company.window_hours:g} h holds {at_most}"
            f" stores of a cluster, and a cluster has {company.min_samples} or more; expected more crawls a day"
        )
    return at_most


def _division_names(session: Session, company_id: int, points: Iterable[StorePoint]) -> dict[int | None, str]:
    """Return the divisions to name in clusters: all, when the company's stores are of several; none otherwise."""
    present = {point.division for point in points}
    if len(present) < 2:
        return {}
    rows = session.execute(sa.select(Division.id, Division.name).where(Division.company_id == company_id))
    return {row.id: row.name for row in rows if row.id in present}


def read_clusters(session: Session, company: Chain, clock: Clock) -> ClusterReport:
    """Return the clusters as they are stored; raise InputError when no store of the chain is known."""
    _, stores = _scrapable_stores(session, company)
    cluster_of = {store.id: store.cluster_id for store in stores if store.cluster_id is not None}
    invalid = invalid_stores(map(store_point, stores))
    isolated = {store.id for store in stores} - cluster_of.keys() - invalid.keys()
    return _report(session, company, stores, cluster_of, Clustering([], isolated, invalid), clock())


def store_point(store: Store) -> StorePoint:
    """Return where a stored store is, with what tells whether it can be there."""
    return StorePoint(store.id, store.latitude, store.longitude, store.division_id, store.state, store.postcode)


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
    if any(map(is_piece_name, names.values())):
        rule += ", large ones cut"
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
