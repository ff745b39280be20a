"""Eight processes that lease the stores of one chain as fast as they can: the company's lock against SKIP LOCKED.

    python -m benchmarks.leases

lock: as ``scheduler.leases`` does it, one caller after the other. skip: every caller reads the queue for itself and
takes the first store whose row nobody else has locked. leases/s: of all processes together. off pattern: leases that
stand where the queue's pattern (four of the target, one from outside) wants the other kind. The second pair of rows has
two busy months of leases behind it, whose files came in.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from statistics import mean

import sqlalchemy as sa
from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session

from scheduler.discovery import EVERY
from scheduler.leases import LEASE_MINUTES, hand_out, lease_stores
from scheduler.queue import ScrapeScheduler
from splitcart.config import Chain
from splitcart.database import create_engine, transaction, upgrade
from splitcart.database.models import Category, Company, Crawl, GeoCluster, Lease, Store, StoreCategory
from splitcart.measures.clock import system_clock
from tests.postgres import postgres_server

CHAIN = Chain(name="Bench", slug="bench", store_id_pattern=r"S\d+", base_urls={})
CLUSTERS = {"Sydney": 600, "Melbourne": 300, "Perth": 100}
PAST_LEASES = 20_000
PAGE = 16  # entries that a caller reads to find one that is not locked

Lend = Callable[[Session, int, Random], bool]


def lend_locked(session: Session, worker: int, rng: Random) -> bool:
    """Lease one store as the scheduler does."""
    return bool(lease_stores(session, CHAIN, f"host-{worker}", 1, system_clock, rng))


def lend_skipping(session: Session, worker: int, rng: Random) -> bool:
    """Lease the first store of the queue that no other caller has locked."""
    now = system_clock()
    entries = ScrapeScheduler(session, CHAIN, lambda: now, rng).get_queue(PAGE)
    for entry in entries:
        free = sa.select(Store.id).where(Store.id == entry.store).with_for_update(key_share=True, skip_locked=True)
        held = sa.select(Lease.id).where(Lease.store_id == entry.store, Lease.released_at.is_(None))
        if session.scalar(free) is not None and session.scalar(held) is None:
            hand_out(session, CHAIN, [entry], f"host-{worker}", now, LEASE_MINUTES)
            return True
    return False


def make_chain(engine: sa.Engine, past_leases: int) -> None:
    """Store a chain that nobody has crawled, and leases of the past that ended well."""
    upgrade(engine)
    now = datetime.now(UTC)
    with transaction(engine) as session:
        company = Company(slug=CHAIN.slug, name=CHAIN.name)
        session.add(company)
        session.flush()
        number = 0
        for name, count in CLUSTERS.items():
            cluster = GeoCluster(company_id=company.id, name=name, latitude=-33, longitude=150, created_at=now)
            session.add(cluster)
            session.flush()
            for _ in range(count):
                number += 1
                place = {"latitude": -33 - number / 1e4, "longitude": 150.0}
                facts = {"store_id": f"S{number}", "name": f"Store {number}", "cluster_id": cluster.id, **place}
                session.add(Store(company_id=company.id, **facts))
        old = Store(company_id=company.id, store_id="S0", name="Closed", is_active=False)
        root = Category(company_id=company.id, name="Dairy", path="Dairy")
        session.add_all([old, root])
        session.flush()
        seen = dict.fromkeys(("started_at", "finished_at", "observed_from", "observed_to", "ingested_at"), now)
        file = {"scope": [], "counts": {}, "rows": 1, "sha256": "0", "file": "f", "finish_reason": "finished"}
        names = {"crawl_id": "c", "company_id": company.id, "store_id": old.id, "spider": "bench", "complete": True}
        crawl = Crawl(**names, **seen, **file)
        session.add(crawl)
        session.flush()
        session.add(StoreCategory(store_id=old.id, category_id=root.id, covered_at=now, crawl_id=crawl.id))
        facts = {"company_id": company.id, "store_id": old.id, "worker": "h", "mode": "optimization", "reason": ""}
        begin = now - timedelta(days=59)
        pause = timedelta(days=58) / max(past_leases, 1)
        for turn in range(past_leases):
            at = begin + turn * pause
            ended = {"leased_at": at, "expires_at": at, "released_at": at, "outcome": "finished"}
            session.add(Lease(kind="check", **facts, **ended))


def run(url: str, lend: Lend, workers: int, each: int) -> float:
    """Let every process lease ``each`` stores; return seconds."""
    start = time.time() + 1.0
    children = []
    for worker in range(workers):
        child = os.fork()
        if child == 0:
            engine, rng = create_engine(url), Random(worker)
            with engine.connect():
                time.sleep(max(0.0, start - time.time()))
            for _ in range(each):
                with transaction(engine) as session:
                    lend(session, worker, rng)
            os._exit(0)
        children.append(child)
    if any(os.waitpid(child, 0)[1] for child in children):
        raise RuntimeError("a worker failed")
    return time.time() - start


def off_pattern(engine: sa.Engine) -> float:
    """Return the share of the steps from one lease outside the target to the next that are not five leases long."""
    with Session(engine) as session:
        kinds = session.scalars(sa.select(Lease.kind).where(Lease.mode == "discovery").order_by(Lease.id)).all()
    outside = [place for place, kind in enumerate(kinds) if kind == "outside"]
    return mean(later - earlier != EVERY for earlier, later in pairwise(outside))


@contextmanager
def fresh_database(server: sa.URL, name: str) -> Iterator[sa.Engine]:
    """Make a database on the server, and drop it at the end."""
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine = create_engine(server.set(database=name).render_as_string(hide_password=False))
    try:
        yield engine
    finally:
        engine.dispose()
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


def main() -> None:
    """Measure both ways, without and with a past."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--each", type=int, default=25, help="leases of each process")
    options = parser.parse_args()
    table = Table("way", "past leases", "leases/s", "ms a call", "off pattern")
    with postgres_server({}) as server:
        for past in (0, PAST_LEASES):
            for way, lend in {"lock": lend_locked, "skip": lend_skipping}.items():
                with fresh_database(server, f"{way}_{past}") as engine:
                    make_chain(engine, past)
                    url = engine.url.render_as_string(hide_password=False)
                    engine.dispose()  # nothing open is inherited
                    seconds = run(url, lend, options.workers, options.each)
                    rate = options.workers * options.each / seconds
                    wrong = off_pattern(engine)
                    table.add_row(way, str(past), f"{rate:.1f}", f"{1000 / rate:.1f}", f"{wrong:.0%}")
    Console().print(table)


if __name__ == "__main__":
    main()
