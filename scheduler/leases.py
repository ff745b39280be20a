"""Handing stores out for a bounded time, and taking them back."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.entry import QueueEntry
from scheduler.past import AHEAD
from scheduler.queue import ScrapeScheduler
from scheduler.roster import ENDED_WELL, company_row_id
from splitcart.config import Chain
from splitcart.database.models import Category, Company, Coverage, Lease, Store, StoreCategory, StoreGroup
from splitcart.errors import FailedError, InputError
from splitcart.measures.clock import Clock, system_clock
from splitcart.measures.lease import StoreLease

LEASE_MINUTES = 60
OUTCOMES = (*ENDED_WELL, "failed")
EXPIRED = "expired"
REASON_LENGTH, WORKER_LENGTH, FAILURE_LENGTH = 255, 120, 40


class LeaseError(FailedError):
    """A lease is not held any more, or never was; the store may be with another worker."""


def lease_stores(
    session: Session,
    company: Chain,
    worker: str,
    limit: int,
    clock: Clock,
    rng: Random,
    cluster: str | None = None,
    minutes: float = LEASE_MINUTES,
) -> list[StoreLease]:
    """Hand up to ``limit`` stores to ``worker`` for ``minutes``; an empty list means that nothing is due.

    Works in the caller's transaction, which must be READ COMMITTED on PostgreSQL (the default): calls for one company
    wait for each other, so that no store goes out twice and the queue's pattern holds over all hosts. Raises InputError
    for a cluster that does not exist.
    """
    if not lock_for_leasing(session, company):
        return []
    now = now_of(session, clock)  # once: what expires between two looks would be free, and held
    entries = take_back_and_queue(session, company, limit, now, rng, cluster)
    return hand_out(session, company, entries, worker, now, minutes)


def lock_for_leasing(session: Session, company: Chain, *, wait: bool = True) -> bool:
    """Be the only one that lends stores of a company until the transaction ends; False when no store of it is known.

    Without ``wait`` the answer is False also when another is at it. SQLite has locked already.
    """
    row = sa.select(Company.id).where(Company.slug == company.slug)
    # NO KEY UPDATE: other transactions may still point foreign keys at the company.
    return session.scalar(row.with_for_update(key_share=True, skip_locked=not wait)) is not None


def now_of(session: Session, clock: Clock) -> datetime:
    """Return the instant by which leases are given: real time is the database's, since the clocks of hosts differ.

    Any other clock is a rehearsal's and counts as it is; SQLite's hosts are one machine.
    """
    if clock is system_clock and session.get_bind().dialect.name == "postgresql":
        now: datetime = session.scalars(sa.select(sa.func.clock_timestamp())).one()
        return now.astimezone(UTC)
    return clock()


def take_back_and_queue(
    session: Session, company: Chain, limit: int, now: datetime, rng: Random, cluster: str | None = None
) -> list[QueueEntry]:
    """End the leases of a locked company that have expired, and return up to ``limit`` entries of its queue.

    One that would last for weeks has expired, too: it is of a clock that was wrong.
    """
    of_company = Lease.company_id == sa.select(Company.id).where(Company.slug == company.slug).scalar_subquery()
    _end(session, sa.and_(of_company, sa.or_(Lease.expires_at <= now, Lease.expires_at > now + AHEAD)), now)
    return ScrapeScheduler(session, company, lambda: now, rng, cluster=cluster).get_queue(limit)


def hand_out(
    session: Session, company: Chain, entries: Sequence[QueueEntry], worker: str, now: datetime, minutes: float
) -> list[StoreLease]:
    """Lease the stores of these entries, in this order; the company must be locked.

    Raises InputError for a worker without a name, or with one of more than 120 characters.
    """
    if not worker.strip() or len(worker) > WORKER_LENGTH:
        raise InputError(f"worker {worker[:REASON_LENGTH]!r} is no name of 1 to {WORKER_LENGTH} characters")
    company_id = company_row_id(session, company)
    leases = [
        Lease(
            company_id=company_id,
            store_id=entry.store,
            group_id=entry.group_id,
            cluster_id=entry.cluster_id,
            worker=worker,
            mode=entry.mode,
            kind=entry.kind,
            reason=entry.reason[:REASON_LENGTH],
            leased_at=now,
            expires_at=now + timedelta(minutes=minutes),
        )
        for entry in entries
    ]
    session.add_all(leases)
    session.flush()
    return _describe(session, company.slug, leases, [entry.categories for entry in entries])


def renew_lease(session: Session, lease_id: int, clock: Clock, minutes: float = LEASE_MINUTES) -> StoreLease:
    """Prolong a lease to ``minutes`` from now: the worker's heartbeat. Raise LeaseError when it is lost."""
    lease = _locked(session, lease_id)
    if lease.released_at is not None:
        raise LeaseError(f"lease {lease_id} ended ({lease.outcome}); stop this store and ask for another")
    lease.expires_at = max(lease.expires_at, now_of(session, clock) + timedelta(minutes=minutes))
    session.flush()
    company = session.get_one(Company, lease.company_id).slug
    return _describe(session, company, [lease], [_categories(session, lease)])[0]


