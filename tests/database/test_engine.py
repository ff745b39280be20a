"""The schema: migrations give what the models say, and errors say what to do."""

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from splitcart.config import DatabaseLimits
from splitcart.database import (
    Base,
    BusyError,
    DatabaseError,
    create_engine,
    only_one,
    open_database,
    reading,
    schema,
    transaction,
    upgrade,
)
from splitcart.database.models import Company
from splitcart.database.partitions import is_no_partition
from splitcart.errors import InputError


def test_migrations_give_exactly_the_tables_of_the_models(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": is_no_partition})
        assert compare_metadata(context, Base.metadata) == []


def test_an_empty_sqlite_file_is_set_up_at_once(tmp_path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/new/splitcart.db")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM effective_prices").scalar() == 0
    engine.dispose()


def test_an_empty_postgres_database_asks_for_the_upgrade(postgres_server: sa.URL) -> None:
    with pytest.raises(DatabaseError, match="run: splitcart db upgrade"):
        open_database(postgres_server.render_as_string(hide_password=False))


def test_a_database_that_is_not_there_gives_one_clear_line() -> None:
    with pytest.raises(DatabaseError, match="cannot reach the database postgresql"):
        open_database("postgresql://nobody@127.0.0.1:1/none")


@pytest.mark.parametrize("url", ["not a url", "mysql://h/d"])
def test_a_url_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="expected postgresql://"):
        create_engine(url)


def url_of(engine: sa.Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def test_a_database_of_a_newer_program_is_left_alone(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    for attempt in (lambda: open_database(url_of(engine)), lambda: upgrade(engine)):
        with pytest.raises(DatabaseError, match=r"revision 9999, which this program does not know.*install that"):
            attempt()


def test_a_database_that_was_restored_in_part_is_left_alone(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM alembic_version"))
    for attempt in (lambda: open_database(url_of(engine)), lambda: upgrade(engine)):
        with pytest.raises(DatabaseError, match=r"has tables .* but no revision.*restore it whole"):
            attempt()


def test_an_old_server_is_named(postgres: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "MIN_POSTGRESQL", (99,))
    with pytest.raises(DatabaseError, match=r"the server is PostgreSQL \d+\.\d+; SplitCart needs 99 or newer"):
        open_database(url_of(postgres))


def read_only(engine: sa.Engine) -> sa.Engine:
    if engine.dialect.name == "sqlite":
        return create_engine(f"sqlite:///file:{engine.url.database}?mode=ro&uri=true")
    return create_engine(url_of(engine) + "&options=-c%20default_transaction_read_only=on")


def test_writing_to_a_read_only_database_is_one_clear_line(engine: sa.Engine) -> None:
    closed = read_only(engine)
    with pytest.raises(DatabaseError, match=r"read-only .*name (one|another)"), transaction(closed) as session:
        session.add(Company(slug="aldi", name="ALDI"))
    with reading(closed) as session:
        assert session.scalars(sa.select(Company)).all() == []
    closed.dispose()


def test_a_statement_that_takes_too_long_is_one_clear_line(postgres: sa.Engine) -> None:
    hasty = create_engine(url_of(postgres), DatabaseLimits(statement_timeout_seconds=1))
    with pytest.raises(DatabaseError, match="SPLITCART_STATEMENT_TIMEOUT_SECONDS"), transaction(hasty) as session:
        session.execute(sa.text("SELECT pg_sleep(20)"))
    hasty.dispose()


def test_waiting_too_long_for_another_is_one_clear_line(engine: sa.Engine) -> None:
    hasty = create_engine(url_of(engine), DatabaseLimits(lock_timeout_seconds=1))
    with transaction(engine) as session:
        session.add(Company(slug="aldi", name="ALDI"))
        session.flush()
        with pytest.raises(DatabaseError, match="SPLITCART_LOCK_TIMEOUT_SECONDS"), transaction(hasty) as other:
            other.execute(sa.insert(Company).values(slug="aldi", name="ALDI, too"))
    hasty.dispose()


def test_a_file_that_is_no_database_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "no.db").write_text("a text of some length, which no database is; " * 40)
    with pytest.raises(DatabaseError, match="the file is no SQLite database"):
        open_database(f"sqlite:///{tmp_path}/no.db")


def test_errors_of_the_program_stay_what_they_are(engine: sa.Engine) -> None:
    with pytest.raises(sa.exc.IntegrityError), transaction(engine) as session:
        session.add_all([Company(slug="aldi", name="ALDI"), Company(slug="aldi", name="ALDI again")])


def test_the_pool_is_as_large_as_the_settings_say(postgres: sa.Engine) -> None:
    engine = create_engine(url_of(postgres), DatabaseLimits(pool_size=2))
    assert engine.pool.size() == 2
    engine.dispose()


def test_one_job_of_a_kind_runs_at_a_time(engine: sa.Engine) -> None:
    with only_one(engine, "update products"):
        with (
            pytest.raises(BusyError, match="another update products is running; this one has done nothing"),
            only_one(engine, "update products"),
        ):
            pytest.fail("both ran")
        with only_one(engine, "update stores"), transaction(engine) as session:
            session.add(Company(slug="aldi", name="ALDI"))  # another job, and the work itself, go on
    with only_one(engine, "update products"):
        pass


HOLDER = """
import sys, time
from splitcart.database import create_engine, only_one
with only_one(create_engine(sys.argv[1]), "update products"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_lock_of_a_killed_process_is_taken_back(engine: sa.Engine) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, url_of(engine)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(BusyError), only_one(engine, "update products"):
        pytest.fail("both ran")
    holder.kill()
    holder.communicate()

    for attempt in Retrying(retry=retry_if_exception_type(BusyError), wait=wait_fixed(0.1), stop=stop_after_delay(20)):
        with attempt, only_one(engine, "update products"):
            pass  # PostgreSQL takes a moment to notice
    assert attempt.retry_state.outcome.exception() is None


def test_a_url_that_cannot_be_read_is_refused_without_its_password():
    with pytest.raises(InputError, match="'…@db/prices' is not a database URL") as refusal:
        create_engine("postgresql//user:secret@db/prices")
    assert "secret" not in str(refusal.value)
