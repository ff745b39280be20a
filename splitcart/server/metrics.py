"""``/metrics`` in the form of Prometheus (docs/http-api.md#metrics lists them)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.orm import Session

from splitcart.database import DatabaseError, reading
from splitcart.database.models import Company, Lease
from splitcart.database.statistics import chain_freshness
from splitcart.measures.clock import Clock
from splitcart.server.counting import BYTES, REJECTS, UPLOADS, Counters
from splitcart.server.keys import Access
from splitcart.server.space import Space
from splitcart.transfer import KINDS
from splitcart.transfer.waiting import inbox_files, rejected_files

if TYPE_CHECKING:
    from datetime import datetime

DAY = timedelta(days=1)


def metrics_routes(space: Space, engine: sa.Engine, clock: Clock, counters: Counters, access: Access) -> APIRouter:
    """Return the endpoint that a Prometheus server reads: on this machine, or with a key of the scope ``admin``."""
    router = APIRouter()
    registry = CollectorRegistry()
    registry.register(ServerCollector(space, engine, clock, counters))

    @router.get("/metrics", dependencies=[Depends(access.local_or("admin"))])
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


class ServerCollector(Collector):
    """Reads everything anew at each scrape: files, counts and database are what all processes share."""

    def __init__(self, space: Space, engine: sa.Engine, clock: Clock, counters: Counters) -> None:
        self._space = space
        self._engine = engine
        self._clock = clock
        self._counters = counters

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics; those of the database are missing while it does not answer."""
        yield from self._uploads()
        yield from self._files()
        up = GaugeMetricFamily("splitcart_database_up", "Whether the database answers")
        try:
            with reading(self._engine) as session:
                found = [*_freshness(session, self._clock()), *_leases(session, self._clock())]
            up.add_metric([], 1)
        except (DatabaseError, sa.exc.SQLAlchemyError):
            found = []
            up.add_metric([], 0)
        yield from [up, *found]

    def _uploads(self) -> Iterator[Metric]:
        for name, text, labels in (
            (UPLOADS, "Uploads that were acknowledged", ["kind", "result"]),
            (BYTES, "Bytes of files that were accepted", ["kind"]),
            (REJECTS, "Uploads that were not taken", ["kind", "reason"]),
        ):
            family = CounterMetricFamily(f"splitcart_{name}", text, labels=labels)
            for values, count in self._counters.read(name).items():
                family.add_metric(values, count)
            yield family

    def _files(self) -> Iterator[Metric]:
        waiting = inbox_files(self._space.folder)
        now = self._clock()
        count = GaugeMetricFamily("splitcart_inbox_files", "Files that wait in an inbox", labels=["kind"])
        age = GaugeMetricFamily("splitcart_inbox_age_seconds", "Age of the oldest of them", labels=["kind"])
        for kind in KINDS:
            ages = [(now - file.since).total_seconds() for file in waiting if file.kind == kind]
            count.add_metric([kind], len(ages))
            age.add_metric([kind], max([0.0, *ages]))
        rejected = GaugeMetricFamily("splitcart_rejected_files", "Files that could not be taken into the database")
        rejected.add_metric([], len(rejected_files(self._space.folder)))
        free = GaugeMetricFamily("splitcart_disk_free_bytes", "Free space below the data folder")
        free.add_metric([], self._space.free_bytes())
        yield from (count, age, rejected, free)


def _freshness(session: Session, now: "datetime") -> Iterator[Metric]:
    stores = GaugeMetricFamily("splitcart_stores", "Active stores", labels=["company"])
    covered = GaugeMetricFamily("splitcart_stores_covered", "Active stores that were ever covered", labels=["company"])
    age = GaugeMetricFamily(
        "splitcart_coverage_age_seconds",
        "Age of the newest coverage of the store that has the newest, and of the one that has the oldest",
        labels=["company", "store"],
    )
    for chain in chain_freshness(session):
        stores.add_metric([chain.company], chain.stores)
        covered.add_metric([chain.company], chain.covered_stores)
        for which, at in (("newest", chain.newest), ("oldest", chain.oldest)):
            if at is not None:
                age.add_metric([chain.company, which], (now - at).total_seconds())
    yield from (stores, covered, age)


def _leases(session: Session, now: "datetime") -> Iterator[Metric]:
    held = GaugeMetricFamily("splitcart_leases", "Leases that are held, or overdue", labels=["company", "state"])
    ended = GaugeMetricFamily(
        "splitcart_leases_ended", "Leases of the last 24 hours that have ended", labels=["company", "outcome"]
    )
    is_open = Lease.released_at.is_(None)
    state = sa.case((~is_open, Lease.outcome), (Lease.expires_at > now, "held"), else_="overdue").label("state")
    counts = session.execute(
        sa.select(Company.slug, is_open.label("is_open"), state, sa.func.count())
        .join(Lease, Lease.company_id == Company.id)
        .where(is_open | (Lease.leased_at > now - DAY))
        .group_by(Company.slug, sa.literal_column("is_open"), sa.literal_column("state"))
        .order_by(Company.slug, sa.literal_column("state"))
    )
    for company, still, name, count in counts:
        (held if still else ended).add_metric([company, name or "ended"], count)
    yield from (held, ended)
