"""Retiring history: months that nobody asks for any more go to files, and then out of the database."""

import gzip
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.database import reading, transaction
from splitcart.database.models import (
    OFFER_COLUMNS,
    Company,
    Crawl,
    PriceHistory,
    RetiredMonth,
    Sku,
    Store,
)
from splitcart.database.partitions import month_after, month_of
from splitcart.database.retention import drop_history, read_horizon, thin_coverage
from splitcart.errors import FailedError, InputError
from splitcart.measures.clock import Clock
from splitcart.transfer.disk import publish

FOLDER = "retired"
MIN_MONTHS = 3  # grouping looks back weeks, and an archive that is built on them, too


@dataclass(slots=True)
class Retirement:
    """What one run did: rows of each month that was archived, and rows that left the database."""

    horizon: datetime
    months: dict[str, int] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    intervals: int = 0
    coverage: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON takes it."""
        return asdict(self)


def retire_history(engine: sa.Engine, data_dir: Path, keep_months: int, clock: Clock) -> Retirement:
    """Archive and drop the closed intervals of months before the last ``keep_months`` and the present one.

    Each month is a transaction: its file is on disk before its rows are gone. Raises InputError for fewer than
    MIN_MONTHS, FailedError when a month cannot be archived whole.
    """
    if keep_months < MIN_MONTHS:
        raise InputError(f"{keep_months} months are too few to keep: grouping looks back; keep at least {MIN_MONTHS}")
    horizon = months_before(month_of(clock()), keep_months)
    result = Retirement(horizon)
    while (month := _next_month(engine, horizon)) is not None:
        with transaction(engine) as session:
            _keep_writers_away(session)
            _retire_month(session, data_dir, month, clock(), result)
    with transaction(engine) as session:
        if (reached := read_horizon(session)) is not None:
            result.horizon = reached
            _keep_writers_away(session)
            result.intervals += drop_history(session, reached)  # what replays of old files left
            result.coverage = thin_coverage(session, reached)
    return result


def months_before(month: datetime, count: int) -> datetime:
    """Return the beginning of the month that lies ``count`` months before ``month``."""
    months = month.year * 12 + month.month - 1 - count
    return month.replace(year=months // 12, month=months % 12 + 1)


def _next_month(engine: sa.Engine, horizon: datetime) -> datetime | None:
    """The oldest month before ``horizon`` that has rows and was not retired yet."""
    with reading(engine) as session:
        reached = read_horizon(session)
        query = sa.select(sa.func.min(PriceHistory.until)).where(PriceHistory.until < horizon)
        oldest = session.scalar(query if reached is None else query.where(PriceHistory.until >= reached))
    return None if oldest is None else month_of(oldest)


def _keep_writers_away(session: Session) -> None:
    """Nobody may add to a month between its archiving and its dropping; on SQLite nobody can anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text("LOCK TABLE price_history IN SHARE ROW EXCLUSIVE MODE"))


def _retire_month(session: Session, data_dir: Path, month: datetime, now: datetime, result: Retirement) -> None:
    name = f"{FOLDER}/price_history-{month:%Y-%m}.jsonl.gz"
    rows, sha256 = _archive(session, data_dir / name, month, now)
    session.add(RetiredMonth(month=month, rows=rows, file=name, sha256=sha256, retired_at=now))
    session.flush()
    result.intervals += drop_history(session, month_after(month))
    result.months[f"{month:%Y-%m}"] = rows
    result.files.append(name)


def _archive(session: Session, final: Path, month: datetime, now: datetime) -> tuple[int, str]:
    """Write a month's intervals, by the names that people use; return their number and the file's SHA-256."""
    final.parent.mkdir(parents=True, exist_ok=True)
    temporary = final.with_suffix(".partial")
    count = 0
    with gzip.GzipFile(temporary, "wb", mtime=0) as file:
        for interval in _intervals(session, month):
            file.write(orjson.dumps({"interval": interval}) + b"\n")
            count += 1
        closing = {"kind": "price_history", "month": f"{month:%Y-%m}", "generated_at": now, "count": count}
        file.write(orjson.dumps({"batch": closing}) + b"\n")
    expected = session.scalar(sa.select(sa.func.count()).select_from(PriceHistory).where(*_within(month)))
    if count != expected:
        temporary.unlink()
        raise FailedError(
            f"{month:%Y-%m} has {expected} intervals, {count} of them of known stores, skus and crawls;"
            " run: splitcart db check"
        )
    publish(temporary, final)
    with final.open("rb") as file_on_disk:
        return count, file_digest(file_on_disk, "sha256").hexdigest()


def _intervals(session: Session, month: datetime) -> Iterator[dict[str, Any]]:
    offer = [getattr(PriceHistory, name) for name in OFFER_COLUMNS]
    rows = session.execute(
        sa.select(
            Company.slug.label("company"),
            Store.store_id.label("store_id"),
            Sku.code.label("sku"),
            PriceHistory.since,
            PriceHistory.until,
            PriceHistory.reason,
            Crawl.crawl_id.label("crawl_id"),
            *offer,
        )
        .join_from(PriceHistory, Store, Store.id == PriceHistory.store_id)
        .join(Company, Company.id == Store.company_id)
        .join(Sku, Sku.id == PriceHistory.sku_id)
        .join(Crawl, Crawl.id == PriceHistory.crawl_id)
        .where(*_within(month))
        .order_by(PriceHistory.store_id, PriceHistory.sku_id, PriceHistory.until)
        .execution_options(yield_per=10_000)
    )
    for row in rows.mappings():
        yield {name: value for name, value in row.items() if value is not None}


def _within(month: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return PriceHistory.until >= month, PriceHistory.until < month_after(month)
