"""Each pipeline by itself, with the items that reach it."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scrapy.crawler import CrawlerRunner
from scrapy.exceptions import DropItem
from scrapy.statscollectors import MemoryStatsCollector

from splitcart.config import get_chain, get_settings
from splitcart.transfer.records import CategoryRecord, FailureClass, ProductRecord, StoreRecord
from splitcart_scrapy.items import CategoryEndItem, CrawlEndItem, CrawlStartItem
from splitcart_scrapy.pipelines import DeduplicatePipeline, ValidatePipeline, WritePipeline
from splitcart_scrapy.pipelines.validate import MAX_LENGTHS, MAX_PRICE_CENTS, PRICES, REJECTED_PRICE
from tests.collect.runs import outbox, project_settings, read, the_file, working_files

NOON = datetime(2026, 11, 5, 2, tzinfo=UTC)


def product(sku="1", **facts):
    return ProductRecord(**{"sku": sku, "name": "Milk 2L", "category_path": ["Dairy"], "price_cents": 310, **facts})


def category(name="Dairy"):
    record = CategoryRecord(category=name, rows=0, complete=True, observed_from=NOON, observed_to=NOON)
    return CategoryEndItem(record=record)


def new_stats():
    return MemoryStatsCollector(CrawlerRunner(project_settings()).create_crawler("aldi"))


def validator(chain="aldi"):
    return ValidatePipeline(new_stats(), get_chain(chain))


def writer():
    spider = SimpleNamespace(clock=lambda: NOON, chain=get_chain("aldi"), reports=[])
    return WritePipeline(get_settings(), spider, new_stats())


START = {"kind": "products", "company": "aldi", "spider": "aldi", "store_id": "G001"}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (product(sku=""), "sku"),
        (product(sku="1" * 65), "sku"),
        (product(name=""), "name"),
        (product(category_path=[]), "category"),
        (product(category_path=["Dairy", ""]), "category"),
    ],
)
def test_a_row_that_cannot_be_kept_is_counted_and_its_category_is_not_complete(bad, reason):
    pipeline = validator()
    pipeline.process_item(CrawlStartItem(**START))
    with pytest.raises(DropItem, match=f"bad {reason}"):
        pipeline.process_item(bad)
    assert pipeline.stats.get_value(f"splitcart/dropped/{reason}") == 1
    end = pipeline.process_item(category())
    assert not end.record.complete
    assert "1 rows dropped" in end.record.problem
    assert pipeline.process_item(category("Pantry")).record.complete


def test_a_donation_is_no_product_and_costs_no_completeness():
    pipeline = validator()
    with pytest.raises(DropItem):
        pipeline.process_item(product(name="Charity Donation $2"))
    assert pipeline.process_item(category()).record.complete


@pytest.mark.parametrize("name", PRICES)
@pytest.mark.parametrize("cents", [0, -1, MAX_PRICE_CENTS + 1])
def test_a_price_that_is_none_is_forgotten_but_the_sku_stays(name, cents):
    item = validator().process_item(product(**{name: cents}))
    assert getattr(item, name) is None
    assert item.flags == [REJECTED_PRICE]


@given(
    st.builds(
        ProductRecord,
        sku=st.text(max_size=70),
        name=st.text(max_size=600),
        category_path=st.lists(st.text(max_size=300), max_size=3),
        price_cents=st.none() | st.integers(),
        size=st.none() | st.text(max_size=200),
        url=st.none() | st.text(max_size=1200),
    )
)
@settings(max_examples=60, deadline=None)
def test_what_passes_fits_the_database(item):
    try:
        kept = validator().process_item(item)
    except DropItem:
        return
    assert 0 < len(kept.sku) <= 64
    assert kept.name
    assert kept.category_path
    assert kept.price_cents is None or 0 < kept.price_cents <= MAX_PRICE_CENTS
    assert all(len(getattr(kept, name) or "") <= length for name, length in MAX_LENGTHS.items())
    assert len(kept.url or "") <= 1024


def test_a_store_has_the_chains_form_of_id():
    pipeline = validator("coles")
    assert pipeline.process_item(StoreRecord(store_id="COL:414", name="Firle"))
    with pytest.raises(DropItem, match=r"'414' is no store id of Coles: expected the form"):
        pipeline.process_item(StoreRecord(store_id="414", name="Firle"))


def test_a_crawl_holds_a_sku_once_and_the_next_crawl_again():
    pipeline = DeduplicatePipeline(new_stats())
    for _ in range(2):
        pipeline.process_item(CrawlStartItem(**START))
        assert pipeline.process_item(product())
        with pytest.raises(DropItem):
            pipeline.process_item(product(price_cents=999))
    assert pipeline.stats.get_value("splitcart/duplicates") == 2


def test_what_was_written_before_a_crash_is_a_duplicate():
    pipeline = DeduplicatePipeline(new_stats())
    start = pipeline.process_item(CrawlStartItem(**START))
    start.seen_skus.update({"1"})
    with pytest.raises(DropItem):
        pipeline.process_item(product())


def test_a_crawl_is_written_with_the_rows_of_each_category():
    pipeline = writer()
    pipeline.process_item(CrawlStartItem(**START))
    for sku in "123":
        pipeline.process_item(product(sku))
    assert pipeline.process_item(category()).record.rows == 3
    pipeline.process_item(product("9", category_path=["Pantry", "Rice"]))
    end = pipeline.process_item(
        CrawlEndItem(keep=True, complete=False, finish_reason="blocked", failure_class=FailureClass.BLOCKED)
    )
    rows, closing = the_file()
    assert [row.sku for row in rows] == ["1", "2", "3"]
    assert (closing.rows, closing.host, closing.finish_reason) == (3, get_settings().worker, "blocked")
    assert end.files == outbox()


def test_a_crawl_that_is_not_kept_leaves_nothing():
    pipeline = writer()
    pipeline.process_item(CrawlStartItem(**START))
    pipeline.process_item(product())
    pipeline.process_item(category())
    pipeline.process_item(CrawlEndItem(keep=False, complete=False))
    assert outbox() == working_files() == []


def test_a_spider_that_ends_in_between_leaves_its_categories_to_the_next():
    pipeline = writer()
    pipeline.process_item(CrawlStartItem(**START))
    pipeline.process_item(product())
    pipeline.process_item(category())
    pipeline.process_item(product("2"))
    pipeline.close_spider()
    again = writer()
    start = again.process_item(CrawlStartItem(**START))
    assert list(start.finished_categories) == ["Dairy"]
    assert start.seen_skus == {"1"}
    again.process_item(CrawlEndItem(keep=True, complete=True))
    assert [row.sku for row in read(outbox()[0])[0]] == ["1"]


def test_a_store_that_another_process_crawls_is_busy():
    pipeline = writer()
    pipeline.process_item(CrawlStartItem(**START))
    other = writer()
    assert "another process is crawling it" in other.process_item(CrawlStartItem(**START)).busy_with
    with pytest.raises(DropItem, match="no crawl is open"):
        other.process_item(product())
    pipeline.close_spider()


def test_a_sweep_goes_to_the_store_outbox():
    pipeline = writer()
    pipeline.process_item(CrawlStartItem(company="aldi", spider="aldi_stores", kind="stores"))
    pipeline.process_item(StoreRecord(store_id="G001", name="Yokine"))
    pipeline.process_item(CrawlEndItem(keep=True, complete=True))
    rows, closing = the_file("store")
    assert [row.store_id for row in rows] == ["G001"]
    assert closing.complete
    assert outbox() == []
