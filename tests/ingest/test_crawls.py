"""One crawl file, one transaction: what it creates, changes, closes, confirms and leaves alone."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from splitcart.database import Base, reading
from splitcart.database.models import Category, Coverage, Crawl, Price, PriceHistory, Product, Sku, Store
from splitcart.errors import InputError
from splitcart.ingest import CrawlIngester, RefusedFileError
from splitcart.transfer.records import FailureClass
from tests.ingest.crawl_files import category, product, write_crawl

DAY = timedelta(days=1)
FIRST = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def ingester(engine: sa.Engine, tmp_path: Path) -> CrawlIngester:
    return CrawlIngester(engine, tmp_path / "data", lambda: datetime(2026, 3, 20, tzinfo=UTC))


def crawl(
    tmp_path: Path, at: datetime, shelf: dict[str, int | None], *, partial: tuple[str, ...] = (), **closing: Any
) -> Path:
    """A crawl of roots A and B; skus are named after their root: a1, a2, b1 …"""
    rows = [product(sku, sku[0].upper(), price) for sku, price in shelf.items()]
    scope = [category(root, at, complete=root not in partial) for root in ("A", "B")]
    return write_crawl(tmp_path / "files", rows, scope, **closing)


def shelf(ingester: CrawlIngester) -> dict[str, tuple[int, datetime, datetime | None]]:
    with reading(ingester.engine) as session:
        rows = session.execute(
            sa.select(Sku.code, Price.price_cents, Price.since, Price.left_at)
            .join(Sku, Sku.id == Price.sku_id)
            .order_by(Sku.code)
        )
        return {code: (price, since, left) for code, price, since, left in rows}


def history(ingester: CrawlIngester) -> list[tuple[str, int, datetime, datetime, str]]:
    with reading(ingester.engine) as session:
        columns = (Sku.code, PriceHistory.price_cents, PriceHistory.since, PriceHistory.until, PriceHistory.reason)
        return [
            tuple(row)
            for row in session.execute(
                sa.select(*columns).join(Sku, Sku.id == PriceHistory.sku_id).order_by(Sku.code, PriceHistory.since)
            )
        ]


def test_a_first_crawl_creates_everything_it_names(ingester: CrawlIngester, tmp_path: Path) -> None:
    result = ingester.ingest(crawl(tmp_path, FIRST, {"a1": 100, "b1": 200}))
    assert (result.status, result.rows, result.counts["created"], result.counts["skus_created"]) == (
        "ingested",
        2,
        2,
        2,
    )
    assert shelf(ingester) == {"a1": (100, FIRST, None), "b1": (200, FIRST, None)}
    with reading(ingester.engine) as session:
        assert session.scalar(sa.select(sa.func.count(Coverage.crawl_id))) == 2
        store = session.scalars(sa.select(Store)).one()
        assert store.last_scraped_at == FIRST + timedelta(minutes=1)


def test_what_did_not_change_is_not_written_and_what_did_closes_an_interval(
    ingester: CrawlIngester, tmp_path: Path
) -> None:
    ingester.ingest(crawl(tmp_path, FIRST, {"a1": 100, "a2": 300}))
    result = ingester.ingest(crawl(tmp_path, FIRST + DAY, {"a1": 100, "a2": 350}))
    assert (result.counts["unchanged"], result.counts["changed"]) == (1, 1)
    assert shelf(ingester) == {"a1": (100, FIRST, None), "a2": (350, FIRST + DAY, None)}
    assert history(ingester) == [("a2", 300, FIRST, FIRST + DAY, "changed")]


def test_any_part_of_an_offer_makes_another_offer(ingester: CrawlIngester, tmp_path: Path) -> None:
    scope = [category("A", FIRST)]
    ingester.ingest(write_crawl(tmp_path, [product("a1", "A", 100)], scope))
    later = FIRST + DAY
    for step, extra in enumerate(
        [{"was_cents": 120}, {"was_cents": 120, "member_cents": 90}, {"multi_buy_quantity": 2, "multi_buy_cents": 150}]
    ):
        at = later + step * DAY
        result = ingester.ingest(write_crawl(tmp_path, [product("a1", "A", 100, **extra)], [category("A", at)]))
        assert result.counts["changed"] == 1


def test_a_complete_category_closes_what_it_misses_and_a_partial_one_nothing(
    ingester: CrawlIngester, tmp_path: Path
) -> None:
    ingester.ingest(crawl(tmp_path, FIRST, {"a1": 100, "b1": 200}))
    result = ingester.ingest(crawl(tmp_path, FIRST + DAY, {}, partial=("B",)))
    assert (result.counts["left"], result.complete_categories) == (1, 1)
    assert shelf(ingester) == {"a1": (100, FIRST, FIRST + DAY), "b1": (200, FIRST, None)}
    assert history(ingester) == [("a1", 100, FIRST, FIRST + DAY, "left")]


def test_what_comes_back_starts_a_new_run_on_the_shelf(ingester: CrawlIngester, tmp_path: Path) -> None:
    for step, shown in enumerate([{"a1": 100}, {}, {"a1": 100}]):
        ingester.ingest(crawl(tmp_path, FIRST + step * DAY, shown))
    with reading(ingester.engine) as session:
        price = session.scalars(sa.select(Price)).one()
        assert (price.since, price.listed_since, price.left_at) == (FIRST + 2 * DAY, FIRST + 2 * DAY, None)
    assert history(ingester) == [("a1", 100, FIRST, FIRST + DAY, "left")]


def test_listed_without_a_price_is_seen_but_its_price_is_unknown_from_then_on(
    ingester: CrawlIngester, tmp_path: Path
) -> None:
    ingester.ingest(crawl(tmp_path, FIRST, {"a1": 100}))
    result = ingester.ingest(crawl(tmp_path, FIRST + DAY, {"a1": None}))
    assert (result.counts["gaps"], result.counts["left"]) == (1, 0)
    assert shelf(ingester) == {"a1": (100, FIRST, FIRST + DAY)}
    assert history(ingester) == [("a1", 100, FIRST, FIRST + DAY, "gap")]


def test_a_price_beyond_all_proportion_is_set_aside(ingester: CrawlIngester, tmp_path: Path) -> None:
    ingester.ingest(crawl(tmp_path, FIRST, {"a1": 599}))
    result = ingester.ingest(crawl(tmp_path, FIRST + DAY, {"a1": 5}))
    assert result.counts["implausible"] == 1
    assert history(ingester) == [("a1", 599, FIRST, FIRST + DAY, "gap")]
    ingester.ingest(crawl(tmp_path, FIRST + 2 * DAY, {"a1": 599}))
    assert shelf(ingester) == {"a1": (599, FIRST + 2 * DAY, None)}


def test_what_seemed_out_of_proportion_is_believed_when_it_is_shown_again(
    ingester: CrawlIngester, tmp_path: Path
) -> None:
    """A misread first price once kept every right one out for ever."""
    ingester.ingest(crawl(tmp_path, FIRST, {"a1": 5}))
    counts = [
        ingester.ingest(crawl(tmp_path, FIRST + step * DAY, {"a1": 599})).counts["implausible"] for step in (1, 2, 3)
    ]
    assert counts == [1, 0, 0]
    assert shelf(ingester) == {"a1": (599, FIRST + 2 * DAY, None)}


def test_a_store_id_is_kept_as_the_chain_writes_it(ingester: CrawlIngester, tmp_path: Path) -> None:
    for step, store_id in enumerate(("COL:0584", "COL:584")):
        at = FIRST + step * DAY
        path = write_crawl(tmp_path, [], [category("A", at)], company="coles", store_id=store_id, crawl_id=f"c{step}")
        assert ingester.ingest(path).store_id == "COL:584"


def test_categories_that_differ_in_spaces_are_one(ingester: CrawlIngester, tmp_path: Path) -> None:
    """Once the second of them broke the transaction; and a name with a separator never found its reference."""
    for step, count in ((0, 20), (1, 5)):
        at = FIRST + step * DAY
        shelf = [product(f"a{number}", "Fruit > Veg", 100) for number in range(count)]
        scope = [category("Fruit > Veg", at), category("Fruit  Veg ", at)]
        result = ingester.ingest(write_crawl(tmp_path, shelf, scope))
        assert (result.categories, result.complete_categories) == (1, 1 - step)
        assert result.counts["left"] == 0


def test_the_same_file_twice_changes_nothing(ingester: CrawlIngester, tmp_path: Path) -> None:
    path = crawl(tmp_path, FIRST, {"a1": 100})
    ingester.ingest(path)
    before = dump(ingester.engine)
    assert ingester.ingest(path).status == "duplicate"
    assert dump(ingester.engine) == before


def test_files_out_of_order_give_the_rows_of_files_in_order(ingester: CrawlIngester, tmp_path: Path) -> None:
    shelves = [{"a1": 100, "b1": 5}, {"a1": 110}, {"a1": 110, "b1": 7}, {"a1": 100, "b1": 7}]
    paths = [crawl(tmp_path, FIRST + step * DAY, shown) for step, shown in enumerate(shelves)]
    results = [ingester.ingest(paths[step]) for step in (3, 0, 2, 1)]
    assert [result.late for result in results] == [False, True, True, True]
    assert history(ingester) == [
        ("a1", 100, FIRST, FIRST + DAY, "changed"),
        ("a1", 110, FIRST + DAY, FIRST + 3 * DAY, "changed"),
        ("b1", 5, FIRST, FIRST + DAY, "left"),
    ]
    assert shelf(ingester)["b1"] == (7, FIRST + 2 * DAY, None)


def test_two_crawls_of_one_store_on_one_day_are_normal(ingester: CrawlIngester, tmp_path: Path) -> None:
    for hours, price in ((0, 100), (3, 120), (6, 100)):
        ingester.ingest(crawl(tmp_path, FIRST + timedelta(hours=hours), {"a1": price}))
    assert [row[1] for row in history(ingester)] == [100, 120]


def test_a_short_category_is_not_believed_once_but_twice(ingester: CrawlIngester, tmp_path: Path) -> None:
    full = {f"a{number}": 100 for number in range(20)}
    short = {f"a{number}": 100 for number in range(10)}
    ingester.ingest(crawl(tmp_path, FIRST, full))
    once = ingester.ingest(crawl(tmp_path, FIRST + DAY, short))
    assert (once.counts["left"], once.complete_categories) == (0, 1)
    twice = ingester.ingest(crawl(tmp_path, FIRST + 2 * DAY, short))
    assert (twice.counts["left"], twice.complete_categories) == (10, 2)


def test_a_crawl_of_other_categories_in_between_is_no_reason_to_doubt_again(
    ingester: CrawlIngester, tmp_path: Path
) -> None:
    full = {f"a{number}": 100 for number in range(20)}
    short = {f"a{number}": 100 for number in range(10)}
    ingester.ingest(crawl(tmp_path, FIRST, full))
    assert ingester.ingest(crawl(tmp_path, FIRST + DAY, short)).complete_categories == 1
    at = FIRST + 2 * DAY
    other = write_crawl(tmp_path / "files", [product("b1", "B", 100)], [category("B", at)], complete=False, asked=["B"])
    assert ingester.ingest(other).complete_categories == 1
    assert ingester.ingest(crawl(tmp_path, FIRST + 3 * DAY, short)).complete_categories == 2


@pytest.mark.parametrize(("asked", "whole"), [(["B"], True), (["A", "B"], False), (None, False)])
def test_a_crawl_is_whole_when_it_saw_all_that_it_was_asked_for(
    ingester: CrawlIngester, tmp_path: Path, asked: list[str] | None, whole: bool
) -> None:
    rows, scope = [product("b1", "B", 100)], [category("B", FIRST)]
    path = write_crawl(tmp_path / "files", rows, scope, complete=False, asked=asked)
    assert ingester.ingest(path).whole is whole


def test_the_scope_keeps_what_the_crawl_claimed_and_what_was_made_of_it(
    ingester: CrawlIngester, tmp_path: Path
) -> None:
    ingester.ingest(crawl(tmp_path, FIRST, {f"a{number}": 100 for number in range(20)}))
    ingester.ingest(crawl(tmp_path, FIRST + DAY, {"a1": 100}))
    with reading(ingester.engine) as session:
        scope = session.scalars(sa.select(Crawl.scope).order_by(Crawl.observed_from.desc())).first()
    assert (scope[0]["claimed"], scope[0]["complete"], scope[0]["problem"]) == (
        True,
        False,
        "1 rows where 20 were expected",
    )


@pytest.mark.parametrize(
    ("closing", "reason"),
    [
        ({"store_verified": False}, "answered for another store"),
        ({"failure_class": FailureClass.WRONG_STORE}, "answered for another store"),
        ({"store_id": "1234"}, "no store id of ALDI"),
        ({"company": "nobody"}, "unknown company 'nobody'"),
    ],
)
def test_a_crawl_that_cannot_be_trusted_is_refused_whole(
    ingester: CrawlIngester, tmp_path: Path, closing: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        ingester.ingest(crawl(tmp_path, FIRST, {"a1": 100}, **closing))
    assert shelf(ingester) == {}
    assert not list((tmp_path / "data").glob("ingested/**/*.gz"))


def test_bad_lines_are_quarantined_and_too_many_refuse_the_file(ingester: CrawlIngester, tmp_path: Path) -> None:
    good = {f"a{number}": 100 for number in range(30)}
    ingester.ingest(crawl(tmp_path, FIRST, good))
    result = ingester.ingest(crawl(tmp_path, FIRST + DAY, good | {"a3": -5}))
    assert (result.quarantined, result.counts["gaps"], result.counts["left"]) == (1, 1, 0)
    (sidecar,) = (tmp_path / "data").glob("ingested/aldi/2026-03/*.quarantine.jsonl")
    assert "$.product.price_cents" in sidecar.read_text()
    with pytest.raises(RefusedFileError, match=r"2 of 30 lines are bad \(line 4: Expected .*price_cents`"):
        ingester.ingest(crawl(tmp_path, FIRST + 2 * DAY, good | {"a3": -5, "a4": 0}))


def test_every_accepted_file_is_kept_as_it_came(ingester: CrawlIngester, tmp_path: Path) -> None:
    path = crawl(tmp_path, FIRST, {"a1": 100})
    ingester.ingest(path)
    (kept,) = (tmp_path / "data/ingested/aldi/2026-03").iterdir()
    assert kept.read_bytes() == path.read_bytes()
    assert path.exists()


def test_details_are_refreshed_by_newer_crawls_and_never_emptied(ingester: CrawlIngester, tmp_path: Path) -> None:
    scope = [category("A", FIRST)]
    ingester.ingest(write_crawl(tmp_path, [product("a1", "A", 100, brand="Acme", size="500 g")], scope))
    ingester.ingest(
        write_crawl(tmp_path, [product("a1", "A", 100, name="New name 500g", brand=None)], [category("A", FIRST + DAY)])
    )
    with reading(ingester.engine) as session:
        sku = session.scalars(sa.select(Sku)).one()
        assert (sku.name, sku.brand, sku.size) == ("New name 500g", "Acme", "500 g")


def test_skus_with_the_same_gtin_are_one_product_and_local_codes_are_none(
    ingester: CrawlIngester, tmp_path: Path
) -> None:
    aldi = [
        product("a1", "A", 100, barcode="9310645321899"),
        product("a2", "A", 100, barcode="0265178000003", barcode_is_local=True),
    ]
    ingester.ingest(write_crawl(tmp_path, aldi, [category("A", FIRST)]))
    woolworths = [
        product("1", "X", 110, barcode="9310645321899"),
        product("2", "X", 110, barcode="0265178000003", barcode_is_local=True),
    ]
    result = ingester.ingest(
        write_crawl(tmp_path, woolworths, [category("X", FIRST)], company="woolworths", store_id="1147")
    )
    assert (result.counts["products_created"], result.counts["products_matched"]) == (1, 1)
    with reading(ingester.engine) as session:
        assert session.scalar(sa.select(sa.func.count(Product.id))) == 3


def test_a_renamed_department_stays_covered_and_loses_only_what_left(ingester: CrawlIngester, tmp_path: Path) -> None:
    """The site calls Dairy Fridge from the second day on: its skus are confirmed there, and departures are seen."""
    dairy = [product(f"d{number}", "Dairy", 100) for number in range(20)]
    ingester.ingest(write_crawl(tmp_path / "files", dairy, [category("Dairy", FIRST)]))
    fridge = [product(f"d{number}", "Fridge", 100) for number in range(19)]
    for day in (1, 2):
        result = ingester.ingest(write_crawl(tmp_path / "files", fridge, [category("Fridge", FIRST + day * DAY)]))
        assert result.whole
    assert shelf(ingester)["d19"][2] == FIRST + DAY
    with reading(ingester.engine) as session:
        seen = {
            seen_at
            for (seen_at,) in session.execute(
                sa.select(sa.column("seen_at", Coverage.observed_to.type)).select_from(sa.text("effective_prices"))
            )
        }
    assert seen == {FIRST + 2 * DAY + timedelta(minutes=1)}


def test_a_store_first_crawled_after_the_renaming_has_its_prices(ingester: CrawlIngester, tmp_path: Path) -> None:
    ingester.ingest(write_crawl(tmp_path / "files", [product("d1", "Dairy", 100)], [category("Dairy", FIRST)]))
    late = write_crawl(
        tmp_path / "files", [product("d1", "Fridge", 100)], [category("Fridge", FIRST + DAY)], store_id="G102"
    )
    ingester.ingest(late)
    with reading(ingester.engine) as session:
        count = sa.select(sa.func.count()).select_from(sa.text("effective_prices"))
        assert session.scalar(count) == 2


def test_a_department_that_vanishes_is_believed_when_it_stays_away(ingester: CrawlIngester, tmp_path: Path) -> None:
    both = {f"{root}{number}": 100 for root in "ab" for number in range(20)}
    ingester.ingest(crawl(tmp_path, FIRST, both))
    only_a = [product(f"a{number}", "A", 100) for number in range(20)]
    left = [
        ingester.ingest(write_crawl(tmp_path / "files", only_a, [category("A", FIRST + day * DAY)])).counts["left"]
        for day in (1, 2)
    ]
    assert left == [0, 20]


def test_a_partial_category_closes_nothing_of_what_the_store_sells_elsewhere(
    ingester: CrawlIngester, tmp_path: Path
) -> None:
    """One store shows p0 under A, another under B: a crawl of the second that finished A only says nothing of p0."""
    scope = [category("A", FIRST), category("B", FIRST)]
    ingester.ingest(write_crawl(tmp_path / "files", [product("p0", "A", 100)], scope))
    ingester.ingest(write_crawl(tmp_path / "files", [product("p0", "B", 100)], scope, store_id="G102"))
    later = [category("A", FIRST + DAY), category("B", FIRST + DAY, complete=False)]
    assert ingester.ingest(write_crawl(tmp_path / "files", [], later, store_id="G102")).counts["left"] == 0


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_root_of_a_sku_is_that_of_its_earliest_sight_whatever_came_first(
    ingester: CrawlIngester, tmp_path: Path, order: tuple[int, int]
) -> None:
    files = [
        write_crawl(tmp_path / "files", [product("p0", root, 100)], [category(root, FIRST + day * DAY)], store_id=store)
        for day, (root, store) in enumerate([("Produce", "G101"), ("Pantry", "G102")])
    ]
    for number in order:
        ingester.ingest(files[number])
    with reading(ingester.engine) as session:
        assert session.scalar(sa.select(Category.name).join(Sku, Sku.root_category_id == Category.id)) == "Produce"


def test_a_sku_that_leaves_after_a_gap_has_left(ingester: CrawlIngester, tmp_path: Path) -> None:
    counts = [
        ingester.ingest(crawl(tmp_path, FIRST + day * DAY, shown)).counts
        for day, shown in enumerate([{"a1": 100}, {"a1": None}, {}, {}])
    ]
    assert [count["gaps"] for count in counts] == [0, 1, 0, 0]
    assert [count["left"] for count in counts] == [0, 0, 1, 0]
    assert history(ingester) == [("a1", 100, FIRST, FIRST + DAY, "gap")]


@pytest.mark.parametrize(
    "at", [datetime(1, 1, 1, tzinfo=UTC), datetime(2026, 3, 22, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC)]
)
def test_a_crawl_by_a_broken_clock_is_refused(ingester: CrawlIngester, tmp_path: Path, at: datetime) -> None:
    with pytest.raises(RefusedFileError, match="check the clock of host scraper-7"):
        ingester.ingest(crawl(tmp_path, at, {"a1": 100}, host="scraper-7", crawl_id="odd"))


def test_a_crawl_that_ended_before_it_began_is_refused(ingester: CrawlIngester, tmp_path: Path) -> None:
    with pytest.raises(RefusedFileError, match="check the clock"):
        ingester.ingest(crawl(tmp_path, FIRST, {"a1": 100}, finished_at=FIRST - DAY))


def dump(engine: sa.Engine) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, sorted."""
    with reading(engine) as session:
        return {
            table.name: sorted((tuple(row) for row in session.execute(sa.select(table))), key=repr)
            for table in Base.metadata.sorted_tables
        }


def test_the_same_files_give_the_same_rows_on_both_databases(
    sqlite: sa.Engine, postgres: sa.Engine, tmp_path: Path
) -> None:
    shelves = [{"a1": 100, "a2": 300, "b1": None}, {"a1": 120, "b2": 7}, {"a1": 120, "a2": 300}]
    paths = [crawl(tmp_path, FIRST + step * DAY, shown) for step, shown in enumerate(shelves)]
    dumps = []
    for engine in (sqlite, postgres):
        ingester = CrawlIngester(engine, tmp_path / engine.dialect.name, lambda: FIRST + 9 * DAY)
        for step in (0, 2, 1):
            ingester.ingest(paths[step])
        dumps.append(dump(engine))
    assert dumps[0] == dumps[1]
    assert len(dumps[0]["price_history"]) == 3
