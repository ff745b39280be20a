"""Opening the database: one door for PostgreSQL and SQLite."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.orm import Session

from splitcart.errors import FailedError, InputError

BUSY_TIMEOUT_SECONDS = 60


class DatabaseError(FailedError):
    """The database cannot be used as it is; the text says what to do."""


def create_engine(url: str) -> sa.Engine:
    """Return an engine for ``url``; raise InputError for a URL or dialect that SplitCart does not speak."""
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise InputError(
            f"SPLITCART_DATABASE_URL {url!r} is not a database URL; expected postgresql://… or sqlite:///file"
        ) from error
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(parsed)
    if parsed.drivername != "postgresql+psycopg":
        raise InputError(f"SPLITCART_DATABASE_URL names {parsed.drivername!r}; expected postgresql:// or sqlite:///")
    # The planner's just-in-time compiler costs more than it saves on the view effective_prices.
    return sa.create_engine(parsed, connect_args={"options": "-c jit=off"}, pool_pre_ping=True)


def _sqlite_engine(url: sa.URL) -> sa.Engine:
    if url.database and url.database != ":memory:":
        try:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"cannot create the folder of {url.database}: {error.strerror}; choose another SPLITCART_DATA_DIR"
            ) from error
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS})

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are opened below, not by the driver
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            "cache_size=-65536",
            "temp_store=MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A transaction that starts as a reader and then writes fails at once if another wrote in between.
        read_only = connection.get_execution_options().get("read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


@contextmanager
def transaction(engine: sa.Engine) -> Iterator[Session]:
    """One session, one transaction: committed at the end, rolled back on an exception."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def reading(engine: sa.Engine) -> Iterator[Session]:
    """A session that only reads, on one snapshot of the database."""
    options: dict[str, Any] = {"read_only": True}
    if engine.dialect.name == "postgresql":
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with engine.connect().execution_options(**options) as connection, Session(connection) as session:
        yield session


def _alembic_config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", "splitcart.database:migrations")
    config.attributes["connection"] = connection
    return config


def upgrade(engine: sa.Engine) -> None:
    """Bring the schema to the newest revision; raise DatabaseError when the database cannot be reached or written."""
    try:
        with engine.begin() as connection:
            command.upgrade(_alembic_config(connection), "head")
    except sa.exc.OperationalError as error:
        raise DatabaseError(
            f"cannot open or write the database {engine.url.render_as_string()}: {error.orig}"
        ) from error


def open_database(url: str) -> sa.Engine:
    """Return an engine on a database whose schema is current.

    An empty SQLite file is set up at once. Raises DatabaseError, saying what to run, when the schema is missing or old,
    or the database cannot be reached.
    """
    engine = create_engine(url)
    try:
        with engine.connect().execution_options(read_only=True) as connection:
            current = MigrationContext.configure(connection).get_current_revision()
            head = ScriptDirectory.from_config(_alembic_config(connection)).get_current_head()
        if current is None and engine.dialect.name == "sqlite":
            upgrade(engine)
        elif current != head:
            raise DatabaseError(
                f"the database is at revision {current or 'none'}, this program needs {head}; run: splitcart db upgrade"
            )
    except sa.exc.OperationalError as error:
        engine.dispose()
        raise DatabaseError(f"cannot reach the database {engine.url.render_as_string()}: {error.orig}") from error
    except DatabaseError:
        engine.dispose()
        raise
    return engine
