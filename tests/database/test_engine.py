"""The schema: migrations give what the models say, and errors say what to do."""

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from splitcart.database import Base, DatabaseError, create_engine, open_database
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
