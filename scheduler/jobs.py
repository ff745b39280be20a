"""What became of the jobs on scrapyd's nodes: their word held against our leases."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.leases import LEASE_MINUTES, take_back
from scheduler.nodes import NodeError, NodeJobs
from splitcart.database.models import Lease, ScrapydJob, Store

BLOCKS = ("blocked", "rate_limited")  # what a site does to a host
NOT_ASKED = timedelta(days=1)
REOPENED = timedelta(days=7)  # a node that comes back may still run what was given up so long ago
PROBLEM_LENGTH = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a job may wait in a node's queue, and how long be silent where its node does not know it."""

    pending: timedelta = timedelta(minutes=30)
    silent: timedelta = timedelta(minutes=15)  # five signs of life


@dataclass(slots=True)
class _Work:
    """The leases of one job: how many stores it took, which it still holds, how the others ended, its last sign."""

    taken: int = 0
    held: list[tuple[int, str]] = field(default_factory=list)  # lease, store
    failures: list[tuple[str, str]] = field(default_factory=list)  # failure class, store
    finished: int = 0
    alive_at: datetime | None = None


class _End(NamedTuple):
    state: str
    problem: str | None


def read_jobs(session: Session, now: datetime) -> list[ScrapydJob]:
    """Return the jobs that are open, and those given up lately that their node may still run; oldest first."""
    given_up = sa.and_(ScrapydJob.state == "vanished", ScrapydJob.ended_at > now - REOPENED)
    wanted = sa.select(ScrapydJob).where(sa.or_(ScrapydJob.ended_at.is_(None), given_up))
    return list(session.scalars(wanted.order_by(ScrapydJob.id)))


def reconcile(
    session: Session,
    answers: Mapping[str, NodeJobs | NodeError],
    now: datetime,
    patience: Patience,
    is_due: Callable[[int], bool],
) -> list[ScrapydJob]:
    """Bring the jobs up to date with what their nodes say (by address); return those that ended.

    A job that ended, however, holds no store afterwards. A job whose node is down, or does not know it (restarted with
    its memory gone), may still be at work: it is given up only when its leases have shown no sign of life for
    ``patience.silent`` (a day, where its node is not asked any more). ``is_due`` tells whether anything of a company
    (row id) is waiting to be crawled: a job that took no store although something was has failed.
    """
    jobs = read_jobs(session, now)
    work = _read_work(session, jobs)
    ended = []
    for job in jobs:
        answer, own = answers.get(job.node), work[job.job_id]
        place = _place(job, answer)
        if place in {"running", "pending"}:
            job.state, job.problem, job.ended_at = place, None, None  # one given up, too: its node came back
            waited = now - job.scheduled_at
            is_stuck = place == "pending" and waited > patience.pending
            end = _End("stuck", f"waited {_minutes(waited)} for a process") if is_stuck else None
        elif job.ended_at is not None:
            continue
        elif place == "finished":
            end = _outcome(own, is_due=is_due(job.company_id))
        else:
            end = _silence(job, own, answer, now, patience)
        if end is not None:
            job.state, job.ended_at = end.state, now
            job.problem = end.problem[:PROBLEM_LENGTH] if end.problem else None
            take_back(session, lambda: now, lease_ids=[lease for lease, _ in own.held])
            ended.append(job)
    session.flush()
    return ended


def _place(job: ScrapydJob, answer: NodeJobs | NodeError | None) -> str:
    """Return where its node has the job: pending, running, finished, or unknown."""
    if isinstance(answer, NodeJobs):
        for place in ("running", "pending", "finished"):
            if job.job_id in getattr(answer, place):
                return place
    return "unknown"


def _silence(
    job: ScrapydJob, work: _Work, answer: NodeJobs | NodeError | None, now: datetime, patience: Patience
) -> _End | None:
    """Judge a job that no node tells of by its leases; None while they live."""
    silent = now - max(job.scheduled_at, work.alive_at or job.scheduled_at)
    is_asked = answer is not None
    if silent <= (patience.silent if is_asked else max(patience.silent, NOT_ASKED)):
        if isinstance(answer, NodeJobs):
            job.state = "lost"
        return None
    if isinstance(answer, NodeJobs) and work.taken and not work.held:
        return _outcome(work, is_due=False)
    why = "does not know it" if isinstance(answer, NodeJobs) else "does not answer" if is_asked else "is not asked"
    return _End("vanished", f"its node {why}, no sign of life for {_minutes(silent)}")


def _outcome(work: _Work, *, is_due: bool) -> _End:
    """Judge a job whose process is over by the stores that it took."""
    for failure, store in work.failures:
        if failure in BLOCKS:
            return _End("blocked", f"{failure} at store {store}")
    if work.held:
        return _End("failed", f"ended with store {work.held[0][1]} in hand")
    if not work.taken and is_due:
        return _End("failed", "took no store although some are due; its log on the node says why")
    if work.failures and not work.finished:
        return _End("failed", f"{work.failures[-1][0]} at store {work.failures[-1][1]}")
    return _End("finished", None)


def _read_work(session: Session, jobs: Sequence[ScrapydJob]) -> defaultdict[str, _Work]:
    """Return by job id what its leases tell; a worker that is a job is named ``host/job``."""
    work: defaultdict[str, _Work] = defaultdict(_Work)
    open_jobs = {job.job_id for job in jobs if job.ended_at is None}
    if not open_jobs:
        return work
    since = min(job.scheduled_at for job in jobs if job.ended_at is None) - timedelta(hours=1)
    companies = {job.company_id for job in jobs}
    rows = session.execute(
        sa.select(Lease, Store.store_id)
        .join(Store, Store.id == Lease.store_id)
        .where(Lease.company_id.in_(companies), Lease.leased_at >= since, Lease.worker.contains("/"))
        .order_by(Lease.id)
    )
    for lease, store_id in rows:
        job_id = lease.worker.rpartition("/")[2]
        if job_id in open_jobs:
            _add(work[job_id], lease, store_id)
    return work


def _add(work: _Work, lease: Lease, store_id: str) -> None:
    work.taken += 1
    if lease.released_at is None:
        work.held.append((lease.id, store_id))
        sign = max(lease.leased_at, lease.expires_at - timedelta(minutes=LEASE_MINUTES))
    else:
        sign = lease.leased_at if lease.outcome == "expired" else lease.released_at
    if lease.outcome in {"finished", "partial"}:
        work.finished += 1
    if lease.outcome in {"failed", "partial", "expired"}:
        work.failures.append((lease.failure_class or lease.outcome, store_id))
    work.alive_at = max(work.alive_at or sign, sign)


def capacity(session: Session, jobs: Iterable[ScrapydJob]) -> dict[int, int]:
    """Return by company (row id) how many stores its open jobs may still take."""
    jobs = [job for job in jobs if job.ended_at is None]
    work = _read_work(session, jobs)
    left: dict[int, int] = defaultdict(int)
    for job in jobs:
        left[job.company_id] += max(0, job.stores - work[job.job_id].taken)
    return left


def _minutes(span: timedelta) -> str:
    return f"{span / timedelta(minutes=1):.0f} minutes"
