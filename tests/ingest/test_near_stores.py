"""The first crawl of a store is judged by what stores like it have; the second speaks for itself."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from splitcart.config import get_chain
from splitcart.database import transaction
from splitcart.database.models import Company, Membership, Store, StoreGroup
from splitcart.ingest import CrawlIngester, IngestedCrawl
from splitcart.ingest.stores import update_stores
from tests.ingest.crawl_files import category, product, write_crawl
from tests.ingest.dumps import differences, dump
from tests.ingest.store_lists import shop

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
NEAR = ("G101", "G102", "G103")


@pytest.fixture
def ingester(engine: sa.Engine, tmp_path: Path) -> CrawlIngester:
    with transaction(engine) as session:
        stores = [shop(store_id, state="QLD") for store_id in (*NEAR, "G104")] + [shop("G200", state="WA")]
        update_stores(session, get_chain("aldi"), stores, AT, is_whole_sweep=False)
    return CrawlIngester(engine, tmp_path / "data", lambda: AT + timedelta(days=30))


def crawled(ingester: CrawlIngester, store_id: str, count: int, hours: float = 0) -> IngestedCrawl:
    """A crawl with ``count`` rows in one of three categories."""
    shelf = [product(f"a{number}", "A", 100) for number in range(count)]
    shelf += [product(f"{root}{number}", root, 100) for root in "BC" for number in range(20)]
    scope = [category(root, AT + timedelta(hours=hours)) for root in "ABC"]
    return ingester.ingest(write_crawl(ingester.data_dir / "files", shelf, scope, store_id=store_id))


def crawl_near_stores(ingester: CrawlIngester) -> None:
    for store_id, count in zip(NEAR, (38, 40, 60), strict=True):
        assert crawled(ingester, store_id, count).whole


def test_a_first_crawl_that_is_short_beside_its_neighbours_is_not_believed_once_but_twice(
    ingester: CrawlIngester,
) -> None:
    crawl_near_stores(ingester)
    assert not crawled(ingester, "G104", 20, hours=2).whole
    assert crawled(ingester, "G104", 20, hours=4).whole


def test_nine_of_ten_of_the_median_are_enough(ingester: CrawlIngester) -> None:
    crawl_near_stores(ingester)
    assert crawled(ingester, "G104", 36, hours=2).whole


@pytest.mark.parametrize(("store_id", "hours"), [("G200", 2), ("G104", 24 * 10), ("G104", -1)])
def test_stores_of_another_state_or_time_say_nothing(ingester: CrawlIngester, store_id: str, hours: float) -> None:
    crawl_near_stores(ingester)
    assert crawled(ingester, store_id, 20, hours=hours).whole


def test_two_stores_are_no_measure(ingester: CrawlIngester) -> None:
    for store_id in NEAR[:2]:
        crawled(ingester, store_id, 40)
    assert crawled(ingester, "G104", 20, hours=2).whole


def test_the_group_of_a_store_goes_before_its_state(ingester: CrawlIngester) -> None:
    """A group of small stores in a state of large ones."""
    crawl_near_stores(ingester)
    small = ("G111", "G112", "G113")
    for store_id in small:
        crawled(ingester, store_id, 20)
    with transaction(ingester.engine) as session:
        group = StoreGroup(company_id=session.scalar(sa.select(Company.id)), name="small", created_at=AT)
        session.add(group)
        session.flush()
        for store in session.scalars(sa.select(Store).where(Store.store_id.in_((*small, "G104")))):
            session.add(Membership(store_id=store.id, group_id=group.id, since=AT))
    assert crawled(ingester, "G104", 20, hours=2).whole


def test_replaying_gives_the_same_verdict(ingester: CrawlIngester) -> None:
    crawl_near_stores(ingester)
    crawled(ingester, "G104", 20, hours=2)
    before = dump(ingester.engine)
    assert [ingester.rebuild("aldi", store_id) for store_id in (*NEAR, "G104")] == [1, 1, 1, 1]
    assert list(differences(before, dump(ingester.engine))) == []


def test_stores_of_no_known_state_say_nothing_of_each_other(engine: sa.Engine, tmp_path: Path) -> None:
    ingester = CrawlIngester(engine, tmp_path / "data", lambda: AT + timedelta(days=30))
    crawl_near_stores(ingester)
    assert crawled(ingester, "G104", 20, hours=2).whole
