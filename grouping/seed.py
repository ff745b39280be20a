"""The first groups of a company: one per geographic cluster, or none at all."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import sqlalchemy as sa

from grouping.beginning import log_founders
from grouping.lists import found_list
from grouping.memberships import confirm, join_group, leave_group, make_ambassador
from grouping.placing import fits, groups_in_scope
from grouping.references import Step, speak_for_most
from grouping.run import find_company
from grouping.snapshots import read_catalogue
from grouping.ungrouped import kept_divisions
from grouping.verdict import Snapshot
from splitcart.config import Chain
from splitcart.database import transaction
from splitcart.database.locks import lock_company
from splitcart.database.models import Candidate, Crawl, GeoCluster, Store, StoreCategory, StoreGroup
from splitcart.errors import InputError
from splitcart.measures.clock import Clock

How = Literal["geographic", "singletons"]


@dataclass
class SeedReport:
    """What seeding made: stores by group name, and the clusters without any complete coverage."""

    company: str
    how: How
    confirmed: dict[str, list[str]] = field(default_factory=dict)
    unconfirmed: dict[str, list[str]] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    uncovered_clusters: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON takes it."""
        return asdict(self)


def seed(engine: sa.Engine, chain: Chain, how: How, clock: Clock) -> SeedReport:
    """Seed a company's groups; raise InputError when it has groups already or (geographic) no clusters.

    ``geographic``: all stores of a cluster become members of one group, unconfirmed until a crawl proves them; those
    whose baseline crawl shows another list leave it at once. ``singletons``: nothing is written, merging does it all.
    """
    report = SeedReport(chain.slug, how)
    with transaction(engine) as session:
        company_id = find_company(session, chain)
        lock_company(session, company_id, alone=True)
        step = Step(session, chain, company_id, read_catalogue(session, company_id), clock())
        if groups := groups_in_scope(step):
            raise InputError(f"{chain.slug} has {len(groups)} groups already; splitcart group run maintains them")
        if how == "singletons":
            return report
        clusters = session.scalars(
            sa.select(GeoCluster)
            .where(GeoCluster.company_id == company_id, GeoCluster.is_active.is_(True))
            .order_by(GeoCluster.name, GeoCluster.id)
        ).all()
        if not clusters:
            raise InputError(f"{chain.slug} has no clusters; run: splitcart generate clusters")
        for cluster in clusters:
            _seed_cluster(step, cluster, report)
    return report


def _seed_cluster(step: Step, cluster: GeoCluster, report: SeedReport) -> None:
    store_ids = step.session.scalars(
        sa.select(Store.id)
        .where(Store.cluster_id == cluster.id, Store.is_active.is_(True), *kept_divisions(step))
        .order_by(Store.store_id)
    ).all()
    ambassador = _first_ambassador(step, list(store_ids))
    if ambassador is None or ambassador.store_id is None:
        report.uncovered_clusters.append(cluster.name)
        return
    name = f"{step.chain.slug} {step.names[ambassador.store_id]}"
    group = StoreGroup(company_id=step.company_id, name=name, status="HEALTHY", created_at=step.now)
    step.session.add(group)
    step.session.flush()
    found_list(step.session, group.id, [ambassador.store_id])
    log_founders(step, group, [ambassador.store_id])
    for store_id in store_ids:
        join_group(step.session, store_id, group.id, step.now, None)
    confirm(step.session, ambassador.store_id, group.id, ambassador.observed_to)
    step.log("seeded", group, ambassador.store_id, verdict="confirmed", candidate=ambassador.crawl_id)
    make_ambassador(step.session, group, ambassador.store_id, step.now)
    others = [store_id for store_id in store_ids if store_id != ambassador.store_id]
    answers = {store_id: _compare_baseline(step, group, ambassador, store_id) for store_id in others}
    for answer, listed in ((True, report.confirmed), (None, report.unconfirmed), (False, report.left_out)):
        listed[name] = [step.names[store_id] for store_id in others if answers[store_id] is answer]
    report.confirmed[name].append(step.names[ambassador.store_id])


def _first_ambassador(step: Step, store_ids: list[int]) -> Snapshot | None:
    """The freshest complete crawl; where none is complete, the store with the most categories covered."""
    rows = step.session.execute(
        sa.select(StoreCategory.store_id, Store.store_id, Crawl.complete, StoreCategory.covered_at)
        .join(Store, Store.id == StoreCategory.store_id)
        .join(Crawl, Crawl.id == StoreCategory.crawl_id)
        .where(StoreCategory.store_id.in_(store_ids))
        .order_by(Store.store_id)
    ).all()
    whole = [row for row in rows if row.complete]
    if whole:
        return step.snapshots.of_store(max(whole, key=lambda row: row.covered_at)[0])
    counts = {row[0]: sum(other[0] == row[0] for other in rows) for row in rows}
    return step.snapshots.of_store(max(counts, key=lambda store_id: counts[store_id])) if counts else None


def _compare_baseline(step: Step, group: StoreGroup, ambassador: Snapshot, store_id: int) -> bool | None:
    """Compare a member's baseline crawl with the list: True: it shows it, False: it shows another, None: not known yet.

    An unconfirmed member inferred nothing, so that a mismatch within the window lets it go without further proof; out
    of the window, or where the crawl shows too little, it becomes a candidate.
    """
    store = step.snapshots.of_store(store_id)
    if store is None:
        return None
    if found := fits(step, group, store):
        confirm(step.session, store_id, group.id, store.observed_to)
        step.log("seeded", group, store_id, verdict="confirmed", candidate=store.crawl_id, figures=found.figures())
        return True
    compared = speak_for_most(store, step.snapshots.of_list(group.id, step.now))
    if compared and abs(store.observed_to - ambassador.observed_to) <= step.window:
        leave_group(step.session, store_id, step.now, "moved")
        step.log("unseeded", group, store_id, candidate=store.crawl_id, reference=ambassador.crawl_id)
        return False
    if store.crawl_id is not None:
        step.session.add(Candidate(group_id=group.id, store_id=store_id, crawl_id=store.crawl_id, stamped_at=step.now))
        step.session.flush()
    return None
