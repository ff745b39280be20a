"""A small chain in a real database, told in a few words: stores, crawls, groups, and a clock that is moved by hand."""

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler import QueueEntry, ScrapeScheduler, lease_stores, release_lease
from splitcart.config import Chain
from splitcart.database import transaction
from splitcart.database.models import (
    Candidate,
    Category,
    Company,
    Coverage,
    Crawl,
    Division,
    GeoCluster,
    GroupEvent,
    InferenceAudit,
    Lease,
    Membership,
    Store,
    StoreCategory,
    StoreGroup,
)
from splitcart.measures.lease import StoreLease

# A Friday; the last change of prices was on Wednesday.
START = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
CHAIN = Chain(
    name="Testmart",
    slug="testmart",
    store_id_pattern=r"S\d+",
    base_urls={},
    divisions_kept=[],
    change_times=["Wed 00:00"],
)


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


class World:
    def __init__(self, engine: sa.Engine, chain: Chain = CHAIN) -> None:
        self.engine = engine
        self.chain = chain
        self.now = START
        self.rng = Random(7)
        self._numbers = itertools.count(1)
        self.company_id = self._add(Company(slug=chain.slug, name=chain.name))
        self.roots = [
            self._add(Category(company_id=self.company_id, name=name, path=name)) for name in ("Dairy", "Produce")
        ]

    def clock(self) -> datetime:
        return self.now

    def wait(self, count: float) -> None:
        self.now += hours(count)

    def _add(self, row) -> int:
        return self._add_all([row])[0]

    def _add_all(self, rows) -> list[int]:
        with transaction(self.engine) as session:
            session.add_all(rows)
            session.flush()
            return [row.id for row in rows]

    def change(self, model, row_id: int, **values) -> None:
        with transaction(self.engine) as session:
            session.execute(sa.update(model).where(model.id == row_id).values(**values))

    # what is there

    def division(self, name: str) -> int:
        return self._add(Division(company_id=self.company_id, name=name))

    def cluster(self, name: str, stores: int = 0) -> int:
        row = GeoCluster(company_id=self.company_id, name=name, latitude=-32, longitude=116, created_at=START)
        cluster_id = self._add(row)
        self._add_all([self._store(cluster_id) for _ in range(stores)])
        return cluster_id

    def store(self, cluster_id: int | None = None, **facts) -> int:
        return self._add(self._store(cluster_id, **facts))

    def _store(self, cluster_id: int | None, **facts) -> Store:
        number = next(self._numbers)
        store_id = f"G{number:03}" if self.chain.slug == "aldi" else f"S{number:04}"
        place = {"state": "WA", "latitude": -32 - number / 1e4, "longitude": 116.0}
        defaults = {"store_id": store_id, "name": f"Store {number}", **place}
        return Store(company_id=self.company_id, cluster_id=cluster_id, **(defaults | facts))

    def stores_of(self, cluster_id: int | None) -> set[int]:
        with Session(self.engine) as session:
            return set(session.scalars(sa.select(Store.id).where(Store.cluster_id.is_not_distinct_from(cluster_id))))

    def crawl(self, *stores: int, ago: float = 0, rows: int = 100, roots: Iterable[str] = ("Dairy", "Produce")) -> int:
        """Each store was crawled ``ago`` hours before now, and the file ingested at once; returns the last crawl."""
        at = self.now - hours(ago)
        with transaction(self.engine) as session:
            categories = list(session.scalars(sa.select(Category).where(Category.name.in_(set(roots)))))
            for store in stores:
                crawl = self._crawl(store, at, rows)
                session.add(crawl)
                session.flush()
                for category in categories:
                    _cover(session, store, category.id, crawl, rows)
            return crawl.id

    def _crawl(self, store: int, at: datetime, rows: int) -> Crawl:
        window = {"started_at": at, "finished_at": at, "observed_from": at, "observed_to": at, "ingested_at": at}
        file = {"scope": [], "counts": {}, "rows": rows, "sha256": "0", "file": "f", "finish_reason": "finished"}
        name = f"c{next(self._numbers)}"
        return Crawl(
            crawl_id=name, company_id=self.company_id, store_id=store, spider="test", complete=True, **window, **file
        )

    def group(self, members: Iterable[int], ambassador: int | None = None, category: int | None = None, **facts) -> int:
        members = list(members)
        defaults = {"name": f"Group {next(self._numbers)}", "created_at": self.now - hours(500), "status": "HEALTHY"}
        row = StoreGroup(
            company_id=self.company_id, ambassador_id=ambassador, category_id=category, **(defaults | facts)
        )
        group_id = self._add(row)
        for store in members:
            since = self.now - hours(400)
            self._add(
                Membership(store_id=store, group_id=group_id, category_id=category, since=since, confirmed_at=since)
            )
        return group_id

    def park(self, *stores: int) -> None:
        """Each store failed five times in a row, just now."""
        facts = {"company_id": self.company_id, "worker": "host", "mode": "discovery", "kind": "chosen", "reason": ""}
        ended = {"outcome": "failed", "failure_class": "unknown_store"}
        times = {"leased_at": self.now, "expires_at": self.now, "released_at": self.now}
        self._add_all([Lease(store_id=store, **facts, **ended, **times) for store in stores for _ in range(5)])

    def suspend(self, group_id: int, store: int) -> None:
        with transaction(self.engine) as session:
            session.execute(
                sa.update(Membership)
                .where(Membership.group_id == group_id, Membership.store_id == store)
                .values(suspended_at=self.now)
            )

    def candidate(self, group_id: int, store: int, crawl_id: int) -> int:
        return self._add(Candidate(group_id=group_id, store_id=store, crawl_id=crawl_id, stamped_at=self.now))

    def verdict(self, group_id: int, store: int, verdict: str) -> None:
        facts = {"group_id": group_id, "store_id": store, "kind": "verdict", "verdict": verdict, "figures": {}}
        self._add(GroupEvent(company_id=self.company_id, at=self.now, **facts))

    def audit(self, group_id: int, store: int, compared: int, equal: int) -> None:
        """What had been inferred for a store was compared with its crawl, just now."""
        counts = {"compared": compared, "equal": equal, "inferred_compared": compared, "inferred_equal": equal}
        crawl = self.crawl(store, ago=30)
        facts = {"store_id": store, "group_id": group_id, "crawl_id": crawl, "audited_at": self.now}
        self._add(InferenceAudit(**facts, **counts))

    def news(self, group_id: int, store: int, *, waiting: bool, share: float = 0.0) -> None:
        facts = {"group_id": group_id, "store_id": store, "kind": "news_waiting" if waiting else "news"}
        self._add(GroupEvent(company_id=self.company_id, at=self.now, figures={"share": share}, **facts))

    # what is asked

    def scheduler(self, session: Session, **options) -> ScrapeScheduler:
        return ScrapeScheduler(session, self.chain, self.clock, self.rng, **options)

    def queue(self, mode: str = "", limit: int = 100, **options) -> list[QueueEntry]:
        with Session(self.engine) as session:
            scheduler = self.scheduler(session, **options)
            ask = getattr(scheduler, f"get_{mode}_mode_queue" if mode else "get_queue")
            return ask(limit)

    def lease(self, limit: int = 1, worker: str = "host", **options) -> list[StoreLease]:
        with transaction(self.engine) as session:
            return lease_stores(session, self.chain, worker, limit, self.clock, self.rng, **options)

    def release(self, lease: StoreLease, outcome: str = "finished", failure_class: str | None = None) -> None:
        with transaction(self.engine) as session:
            release_lease(session, lease.lease_id or 0, outcome, failure_class, self.clock)

    def lease_row(self, lease: StoreLease) -> Lease:
        with Session(self.engine) as session:
            return session.get_one(Lease, lease.lease_id)

    def row_id(self, lease: StoreLease) -> int:
        return self.lease_row(lease).store_id

    def lease_and_crawl(self, **options) -> StoreLease | None:
        """One store goes out, is crawled, and its file ingested, half an hour later."""
        leases = self.lease(1, **options)
        if not leases:
            return None
        self.wait(0.5)
        self.crawl(self.row_id(leases[0]))
        self.release(leases[0])
        return leases[0]

    def fail(self, failure_class: str = "network") -> StoreLease | None:
        leases = self.lease(1)
        if not leases:
            return None
        self.wait(0.1)
        self.release(leases[0], "failed", failure_class)
        return leases[0]


def _cover(session: Session, store: int, category: int, crawl: Crawl, rows: int) -> None:
    at = crawl.observed_to
    session.add(
        Coverage(store_id=store, category_id=category, crawl_id=crawl.id, observed_from=at, observed_to=at, rows=rows)
    )
    covered = session.get(StoreCategory, (store, category))
    if covered is None:
        session.add(StoreCategory(store_id=store, category_id=category, covered_at=at, crawl_id=crawl.id))
    elif covered.covered_at <= at:
        covered.covered_at, covered.crawl_id = at, crawl.id
