"""``splitcart db check``: what must hold of the rows does, and what does not is found and can be put right."""

import shlex
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.database import reading, transaction
from splitcart.database.models import (
    Category,
    Coverage,
    Crawl,
    Price,
    PriceHistory,
    Sku,
    StoreCategory,
)
from splitcart.ingest import CrawlIngester
from splitcart.ingest.invariants import Finding, check_database
from splitcart.ingest.replay import replay_stores
from tests.grouping.factory import BASE, SmallChain, day, dearer


@pytest.fixture
def chain(engine: sa.Engine) -> SmallChain:
    """Two grouped stores with three crawls each, prices that changed and skus that left."""
    made = SmallChain(engine, ["G001", "G002"])
    for number in range(3):
        shelf = {sku: price for sku, price in dearer(BASE, range(10), by=number).items() if sku != 50 + number}
        for hours, store in enumerate(("G001", "G002")):
            made.crawl(store, shelf, day(7 * number, hours))
        made.run(day(7 * number, 12))
    return made


def wrong(chain: SmallChain) -> list[Finding]:
    with reading(chain.engine) as session:
        return [finding for finding in check_database(session, chain._folder) if finding.problems]


def test_what_ingestion_and_grouping_leave_holds(chain: SmallChain) -> None:
    assert wrong(chain) == []


def overlapping(session: Session) -> None:
    interval = session.scalars(sa.select(PriceHistory).order_by(PriceHistory.sku_id, PriceHistory.until)).first()
    price = session.get_one(Price, (interval.store_id, interval.sku_id))
    price.since = interval.since + timedelta(hours=1)


def backwards(session: Session) -> None:
    interval = session.scalars(sa.select(PriceHistory)).first()
    interval.since = interval.until


def early_tombstone(session: Session) -> None:
    ended = sa.select(PriceHistory.since).where(
        PriceHistory.store_id == Price.store_id, PriceHistory.sku_id == Price.sku_id
    )
    session.execute(sa.update(Price).where(Price.left_at.is_not(None)).values(left_at=ended.limit(1).scalar_subquery()))


def stale_category(session: Session) -> None:
    session.scalars(sa.select(StoreCategory)).first().covered_at -= timedelta(days=1)


def missing_category(session: Session) -> None:
    session.delete(session.scalars(sa.select(StoreCategory)).first())


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (overlapping, "intervals do not overlap, and a standing offer begins after its history"),
        (backwards, "an interval ends after it begins"),
        (early_tombstone, "what left the shelf left it after its history"),
        (stale_category, "store_categories is what coverage and memberships give"),
        (missing_category, "store_categories is what coverage and memberships give"),
    ],
)
def test_spoilt_rows_are_found_and_the_replay_that_is_named_mends_them(
    chain: SmallChain, spoil: Callable[[Session], None], check: str
) -> None:
    with transaction(chain.engine) as session:
        if chain.engine.dialect.name == "sqlite":
            session.execute(sa.text("PRAGMA ignore_check_constraints = ON"))
        spoil(session)
    findings = wrong(chain)
    assert check in [finding.check for finding in findings]
    ingester = CrawlIngester(chain.engine, chain._folder, lambda: day(30))
    for finding in findings:
        assert finding.examples
        program, command, replay, *stores = shlex.split(finding.run)
        assert (program, command, replay) == ("splitcart", "db", "replay")
        replay_stores(ingester, stores)
    assert wrong(chain) == []


def stray(session: Session) -> None:
    session.execute(
        sa.update(PriceHistory).where(PriceHistory.reason == "left").values(sku_id=PriceHistory.sku_id + 9**9)
    )


def branch_as_root(session: Session) -> None:
    sku = session.scalars(sa.select(Sku)).first()
    branch = Category(company_id=sku.company_id, parent_id=sku.root_category_id, root_id=sku.root_category_id)
    branch.name = branch.path = "branch"
    session.add(branch)
    session.flush()
    sku.root_category_id = branch.id


def backwards_coverage(session: Session) -> None:
    session.execute(sa.update(Coverage).values(observed_to=Coverage.observed_from, observed_from=Coverage.observed_to))


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (stray, "prices and their history point at rows that exist"),
        (branch_as_root, "every sku has a root category of its chain"),
        (backwards_coverage, "coverage is of root categories, by a crawl of the store"),
    ],
)
def test_what_a_replay_cannot_mend_says_so(chain: SmallChain, spoil: Callable[[Session], None], check: str) -> None:
    with transaction(chain.engine) as session:
        spoil(session)
    found = {finding.check: finding for finding in wrong(chain)}
    assert found[check].run.startswith("restore the database from a backup")


def test_kept_files_are_compared_with_what_was_taken_in(chain: SmallChain) -> None:
    with reading(chain.engine) as session:
        lost, other = session.scalars(sa.select(Crawl.file).order_by(Crawl.file).limit(2))
    (chain._folder / lost).unlink()
    (chain._folder / other).write_bytes(b"other bytes")
    assert wrong(chain) == [
        Finding(
            "every crawl's file is kept",
            2,
            [f"{lost}: missing", f"{other}: other bytes than were taken in"],
            "restore ingested/ from a backup",
        )
    ]
    with reading(chain.engine) as session:
        assert not any(finding.problems for finding in check_database(session, None))


def test_a_row_that_points_nowhere_is_found_on_sqlite(sqlite: sa.Engine) -> None:
    chain = SmallChain(sqlite, ["G001"])
    chain.crawl("G001", BASE, day(0))
    with closing(sqlite3.connect(sqlite.url.database)) as unguarded, unguarded:
        unguarded.execute("UPDATE skus SET category_id = 99 WHERE id = 1")
    assert [finding.examples for finding in wrong(chain)] == [["skus → categories"]]


def test_a_table_that_is_gone_is_named_and_ends_the_check(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE inference_audits"))
        connection.execute(sa.text("ALTER TABLE uploads ADD COLUMN surplus INTEGER"))
    with reading(engine) as session:
        findings = list(check_database(session, None))
    assert len(findings) == 1
    assert {"add_table inference_audits", "remove_column uploads surplus"} <= set(findings[0].examples)
