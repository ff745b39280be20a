"""Stores of several companies for one host: each company gets its turn."""

from collections.abc import Collection, Iterator, Sequence
from itertools import zip_longest
from random import Random

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.entry import QueueEntry
from scheduler.leases import LEASE_MINUTES, hand_out, lock_for_leasing, now_of, take_back_and_queue
from splitcart.config import Chain
from splitcart.database.models import Company, Lease
from splitcart.measures.clock import Clock
from splitcart.measures.lease import StoreLease


def lease_in_turns(
    session: Session,
    companies: Collection[Chain],
    worker: str,
    limit: int,
    clock: Clock,
    rng: Random,
    minutes: float = LEASE_MINUTES,
) -> list[StoreLease]:
    """Hand up to ``limit`` stores of any of the companies to ``worker``, by turns; empty: nothing is due anywhere.

    The company that has waited longest since its last lease, to whomever, goes first. One whose queue another caller
    is just served from is passed over (SKIP LOCKED); only when all others have nothing due is it waited for.
    """
    waiting = by_last_lease(session, companies)
    queues: list[tuple[Chain, list[QueueEntry]]] = []
    for wait in (False, True):
        for company in list(waiting):
            if len(queues) == limit or (wait and queues):
                break
            if entries := _locked_queue(session, company, limit, clock, rng, wait=wait):
                queues.append((company, entries))
                waiting.remove(company)
    now = now_of(session, clock)
    leases: list[StoreLease] = []
    for company, entry in _by_turns(queues):
        if len(leases) == limit:
            break
        leases += hand_out(session, company, [entry], worker, now, minutes)
    return leases


def by_last_lease(session: Session, companies: Collection[Chain]) -> list[Chain]:
    """Return those of the companies that have stores, the one that has waited longest for a lease first."""
    newest = (
        sa.select(Lease.id)
        .where(Lease.company_id == Company.id)
        .order_by(Lease.leased_at.desc(), Lease.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    known = sa.select(Company.slug, newest).where(Company.slug.in_([company.slug for company in companies]))
    last = {slug: lease_id or 0 for slug, lease_id in session.execute(known)}
    return sorted((each for each in companies if each.slug in last), key=lambda each: (last[each.slug], each.slug))


def _locked_queue(
    session: Session, company: Chain, limit: int, clock: Clock, rng: Random, *, wait: bool
) -> list[QueueEntry]:
    """Return the queue of a company and keep it locked; lock nothing when there is nothing in it.

    Who held an empty queue while waiting for another could be waited for by that other's holder.
    """
    savepoint = session.begin_nested()
    if lock_for_leasing(session, company, wait=wait):
        entries = take_back_and_queue(session, company, limit, now_of(session, clock), rng)
        if entries:
            savepoint.commit()
            return entries
    savepoint.rollback()
    return []


def _by_turns(queues: Sequence[tuple[Chain, list[QueueEntry]]]) -> Iterator[tuple[Chain, QueueEntry]]:
    for turn in zip_longest(*(entries for _, entries in queues)):
        for (company, _), entry in zip(queues, turn, strict=True):
            if entry is not None:
                yield company, entry
