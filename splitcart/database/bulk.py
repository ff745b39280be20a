"""The only place that knows how each dialect loads many rows at once."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session


def open_scratch(session: Session, table: sa.Table) -> None:
    """Create the temporary ``table`` of this connection, or empty it."""
    session.execute(sa.schema.CreateTable(table, if_not_exists=True))
    session.execute(sa.delete(table))


def load(session: Session, table: sa.Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Append rows (values in the order of ``columns``): binary COPY on PostgreSQL, executemany on SQLite."""
    if session.get_bind().dialect.name == "postgresql":
        _copy(session, table, columns, rows)
        return
    named = [dict(zip(columns, row, strict=True)) for row in rows]
    if named:
        session.execute(sa.insert(table), named)


def _copy(session: Session, table: sa.Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    driver: Any = session.connection().connection.driver_connection
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy
    types = [table.c[name].type.compile(dialect).split("(")[0].lower() for name in columns]
    names = ", ".join(f'"{name}"' for name in columns)
    with driver.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN (FORMAT BINARY)') as copy:
        copy.set_types([_PG_TYPES.get(name, name) for name in types])
        for row in rows:
            copy.write_row(row)


_PG_TYPES = {"varchar": "text", "timestamp with time zone": "timestamptz", "integer": "int4", "boolean": "bool"}


def insert_missing(session: Session, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows; one that breaks a unique rule is passed over, since another worker was quicker."""
    if not rows:
        return
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(dialect.insert(table).on_conflict_do_nothing(), rows)


def reserve_ids(session: Session, table: sa.Table, count: int) -> list[int]:
    """Return ``count`` row ids of ``table`` that nobody else will get."""
    if session.get_bind().dialect.name == "postgresql":
        sequence = sa.func.pg_get_serial_sequence(table.name, "id")
        ids = sa.select(sa.func.nextval(sa.cast(sequence, postgresql.REGCLASS))).select_from(
            sa.func.generate_series(1, count).alias("n")
        )
        return list(session.scalars(ids))
    highest = session.scalar(sa.select(sa.func.max(table.c.id))) or 0  # SQLite: one writer at a time
    return list(range(highest + 1, highest + 1 + count))
