"""What need not be kept: closed intervals that ended before the history begins, and coverage that no interval needs.

The history begins at the *horizon*: the end of the newest month that was retired. What held at the horizon or later is
told as before; of the time before it nothing is told (docs/operations.md#what-retention-changes).
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.database.models import (
    Base,
    Candidate,
    Coverage,
    Crawl,
    InferenceAudit,
    Price,
    PriceHistory,
    RetiredMonth,
)
from splitcart.database.partitions import drop_month, empty_month, month_after, read_months

_history = Base.metadata.tables["price_history"]


def read_horizon(session: Session) -> datetime | None:
    """Return when the history begins; None: nothing was ever retired."""
    newest = session.scalar(sa.select(sa.func.max(RetiredMonth.month)))
    return None if newest is None else month_after(newest)


def retire_store(session: Session, store_id: int) -> None:
    """Take from one store (row id), whose rows were just rebuilt from all its files, what had been retired."""
    horizon = read_horizon(session)
    if horizon is not None:
        session.execute(sa.delete(PriceHistory).where(PriceHistory.store_id == store_id, *_unneeded(horizon)))
        thin_coverage(session, horizon, Coverage.store_id == store_id)


def drop_history(session: Session, horizon: datetime) -> int:
    """Drop the closed intervals that ended before ``horizon``; return how many. PostgreSQL drops whole partitions."""
    before = _count(session, PriceHistory.until < horizon)
    if session.get_bind().dialect.name == "postgresql":
        for month in sorted(read_months(session)):
            if month_after(month) <= horizon:
                _drop_partition(session, month, horizon)
    else:
        session.execute(sa.delete(PriceHistory).where(*_unneeded(horizon)))
    return before - _count(session, PriceHistory.until < horizon)


def thin_coverage(session: Session, horizon: datetime, *conditions: sa.ColumnElement[bool]) -> int:
    """Delete coverage that ended before ``horizon`` and that nothing needs; return how many rows.

    Of each store and root category two rows remain: the first, since what stood then nobody saw begin, and the last
    before the horizon, which says how fresh the store was there. Crawls that wait for a verdict, and audits that wait
    for the list's next values, keep theirs.
    """
    place = (Coverage.store_id, Coverage.category_id)
    oldest = (Coverage.observed_from, Coverage.observed_to, Crawl.crawl_id)
    newest = (Coverage.observed_to.desc(), Coverage.observed_from.desc(), Crawl.crawl_id.desc())
    ranked = (
        sa.select(
            Coverage.crawl_id,
            Coverage.category_id,
            sa.func.row_number().over(partition_by=place, order_by=oldest).label("from_first"),
            sa.func.row_number().over(partition_by=place, order_by=newest).label("from_last"),
        )
        .join(Crawl, Crawl.id == Coverage.crawl_id)
        .where(Coverage.observed_to < horizon, *conditions)
        .subquery("ranked")
    )
    awaited = sa.union(
        sa.select(Candidate.crawl_id), sa.select(InferenceAudit.crawl_id).where(InferenceAudit.settled_at.is_(None))
    )
    surplus = sa.select(ranked.c.crawl_id, ranked.c.category_id).where(
        ranked.c.from_first > 1, ranked.c.from_last > 1, ranked.c.crawl_id.not_in(awaited)
    )
    chosen = sa.tuple_(Coverage.crawl_id, Coverage.category_id).in_(surplus)
    deleted = session.execute(sa.delete(Coverage).where(chosen).returning(Coverage.crawl_id))
    return len(deleted.all())


def _unneeded(horizon: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """An interval whose gap still stands is needed: it alone tells that gap from a departure."""
    standing_gap = sa.exists().where(
        Price.store_id == PriceHistory.store_id,
        Price.sku_id == PriceHistory.sku_id,
        Price.left_at == PriceHistory.until,
        PriceHistory.reason == "gap",
    )
    return PriceHistory.until < horizon, ~standing_gap


def _drop_partition(session: Session, month: datetime, horizon: datetime) -> None:
    within = (PriceHistory.until >= month, PriceHistory.until < month_after(month))
    ended, not_standing = _unneeded(horizon)
    needed = session.execute(sa.select(_history).where(*within, ended, ~not_standing)).mappings().all()
    if not needed:
        drop_month(session, month)
    elif _count(session, *within) != len(needed):
        empty_month(session, month)
        session.execute(sa.insert(_history), [dict(row) for row in needed])


def _count(session: Session, *conditions: sa.ColumnElement[bool]) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(PriceHistory).where(*conditions)) or 0
