"""The months of ``price_history``: PostgreSQL keeps one partition for each, by the end of an interval.

There is no default partition: a row that fell into it would keep its month from ever being opened, and no month could
be retired without reading it. A month is opened by whoever is about to write into it.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

TABLE = "price_history"


def month_of(instant: datetime) -> datetime:
    """Return the beginning of the instant's month, in UTC."""
    return instant.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def month_after(month: datetime) -> datetime:
    """Return the beginning of the next month."""
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def open_months(session: Session, instants: Iterable[datetime]) -> list[datetime]:
    """Open the partitions of these instants' months and of the month after each; return those that were missing.

    What writes at the same time goes on meanwhile. SQLite has one table for all months: nothing to open.
    """
    if session.get_bind().dialect.name != "postgresql":
        return []
    months = {month_of(instant) for instant in instants}
    wanted = months | {month_after(month) for month in months}
    if not wanted.difference(read_months(session)):
        return []
    session.execute(sa.text(f"LOCK TABLE {TABLE} IN SHARE UPDATE EXCLUSIVE MODE"))
    missing = sorted(wanted.difference(read_months(session)))  # another worker may have been quicker
    for month in missing:
        _open(session, month)
    return missing


def open_months_of(session: Session, instants: sa.ColumnElement[Any], *conditions: sa.ColumnElement[bool]) -> None:
    """Open the months of a column's instants, which are about to be written as the ends of intervals."""
    if session.get_bind().dialect.name == "postgresql":
        month = sa.func.date_trunc("month", instants, "UTC", type_=instants.type)
        open_months(session, session.scalars(sa.select(month).where(*conditions).distinct()))


def read_months(session: Session) -> set[datetime]:
    """Return the months that have a partition."""
    names = session.scalars(
        sa.text(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = CAST(:history AS regclass)"
        ),
        {"history": TABLE},
    )
    return {datetime.strptime(name, f"{TABLE}_%Y_%m").replace(tzinfo=UTC) for name in names}


def empty_month(session: Session, month: datetime) -> None:
    """Drop a month's partition with all that is in it, and open it anew; readers of the history are waited for."""
    drop_month(session, month)
    _open(session, month)


def drop_month(session: Session, month: datetime) -> None:
    """Drop a month's partition with all that is in it; readers of the history are waited for."""
    session.execute(sa.text(f"DROP TABLE {partition_of(month)}"))


def is_no_partition(name: str | None, kind: str, _parents: object = None) -> bool:
    """Tell Alembic what to compare with the models: the months are parts of a table, not tables."""
    return kind != "table" or name is None or not name.startswith(f"{TABLE}_")


def partition_of(month: datetime) -> str:
    """Return the name of a month's partition."""
    return f"{TABLE}_{month:%Y_%m}"


def _open(session: Session, month: datetime) -> None:
    # Made apart and then attached, since CREATE TABLE … PARTITION OF would wait for every reader of the history.
    name, bounds = partition_of(month), f"FROM ('{month.isoformat()}') TO ('{month_after(month).isoformat()}')"
    session.execute(sa.text(f"CREATE TABLE {name} (LIKE {TABLE} INCLUDING DEFAULTS)"))
    session.execute(sa.text(f"ALTER TABLE {TABLE} ATTACH PARTITION {name} FOR VALUES {bounds}"))