def release_lease(session: Session, lease_id: int, outcome: str, failure_class: str | None, clock: Clock) -> None:
    """Take a store back: ``outcome`` is finished, partial or failed, ``failure_class`` why it did not finish.

    The same answer twice is one answer, and a late answer corrects ``expired``. Raises InputError for another outcome
    or a reason of more than 40 characters, and LeaseError for a lease that does not exist or ended otherwise.
    """
    if outcome not in OUTCOMES:
        raise InputError(f"a lease ends with one of {', '.join(OUTCOMES)}, not {outcome!r}")
    if failure_class is not None and len(failure_class) > FAILURE_LENGTH:
        raise InputError(f"the reason {failure_class!r} is longer than {FAILURE_LENGTH} characters; say it in a word")
    lease = _locked(session, lease_id)
    if lease.outcome in {None, EXPIRED}:
        lease.released_at = lease.released_at or now_of(session, clock)
        lease.outcome, lease.failure_class = outcome, failure_class
        session.flush()
    elif lease.outcome != outcome:
        raise LeaseError(f"lease {lease_id} has ended already ({lease.outcome}); it cannot end as {outcome}")


def take_back(
    session: Session, clock: Clock, *, lease_ids: Collection[int] = (), worker: str | None = None
) -> list[int]:
    """Take stores back by hand, from a worker that is known to be dead; return the leases that were still held."""
    condition = Lease.id.in_(lease_ids) if worker is None else Lease.worker == worker
    return _end(session, condition, now_of(session, clock))


def _end(session: Session, condition: sa.ColumnElement[bool], now: datetime) -> list[int]:
    ended = sa.update(Lease).where(condition, Lease.released_at.is_(None)).values(released_at=now, outcome=EXPIRED)
    return sorted(session.scalars(ended.returning(Lease.id)))


def _locked(session: Session, lease_id: int) -> Lease:
    lease = session.get(Lease, lease_id, with_for_update=True, populate_existing=True)
    if lease is None:
        raise LeaseError(f"there is no lease {lease_id}; ask for a store")
    return lease


def _categories(session: Session, lease: Lease) -> tuple[str, ...] | None:
    """What of the store was leased: the category of its group, where the group is about one."""
    name = session.scalar(
        sa.select(Category.name)
        .join(StoreGroup, StoreGroup.category_id == Category.id)
        .where(StoreGroup.id == lease.group_id)
    )
    return (name,) if name else None


def _describe(
    session: Session, company: str, leases: Sequence[Lease], categories: Sequence[tuple[str, ...] | None]
) -> list[StoreLease]:
    """Tell the worker what it needs to know of each store."""
    row_ids = [lease.store_id for lease in leases]
    stores = {store.id: store for store in session.scalars(sa.select(Store).where(Store.id.in_(row_ids)))}
    expected = _expected_rows(session, row_ids)
    return [
        StoreLease(
            company=company,
            store_id=stores[lease.store_id].store_id,
            reason=lease.reason,
            lease_id=lease.id,
            name=stores[lease.store_id].name,
            retailer_store_id=stores[lease.store_id].retailer_store_id,
            state=stores[lease.store_id].state,
            postcode=stores[lease.store_id].postcode,
            latitude=stores[lease.store_id].latitude,
            longitude=stores[lease.store_id].longitude,
            categories=list(wanted) if wanted else None,
            expected_rows={
                name: rows for name, rows in expected[lease.store_id].items() if wanted is None or name in wanted
            },
            expires_at=lease.expires_at,
        )
        for lease, wanted in zip(leases, categories, strict=True)
    ]


def _expected_rows(session: Session, row_ids: Collection[int]) -> defaultdict[int, dict[str, int]]:
    """Return by store the rows of its newest complete crawl of each root category."""
    rows = session.execute(
        sa.select(StoreCategory.store_id, Category.name, Coverage.rows)
        .join(Category, Category.id == StoreCategory.category_id)
        .join(
            Coverage,
            sa.and_(Coverage.crawl_id == StoreCategory.crawl_id, Coverage.category_id == StoreCategory.category_id),
        )
        .where(StoreCategory.store_id.in_(row_ids))
    )
    expected: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for row_id, name, count in rows:
        expected[row_id][name] = count
    return expected
