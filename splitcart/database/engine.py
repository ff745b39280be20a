"""Opening connections: one door for PostgreSQL and SQLite."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.config import DatabaseLimits
from splitcart.database.troubles import explained
from splitcart.errors import InputError

CONNECT_SECONDS = 10
DEFAULT_LIMITS = DatabaseLimits()
SQLITE_SYNCHRONOUS = "FULL"  # a commit outlives a power cut: files are moved and answers given on the strength of it


def create_engine(url: str, limits: DatabaseLimits = DEFAULT_LIMITS) -> sa.Engine:
    """Return an engine for ``url``; raise InputError for a URL or dialect that SplitCart does not speak."""
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        before, at, after = url.rpartition("@")
        shown = f"…{at}{after}" if before else url  # before the @ may stand a password
        raise InputError(
            f"SPLITCART_DATABASE_URL {shown!r} is not a database URL; expected postgresql://… or sqlite:///file"
        ) from error
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(parsed, limits)
    if parsed.drivername != "postgresql+psycopg":
        raise InputError(f"SPLITCART_DATABASE_URL names {parsed.drivername!r}; expected postgresql:// or sqlite:///")
    return _postgres_engine(parsed, limits)


def _postgres_engine(url: sa.URL, limits: DatabaseLimits) -> sa.Engine:
    options = {
        "jit": "off",  # costs more than it saves on the view effective_prices
        "statement_timeout": f"{limits.statement_timeout_seconds}s",
        "lock_timeout": f"{limits.lock_timeout_seconds}s",
    }
    given = {
        "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        "connect_timeout": CONNECT_SECONDS,
        "application_name": "splitcart",
    }
    wanted = {name: value for name, value in given.items() if name not in url.query}
    return sa.create_engine(url, connect_args=wanted, pool_size=limits.pool_size, pool_pre_ping=True)


def _sqlite_engine(url: sa.URL, limits: DatabaseLimits) -> sa.Engine:
    if url.database and url.database != ":memory:" and "uri" not in url.query:
        try:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"cannot create the folder of {url.database}: {error.strerror}; choose another SPLITCART_DATA_DIR"
            ) from error
    engine = sa.create_engine(url, connect_args={"timeout": limits.lock_timeout_seconds})

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are opened below, not by the driver
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={SQLITE_SYNCHRONOUS}",
            "foreign_keys=ON",
            "cache_size=-65536",
            "temp_store=MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A transaction that starts as a reader and then writes fails at once if another wrote in between.
        options = connection.get_execution_options()
        begin = "BEGIN" if options.get("read_only", False) else "BEGIN IMMEDIATE"
        if options.get("waits", True):
            connection.exec_driver_sql(begin)
            return
        connection.exec_driver_sql("PRAGMA busy_timeout=0")
        try:
            connection.exec_driver_sql(begin)
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={limits.lock_timeout_seconds * 1000}")

    return engine


@contextmanager
def transaction(engine: sa.Engine) -> Iterator[Session]:
    """One session, one transaction: committed at the end, rolled back on an exception.

    Raises DatabaseError, in an operator's words, for what is a matter of operation (a time-out, a read-only database).
    """
    with explaining(engine), Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def attempt(engine: sa.Engine) -> Iterator[Session]:
    """A ``transaction`` that waits for nobody: raises DatabaseError at once where another holds a lock."""
    with transaction(engine.execution_options(waits=False)) as session:
        if engine.dialect.name == "postgresql":
            session.execute(sa.text("SET LOCAL lock_timeout = '1ms'"))
        yield session


@contextmanager
def reading(engine: sa.Engine) -> Iterator[Session]:
    """A session that only reads, on one snapshot of the database; raises DatabaseError as ``transaction`` does."""
    options: dict[str, Any] = {"read_only": True}
    if engine.dialect.name == "postgresql":
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with (
        explaining(engine),
        engine.connect().execution_options(**options) as connection,
        Session(connection) as session,
    ):
        yield session


@contextmanager
def explaining(engine: sa.Engine) -> Iterator[None]:
    """Turn errors that are a matter of operation into DatabaseErrors; others pass."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        known = explained(error, engine)
        if known is None:
            raise
        raise known from error
