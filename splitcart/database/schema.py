"""The schema: brought up to date, and looked at before anything is done with it."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from splitcart.config import DatabaseLimits
from splitcart.database.engine import DEFAULT_LIMITS, create_engine, explaining
from splitcart.database.models import Base
from splitcart.database.troubles import DatabaseError

MIN_POSTGRESQL = (14,)


def upgrade(engine: sa.Engine, revision: str = "head") -> str | None:
    """Bring the schema to a revision, by default the newest, in one transaction; return the revision it is at.

    Raises DatabaseError when the database cannot be reached or written, is too old, or is not one of this program's.
    """
    with _reached(engine), explaining(engine), engine.connect().execution_options(read_only=True) as connection:
        read_revision(connection)
    try:
        with explaining(engine), engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")  # moving years of rows takes its time
            command.upgrade(_alembic_config(connection), revision)
            return read_revision(connection)
    except sa.exc.DBAPIError as error:
        raise DatabaseError(f"the upgrade failed and changed nothing: {_one_line(error)}") from error


def open_database(url: str, limits: DatabaseLimits = DEFAULT_LIMITS) -> sa.Engine:
    """Return an engine on a database whose schema is current.

    An empty SQLite file is set up at once. Raises DatabaseError, saying what to do, when the schema is missing, old,
    newer than this program or half there, or the database is too old or cannot be reached.
    """
    engine = create_engine(url, limits)
    try:
        with _reached(engine), explaining(engine), engine.connect().execution_options(read_only=True) as connection:
            current = read_revision(connection)
            head = _scripts(connection).get_current_head()
        if current is None and engine.dialect.name == "sqlite":
            upgrade(engine)
        elif current != head:
            raise DatabaseError(
                f"the database is at revision {current or 'none'}, this program needs {head}; run: splitcart db upgrade"
            )
    except BaseException:
        engine.dispose()
        raise
    return engine


def read_revision(connection: sa.Connection) -> str | None:
    """Return the database's revision, None when it is empty; raise DatabaseError for one that cannot be worked with."""
    version = connection.dialect.server_version_info or ()
    if connection.dialect.name == "postgresql" and version < MIN_POSTGRESQL:
        raise DatabaseError(
            f"the server is PostgreSQL {'.'.join(map(str, version))}; SplitCart needs {MIN_POSTGRESQL[0]} or newer"
        )
    heads = MigrationContext.configure(connection).get_current_heads()
    if len(heads) > 1:
        raise DatabaseError(f"the database names several revisions ({', '.join(heads)}); restore it from a backup")
    if not heads:
        _check_empty(connection)
        return None
    try:
        _scripts(connection).get_revision(heads[0])
    except CommandError as error:
        raise DatabaseError(
            f"the database is at revision {heads[0]}, which this program does not know: a newer SplitCart has upgraded"
            " it; install that version"
        ) from error
    return heads[0]


def _check_empty(connection: sa.Connection) -> None:
    found = sorted(Base.metadata.tables.keys() & set(sa.inspect(connection).get_table_names()))
    if found:
        raise DatabaseError(
            f"the database has tables ({found[0]} …) but no revision: it was restored or upgraded only in part; restore"
            " it whole from a backup, or empty it and run: splitcart db upgrade, splitcart db replay --all"
        )


@contextmanager
def _reached(engine: sa.Engine) -> Iterator[None]:
    try:
        yield
    except sa.exc.OperationalError as error:
        raise DatabaseError(f"cannot reach the database {engine.url.render_as_string()}: {_one_line(error)}") from error


def _one_line(error: sa.exc.DBAPIError) -> str:
    return " ".join(str(error.orig).split())


def _scripts(connection: sa.Connection) -> ScriptDirectory:
    return ScriptDirectory.from_config(_alembic_config(connection))


def _alembic_config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", "splitcart.database:migrations")
    config.attributes["connection"] = connection
    return config
