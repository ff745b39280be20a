"""What was lent lately: the queue's own memory."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.database.models import Crawl, Lease, StoreCategory

MEMORY = timedelta(days=60)  # older leases say nothing about today
LATELY = timedelta(days=10)  # what turns, patterns and groups look back on
AHEAD = timedelta(days=8)  # no lease is longer: what is later than now by more was written by a clock that was wrong


class PastLease(NamedTuple):
    """One lease, held or ended, as the table has it."""

    id: int
    store_id: int
    group_id: int | None
    worker: str
    kind: str
    reason: str
    leased_at: datetime
    expires_at: datetime
    released_at: datetime | None
    outcome: str | None
    failure_class: str | None


def read_past(session: Session, company_id: int, now: datetime) -> list[PastLease]:
    """Return a company's leases that still matter, oldest first.

    These are the late ones, those that are held, and those of the last 60 days that came after the store's last useful
    file (fruitless attempts, however far back they began). What a clock that was wrong wrote into the future does not
    count.
    """
    useful = (
        sa.select(StoreCategory.store_id, sa.func.max(Crawl.ingested_at).label("at"))
        .join(Crawl, Crawl.id == StoreCategory.crawl_id)
        .where(Crawl.company_id == company_id)
        .group_by(StoreCategory.store_id)
        .subquery()
    )
    rows = session.execute(
        sa.select(*(getattr(Lease, name) for name in PastLease._fields))
        .outerjoin(useful, useful.c.store_id == Lease.store_id)
        .where(
            Lease.company_id == company_id,
            Lease.leased_at.between(now - MEMORY, now + AHEAD),
            sa.or_(
                Lease.leased_at >= now - LATELY,
                Lease.released_at.is_(None),
                Lease.leased_at > sa.func.coalesce(useful.c.at, datetime(1970, 1, 1, tzinfo=UTC)),
            ),
        )
        .order_by(Lease.id)
    )
    return [PastLease(*row) for row in rows]
