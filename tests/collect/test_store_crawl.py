"""The verdicts on a crawl, at a site whose every answer is written down here."""

from datetime import timedelta
from itertools import count

import pytest
import pytest_twisted
import sqlalchemy as sa

from splitcart.config import Settings, get_settings
from splitcart.database import open_database, reading
from splitcart.database.models import Category, Crawl, Price, Sku
from splitcart.ingest import CrawlIngester
from splitcart.measures.clock import system_clock
from splitcart.transfer import CrawlWriter
from splitcart.transfer.records import CategoryRecord, FailureClass, ProductRecord
from tests.collect.runs import NOW, figures, outbox, the_file
from tests.collect.scripted import AWAY, REDIRECT, Site, page, row, serving


@pytest.fixture
def crawl_site(crawl, monkeypatch):
    async def run(desk=None, **listings):
        site = Site({name.replace("_", " "): pages for name, pages in listings.items()})
        with serving(site) as url:
            monkeypatch.setenv("WOOLWORTHS_SITE_URL", url)
            get_settings.cache_clear()
            site.crawler = await crawl("woolworths", **({} if desk else {"store": "1147"}))
        return site

    return run


def verdicts(closing):
    return {record.category: record.problem for record in closing.categories}


@pytest_twisted.ensureDeferred
async def test_a_listing_ends_when_the_first_total_is_reached(crawl_site):
    site = await crawl_site(Pantry=[page(3, row(1), row(2)), page(99, row(3))])
    assert site.asked == [("Pantry", 1), ("Pantry", 2)]
    assert the_file()[1].complete


@pytest_twisted.ensureDeferred
async def test_a_listing_ends_when_a_page_brings_nothing_new_and_is_then_short(crawl_site):
    adverts = [row(9, IsSponsoredAd=True)]
    site = await crawl_site(Pantry=[page(5, row(1), row(2), *adverts), page(4, row(2), *adverts)])
    assert site.asked == [("Pantry", 1), ("Pantry", 2)]
    rows, closing = the_file()
    assert [row.sku for row in rows] == ["1", "2"]
    assert verdicts(closing) == {"Pantry": "pantry: 2 of 5 rows"}
    assert (closing.complete, closing.failure_class) == (False, None)


@pytest_twisted.ensureDeferred
async def test_rows_of_other_sellers_count_in_the_total_and_are_dropped(crawl_site):
    marked, named = {"IsMarketProduct": True, "Vendor": "Seller"}, [{"Vendor": "Seller"}, {"SoldBy": "Seller"}]
    own = {"Vendor": "Woolworths", "SoldBy": "WOOLWORTHS Group"}
    listed = [row(at, **facts) for at, facts in enumerate((own, marked, *named), 1)]
    site = await crawl_site(Pantry=[page(4, *listed)], Toys=[page(9, *(row(at, **marked) for at in range(11, 20)))])
    rows, closing = the_file()
    assert [row.sku for row in rows] == ["1"]
    assert closing.complete
    assert figures(site.crawler)["rows/other_sellers"] == 12
    assert figures(site.crawler)["listings/other_sellers"] == 1


@pytest_twisted.ensureDeferred
async def test_that_a_whole_department_is_of_other_sellers_is_not_believed_for_a_name(crawl_site):
    renamed = [row(at, "Bakery", SoldBy="The Fresh Food People") for at in range(2, 12)]
    await crawl_site(Pantry=[page(1, row(1))], Bakery=[page(10, *renamed)])
    assert verdicts(the_file()[1]) == {
        "Pantry": None,
        "Bakery": "bakery: all 10 rows are of other sellers, by their name alone, like 'The Fresh Food People'",
    }


@pytest_twisted.ensureDeferred
async def test_an_empty_department_is_complete_with_no_rows(crawl_site):
    await crawl_site(Pantry=[page(1, row(1))], Bakery=[page(0)])
    _, closing = the_file()
    assert [(record.category, record.rows, record.complete) for record in closing.categories] == [
        ("Pantry", 1, True),
        ("Bakery", 0, True),
    ]


@pytest_twisted.ensureDeferred
async def test_a_crawl_without_any_row_leaves_no_file(crawl_site, desk):
    desk.put("woolworths", "1147")
    await crawl_site(desk, Pantry=[page(0)])
    assert outbox() == []
    assert desk.released == [("1147", "failed", "no_items")]


