"""The only place that knows how each dialect loads many rows at once."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

MANY_ROWS = 100  # from here on COPY is quicker than statements, on PostgreSQL


def sqlite_key(column: str) -> sa.PrimaryKeyConstraint:
    """Return the key of a scratch table: SQLite joins by it, PostgreSQL hashes and is spared building it."""
    return sa.PrimaryKeyConstraint(column).ddl_if(dialect="sqlite")


def open_scratch(session: Session, table: sa.Table) -> None:
    """Create the temporary ``table`` of this connection, or empty it."""
    session.execute(sa.schema.CreateTable(table, if_not_exists=True))
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text(f'TRUNCATE "{table.name}"'))  # deleted rows would stay in it
    else:
        session.execute(sa.delete(table))


def load(session: Session, table: sa.Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Append rows (values in the order of ``columns``): binary COPY on PostgreSQL, executemany on SQLite."""
    if session.get_bind().dialect.name == "postgresql":
        _copy(session, table, columns, rows)
        return
    _execute_many(session, table, columns, rows)


def _execute_many(session: Session, table: sa.Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Hand tuples to the driver as they are, which takes a third of the time of rows by name."""
    dialect = session.get_bind().dialect
    types = [table.c[name].type for name in columns]
    binders = [
        None if isinstance(kind, sa.Boolean) else kind.dialect_impl(dialect).bind_processor(dialect) for kind in types
    ]  # the driver takes booleans itself
    if any(binders):
        rows = ([bind(value) if bind else value for bind, value in zip(binders, row, strict=True)] for row in rows)
    driver: Any = session.connection().connection.driver_connection
    names, places = ", ".join(f'"{name}"' for name in columns), ", ".join("?" * len(columns))
    insert = f'INSERT INTO "{table.name}" ({names}) VALUES ({places})'  # noqa: S608 - names of our own tables
    driver.executemany(insert, rows)


def _copy(session: Session, table: sa.Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    driver: Any = session.connection().connection.driver_connection
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy
    types = [table.c[name].type.compile(dialect).split("(")[0].lower() for name in columns]
    names = ", ".join(f'"{name}"' for name in columns)
    with driver.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN (FORMAT BINARY)') as copy:
        copy.set_types([_PG_TYPES.get(name, name) for name in types])
        for row in rows:
            copy.write_row(row)


_PG_TYPES = {
    "varchar": "text",
    "timestamp with time zone": "timestamptz",
    "integer": "int4",
    "boolean": "bool",
    "float": "float8",
}


def insert_missing(session: Session, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows of the same columns; one that breaks a unique rule is passed over: another worker was quicker."""
    if not rows:
        return
    if session.get_bind().dialect.name != "postgresql":
        session.execute(sqlite.insert(table).on_conflict_do_nothing(), rows)
        return
    if len(rows) < MANY_ROWS:
        session.execute(postgresql.insert(table).on_conflict_do_nothing(), rows)
        return
    names = list(rows[0])
    columns = [sa.Column(name, table.c[name].type) for name in names]
    scratch = sa.Table(f"new_{table.name}", sa.MetaData(), *columns, prefixes=["TEMPORARY"])
    open_scratch(session, scratch)
    load(session, scratch, names, ([row[name] for name in names] for row in rows))
    found = sa.select(*scratch.c)
    session.execute(postgresql.insert(table).from_select(names, found).on_conflict_do_nothing())


def padded(row_ids: Collection[int]) -> list[int]:
    """Return row ids with one of them repeated up to a power of two, so that statements have few forms."""
    ids = list(row_ids)
    return ids + ids[:1] * ((1 << max(len(ids) - 1, 0).bit_length()) - len(ids))


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
