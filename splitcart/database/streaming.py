"""Many rows out of the database in bounded memory, and a short number that tells whether they have changed."""

from collections.abc import Generator
from hashlib import blake2b
from itertools import islice
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.orm import Session

CHUNK = 2_000  # rows at a time
WORK_MEM = "32MB"  # the lists of a page's groups, hashed; with less PostgreSQL goes through temporary files


def stream_rows(session: Session, query: sa.Select[Any]) -> Generator[list[tuple[Any, ...]], None, None]:
    """Yield the rows of ``query``, some at a time; instants are aware UTC, JSON is read.

    PostgreSQL sends while the rows before are being worked on, and no faster than they are taken: the driver's own
    stream is quicker than a cursor on the server, which works only while it is asked. Nothing else can be asked of the
    session until the rows are at their end or the iterator is closed.
    """
    if session.get_bind().dialect.name != "postgresql":
        with session.execute(query, execution_options={"yield_per": CHUNK}) as result:
            for some in result.partitions():
                yield [tuple(row) for row in some]
        return
    compiled = query.compile(session.get_bind(), compile_kwargs={"render_postcompile": True})
    session.execute(sa.text("SET LOCAL TIME ZONE 'UTC'"))
    session.execute(sa.text(f"SET LOCAL work_mem = '{WORK_MEM}'"))
    driver: Any = session.connection().connection.driver_connection
    size = CHUNK if psycopg.capabilities.has_stream_chunked() else 1
    try:
        with driver.cursor(binary=True) as cursor:
            rows = cursor.stream(str(compiled), compiled.params, size=size)
            while some := list(islice(rows, CHUNK)):
                yield some
    except psycopg.Error as error:
        raise sa.exc.DBAPIError.instance(str(compiled), None, error, psycopg.Error) from error


def fingerprint(session: Session, query: sa.Select[Any]) -> int:
    """Return a number that is another one, but for chance (1 in 2**64), when any row of ``query`` is.

    The order of the rows does not matter. The rows stay in the database.
    """
    inner = query.subquery("rows")
    columns = [sa.cast(column, sa.Text) if isinstance(column.type, sa.JSON) else column for column in inner.c]
    if session.get_bind().dialect.name == "postgresql":
        row_hash = sa.func.hash_record_extended(sa.func.row(*columns), sa.literal_column("0"))
        hashed: sa.ColumnElement[Any] = sa.func.sum(row_hash)
    else:
        driver: Any = session.connection().connection.driver_connection
        driver.create_aggregate("fingerprint", -1, _Fingerprint)
        hashed = sa.func.fingerprint(*columns)
    return int(session.scalar(sa.select(hashed).select_from(inner)) or 0)


class _Fingerprint:
    """SQLite's aggregate: the sum of hashes of rows, in 64 bits (SQLite has no longer numbers)."""

    def __init__(self) -> None:
        self._sum = 0

    def step(self, *values: object) -> None:
        self._sum += int.from_bytes(blake2b(repr(values).encode(), digest_size=8).digest())

    def finalize(self) -> str:
        return str(self._sum)