@pytest_twisted.ensureDeferred
async def test_a_row_of_another_store_does_not_get_in(crawl_site):
    await crawl_site(Pantry=[page(3, row(1), row(2, store=1148), row(3))])
    rows, closing = the_file()
    assert [row.sku for row in rows] == ["1", "3"]
    assert verdicts(closing) == {"Pantry": "1 rows of another store"}
    assert closing.store_verified


@pytest_twisted.ensureDeferred
async def test_the_store_goes_by_the_retailers_other_number_where_it_is_known(crawl_site, desk):
    desk.put("woolworths", "1147", retailer_store_id="1101")
    await crawl_site(desk, Pantry=[page(1, row(1, store=1101))])
    assert the_file()[1].store_verified


@pytest_twisted.ensureDeferred
async def test_a_department_of_one_foreign_row_does_not_condemn_a_confirmed_store(crawl_site):
    await crawl_site(Pantry=[page(1, row(1))], Bakery=[page(1, row(2, "Bakery", store=1148))])
    rows, closing = the_file()
    assert [row.sku for row in rows] == ["1"]
    assert verdicts(closing) == {"Pantry": None, "Bakery": "1 rows of another store"}


@pytest_twisted.ensureDeferred
async def test_a_store_that_changes_in_the_middle_is_refused(crawl_site, desk):
    desk.put("woolworths", "1147")
    foreign = [row(at, "Bakery", store=1148) for at in range(2, 12)]
    await crawl_site(desk, Pantry=[page(1, row(1))], Bakery=[page(10, *foreign)])
    assert outbox() == []
    assert desk.released == [("1147", "failed", "wrong_store")]


@pytest_twisted.ensureDeferred
async def test_a_row_that_cannot_be_read_makes_its_category_incomplete(crawl_site):
    await crawl_site(Pantry=[page(2, row(1), row(2, Price="much"))], Bakery=[page(1, row(3, "Bakery"))])
    _, closing = the_file()
    assert "1 unreadable rows" in verdicts(closing)["Pantry"]
    assert verdicts(closing)["Bakery"] is None
    assert closing.failure_class is FailureClass.BAD_ITEMS


@pytest_twisted.ensureDeferred
async def test_a_row_belongs_to_its_own_department_wherever_it_is_listed(crawl_site):
    await crawl_site(
        Bakery=[page(3, row(1, "Bakery"), row(2, "Pantry"), row(3, "Pantry"))],
        Pantry=[page(2, row(2, "Pantry"), row(4, "Bakery"))],
    )
    rows, closing = the_file()
    assert {row.sku: (row.category_path, row.listed_in) for row in rows} == {
        "1": (("Bakery",), None),
        "2": (("Pantry",), None),
        "3": (("Pantry",), "Bakery"),  # its own department does not show it: it stands where it was shown
        "4": (("Bakery",), "Pantry"),  # the same, and its own department was done before
    }
    assert [(record.category, record.rows, record.guests) for record in closing.categories] == [
        ("Bakery", 2, 1),
        ("Pantry", 2, 1),
    ]


@pytest_twisted.ensureDeferred
async def test_a_department_that_was_finished_before_a_block_keeps_all_that_it_showed(crawl_site):
    await crawl_site(Bakery=[page(2, row(1, "Bakery"), row(2, "Pantry"))], Pantry=[AWAY])
    rows, closing = the_file()
    assert {row.sku: (row.category_path[0], row.listed_in) for row in rows} == {
        "1": ("Bakery", None),
        "2": ("Pantry", "Bakery"),
    }
    assert [(record.category, record.rows, record.guests) for record in closing.categories] == [("Bakery", 2, 1)]


