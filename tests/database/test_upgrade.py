"""A database of every revision that was ever released, with rows in it, comes to the newest and answers the same."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from grouping.effective import effective_history, effective_prices
from splitcart.database import DatabaseError, create_engine, reading, upgrade
from splitcart.database.models import Base, Sku, Store
from splitcart.ingest import CrawlIngester
from splitcart.ingest.invariants import check_database
from tests.ingest.crawl_files import category, product, write_crawl

RELEASED = Path(__file__).with_name("released")
FIRST = "0001"
VIEW = sa.text(
    "SELECT store_id, sku_id, price_cents, was_cents, unit_price_cents, special_kind, source, inferred_from, group_id,"
    " is_new_range FROM effective_prices ORDER BY store_id, sku_id"
)
HISTORY = sa.text(
    "SELECT store_id, sku_id, since, until, reason, crawl_id, price_cents, was_cents, unit_price_cents, unit_measure"
    " FROM price_history ORDER BY store_id, sku_id, since"
)


def revisions() -> list[str]:
    config = Config()
    config.set_main_option("script_location", "splitcart.database:migrations")
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """A database without any table."""
    if request.param == "sqlite":
        engine = create_engine(f"sqlite:///{tmp_path}/old.db")
        yield engine
        engine.dispose()
        return
    server: sa.URL = request.getfixturevalue("postgres_server")
    name = f"old_{uuid.uuid4().hex}"
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine = create_engine(server.set(database=name).render_as_string(hide_password=False))
    yield engine
    engine.dispose()
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


def fill(engine: sa.Engine, script: Path) -> None:
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL TIME ZONE 'UTC'")
        for statement in script.read_text(encoding="utf-8").split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)


def count_on(engine: sa.Engine) -> None:
    """Rows that brought their ids do not move PostgreSQL's counters."""
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            for name, table in Base.metadata.tables.items():
                if "id" in table.c and connection.scalar(sa.select(sa.func.max(table.c.id))):
                    counter = f"setval(pg_get_serial_sequence('{name}', 'id'), (SELECT max(id) FROM {name}))"
                    connection.exec_driver_sql(f"SELECT {counter}")


def answers(engine: sa.Engine) -> tuple[list[Any], list[Any]]:
    with engine.connect() as connection:
        return (
            [tuple(row) for row in connection.execute(VIEW)],
            [tuple(map(str, row)) for row in connection.execute(HISTORY)],
        )


def at_revision(engine: sa.Engine, revision: str) -> None:
    """Rows of the first revision, brought to ``revision`` on the way that an operator's database took."""
    upgrade(engine, FIRST)
    fill(engine, RELEASED / f"{FIRST}.sql")
    upgrade(engine, revision)


@pytest.mark.parametrize("revision", revisions())
def test_a_database_of_each_revision_answers_the_same_after_the_upgrade(empty: sa.Engine, revision: str) -> None:
    at_revision(empty, revision)
    before = answers(empty)
    assert upgrade(empty) == revisions()[-1]
    assert answers(empty) == before
    assert len(before[1]) == 5
    shown = [row[:3] + row[6:] for row in before[0]]
    assert [(*row[:-1], bool(row[-1])) for row in shown] == [
        (1, 1, 329, "direct_scrape", None, None, False),
        (1, 2, 210, "direct_scrape", None, None, False),
        (1, 4, 400, "direct_scrape", None, None, False),
        (2, 1, 329, "inferred_group", 1, 1, False),
        (2, 2, 210, "direct_scrape", None, None, False),
        (2, 4, 400, "inferred_group", 1, 1, True),
        (3, 2, 230, "direct_scrape", None, None, False),
    ]


def test_an_upgraded_database_holds_what_must_hold_and_tells_its_past(empty: sa.Engine) -> None:
    at_revision(empty, FIRST)
    upgrade(empty)
    with reading(empty) as session:
        assert [finding for finding in check_database(session, None) if finding.problems] == []
        milk = session.scalar(sa.select(Sku.id).where(Sku.code == "milk"))
        one, two = session.scalars(sa.select(Store.id).where(Store.store_id.in_(("G001", "G002"))).order_by(Store.id))
        told = [(each.offer.price_cents, each.source) for each in effective_history(session, one)[milk]]
        assert told == [(310, "direct_scrape"), (299, "direct_scrape"), (329, "direct_scrape")]
        told = [(each.offer.price_cents, each.source) for each in effective_history(session, two)[milk]]
        assert told == [(299, "direct_scrape"), (329, "inferred_group")]
        then = effective_prices(session, one, datetime(2026, 2, 10, tzinfo=UTC))
        assert [(price.sku_id, price.offer.price_cents) for price in then] == [(1, 310), (2, 210), (3, 150)]


def test_ingestion_goes_on_after_an_upgrade(empty: sa.Engine, tmp_path: Path) -> None:
    at_revision(empty, FIRST)
    upgrade(empty)
    count_on(empty)
    at = datetime(2027, 1, 5, 9, tzinfo=UTC)
    shelf = [product("milk", "Dairy", 350), product("oats", "Pantry", 210), product("tea", "Pantry", 500)]
    path = write_crawl(tmp_path, shelf, [category("Dairy", at), category("Pantry", at)], store_id="G001")
    result = CrawlIngester(empty, tmp_path / "data", lambda: at).ingest(path)
    assert (result.counts["changed"], result.counts["unchanged"], result.counts["left"]) == (2, 1, 0)
    assert len(answers(empty)[1]) == 7


def test_an_upgrade_that_fails_changes_nothing(empty: sa.Engine) -> None:
    at_revision(empty, FIRST)
    with empty.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE earlier_history (in_the_way INTEGER)")
    before = answers(empty)
    with pytest.raises(DatabaseError, match=r"the upgrade failed and changed nothing: .*earlier_history"):
        upgrade(empty, "0003")
    assert answers(empty) == before
    with empty.begin() as connection:
        assert connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == FIRST
        connection.exec_driver_sql("DROP TABLE earlier_history")
    upgrade(empty)
    assert answers(empty) == before
