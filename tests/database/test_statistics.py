"""Sizes, freshness, and what keeps the tables quick."""

import pytest
import sqlalchemy as sa

from splitcart.database import reading, transaction
from splitcart.database.models import Base, PriceHistory, Store
from splitcart.database.statistics import chain_freshness, database_size, table_sizes, vacuum
from tests.grouping.factory import BASE, SmallChain, day, dearer


@pytest.fixture
def chain(engine: sa.Engine) -> SmallChain:
    made = SmallChain(engine, ["G001", "G002", "G003"])
    made.crawl("G001", BASE, day(0))
    made.crawl("G001", dearer(BASE, range(10)), day(40))
    made.crawl("G002", BASE, day(3))
    return made


def test_every_table_is_measured_partitions_and_indexes_included(chain: SmallChain) -> None:
    with reading(chain.engine) as session:
        sizes = {size.name: size for size in table_sizes(session)}
        total = database_size(session)
    assert sizes.keys() == Base.metadata.tables.keys()
    assert (sizes["prices"].rows, sizes["price_history"].rows, sizes["crawls"].rows) == (400, 10, 3)
    assert sizes["price_history"].newest == day(40)
    assert sizes["coverage"].newest == day(40, 1)
    assert sizes["leases"].newest is None
    assert 0 < sizes["price_history"].size_bytes < sizes["prices"].size_bytes < total


def test_a_chain_is_as_fresh_as_its_stores(chain: SmallChain) -> None:
    with reading(chain.engine) as session:
        (aldi,) = chain_freshness(session)
    assert (aldi.company, aldi.stores, aldi.covered_stores, aldi.skus, aldi.crawls) == ("aldi", 3, 2, 200, 3)
    assert (aldi.newest, aldi.oldest) == (day(40, 1), day(3, 1))
    with transaction(chain.engine) as session:
        session.execute(sa.update(Store).values(is_active=False))
    with reading(chain.engine) as session:
        (closed,) = chain_freshness(session)
    assert (closed.stores, closed.newest, closed.skus) == (0, None, 200)


@pytest.mark.parametrize("full", [False, True])
def test_vacuum_gives_back_what_was_deleted_and_changes_no_row(chain: SmallChain, full: bool) -> None:
    with transaction(chain.engine) as session:
        session.execute(sa.text("CREATE TABLE ballast AS SELECT * FROM prices, (SELECT 1 FROM prices LIMIT 90) more"))
        session.execute(sa.text("DROP TABLE ballast"))
    with reading(chain.engine) as session:
        before = session.execute(sa.select(PriceHistory.__table__).order_by(PriceHistory.sku_id)).all()
        size = database_size(session)
    vacuum(chain.engine, full=full)
    with reading(chain.engine) as session:
        assert session.execute(sa.select(PriceHistory.__table__).order_by(PriceHistory.sku_id)).all() == before
        if full and chain.engine.dialect.name == "sqlite":
            assert database_size(session) < size / 2
        counted = "SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'prices'"
        if chain.engine.dialect.name == "postgresql":
            counted = "SELECT reltuples FROM pg_class WHERE relname = 'prices'"
        assert session.scalar(sa.text(counted)) > 0