@pytest_twisted.ensureDeferred
async def test_what_only_another_department_shows_is_not_closed_by_a_crawl_of_its_own(crawl_site, desk):
    """A lease of one department does not walk the other, and has nothing to say of what stands there."""
    engine = open_database(get_settings().resolved_database_url)
    listings = {
        "Bakery": [page(3, row(1, "Bakery"), row(2, "Pantry"), row(3, "Pantry"))],
        "Pantry": [page(2, row(3, "Pantry"), row(4, "Pantry"))],
    }

    async def take_in(categories=None, **changed):
        desk.put("woolworths", "1147", categories=categories)
        await crawl_site(desk, **(listings | changed))
        (path,) = outbox()
        result = CrawlIngester(engine, get_settings().data_dir, system_clock).ingest(path)
        path.unlink()
        with reading(engine) as session:
            shelf = sa.select(Sku.code).join(Price, Price.sku_id == Sku.id).where(Price.left_at.is_(None))
            return "".join(sorted(session.scalars(shelf))), (result.categories, result.complete_categories)

    try:
        assert await take_in() == ("1234", (2, 2))
        assert await take_in(["Pantry"]) == ("1234", (1, 1))
        assert await take_in(["Bakery"]) == ("1234", (1, 1))
        assert await take_in(["Pantry"], Pantry=[page(1, row(3, "Pantry"))]) == ("123", (1, 1))
        assert await take_in(["Bakery"], Bakery=[page(1, row(1, "Bakery"))]) == ("13", (1, 1))
        assert await take_in(Pantry=[AWAY]) == ("123", (1, 1))
        with reading(engine) as session:
            classes = list(session.scalars(sa.select(Crawl.failure_class).order_by(Crawl.id)))
            own = sa.select(Sku.code, Category.name).join(Category, Category.id == Sku.root_category_id)
            roots = dict(session.execute(own.order_by(Sku.code)).all())
        assert classes == [None] * 5 + [FailureClass.RATE_LIMITED]
        assert roots == {"1": "Bakery", "2": "Pantry", "3": "Pantry", "4": "Pantry"}  # whoever shows it
    finally:
        engine.dispose()


@pytest_twisted.ensureDeferred
async def test_a_row_without_name_is_dropped_and_its_category_incomplete(crawl_site):
    await crawl_site(Pantry=[page(2, row(1), row(2, Name=None))])
    rows, closing = the_file()
    assert [row.sku for row in rows] == ["1"]
    assert "bad name of sku '2'" in verdicts(closing)["Pantry"]


@pytest_twisted.ensureDeferred
async def test_a_clock_that_is_set_back_during_a_crawl_does_not_spoil_its_file(crawl_site, monkeypatch):
    steps = count()
    monkeypatch.setattr(Settings, "clock", lambda _: lambda: NOW - timedelta(seconds=next(steps)))
    await crawl_site(Pantry=[page(1, row(1))], Bakery=[page(1, row(2, "Bakery"))])
    _, closing = the_file()
    assert closing.complete
    assert closing.started_at <= closing.finished_at


@pytest_twisted.ensureDeferred
async def test_a_resumed_crawl_knows_that_the_site_named_its_store(crawl_site):
    folder = get_settings().folder("product_outbox")
    with CrawlWriter.open(folder, "woolworths", "woolworths", "1147", system_clock, nonce="a") as earlier:
        earlier.add(ProductRecord(sku="1", name="Tea", category_path=["Pantry"], price_cents=100))
        now = system_clock()
        done = CategoryRecord(category="Pantry", rows=1, complete=True, observed_from=now, observed_to=now)
        earlier.finish_category(done, store_verified=True)
    await crawl_site(Pantry=[page(1, row(1))], Bakery=[page(1, row(2, "Bakery", store=1101))])
    rows, closing = the_file()
    assert [row.sku for row in rows] == ["1"]
    assert closing.store_verified
    assert verdicts(closing) == {"Pantry": None, "Bakery": "1 rows of another store"}


@pytest.mark.parametrize(
    ("answer", "failure_class"), [(REDIRECT, FailureClass.BLOCKED), (AWAY, FailureClass.RATE_LIMITED)]
)
@pytest_twisted.ensureDeferred
async def test_a_redirect_and_a_long_wait_end_the_crawl_at_once(crawl_site, answer, failure_class):
    site = await crawl_site(Pantry=[page(1, row(1))], Bakery=[answer], Deli=[page(1, row(2))])
    assert site.asked == [("Pantry", 1), ("Bakery", 1)]
    _, closing = the_file()
    assert verdicts(closing) == {"Pantry": None}
    assert closing.failure_class is failure_class
