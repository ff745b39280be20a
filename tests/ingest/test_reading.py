"""From a crawl file to rows that may be stored: what is a row, what a gap, what is set aside, what refuses the file."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitcart.errors import InputError
from splitcart.ingest import RefusedFileError
from splitcart.ingest.reading import ParsedCrawl, read_crawl
from splitcart.ingest.shelf_lines import category_name
from splitcart.transfer.lines import encode_line
from splitcart.transfer.records import CrawlRecord, ProductRecord
from tests.ingest.crawl_files import category, product, write_crawl
from tests.ingest.store_lists import shop, write_sweep
from tests.rows import as_read

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
GOOD = [product(f"a{number}", "A", 100) for number in range(40)]
Line = ProductRecord | bytes


def lines_file(folder: Path, lines: list[Line], roots: tuple[str, ...] = ("A", "B"), **closing: Any) -> Path:
    """A crawl file whose lines may be raw bytes."""
    record = CrawlRecord(
        **{
            "crawl_id": "aldi-g101-20260302T090000Z-000000",
            "spider": "aldi",
            "company": "aldi",
            "store_id": "G101",
            "started_at": AT,
            "finished_at": AT + timedelta(minutes=9),
            "rows": len(lines),
            "complete": True,
            "categories": [category(root, AT) for root in roots],
            **closing,
        }
    )
    packed = [line + b"\n" if isinstance(line, bytes) else encode_line(line) for line in lines]
    path = folder / "crawl.jsonl.gz"
    path.write_bytes(gzip.compress(b"".join([*packed, encode_line(record)]), mtime=0))
    return path


def read(folder: Path, *lines: Line, **closing: Any) -> ParsedCrawl:
    """Read lines after enough good ones."""
    return read_crawl(lines_file(folder, [*GOOD, *lines], **closing))


def complete(parsed: ParsedCrawl) -> set[str]:
    return {name for name, entry in parsed.categories.items() if entry.complete}


def test_a_clean_file_is_its_rows(tmp_path: Path) -> None:
    parsed = read(tmp_path)
    assert [row.product() for row in parsed.rows] == list(map(as_read, GOOD))
    assert (parsed.gaps, parsed.quarantined, parsed.duplicates) == (set(), [], 0)
    assert complete(parsed) == {"A", "B"}
    assert (parsed.observed_from, parsed.observed_to) == (AT, AT + timedelta(minutes=1))
    assert parsed.rows_by_root() == {"A": 40}


def test_without_categories_the_crawl_s_own_times_hold(tmp_path: Path) -> None:
    parsed = read_crawl(write_crawl(tmp_path, [], [], started_at=AT, finished_at=AT + timedelta(hours=1)))
    assert (parsed.observed_from, parsed.observed_to) == (AT, AT + timedelta(hours=1))


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"name": " "}, "sku and name must not be empty"),
        ({"sku": "s" * 65}, "Expected `str` of length <= 64 - at `$.product.sku`"),
        ({"brand": "b" * 256}, "Expected `str` of length <= 255 - at `$.product.brand`"),
        ({"barcode": "1" * 15}, "Expected `str` of length <= 14 - at `$.product.barcode`"),
        ({"price_cents": 0}, "Expected `int` >= 1 - at `$.product.price_cents`"),
        ({"price_cents": 10_000_001}, "Expected `int` <= 10000000 - at `$.product.price_cents`"),
        ({"was_cents": -1}, "Expected `int` >= 1 - at `$.product.was_cents`"),
        ({"member_cents": 2**40}, "Expected `int` <= 10000000 - at `$.product.member_cents`"),
        ({"multi_buy_quantity": 0}, "Expected `int` >= 1 - at `$.product.multi_buy_quantity`"),
        ({"multi_buy_quantity": 2**40}, "Expected `int` <= 1000 - at `$.product.multi_buy_quantity`"),
        ({"category_path": ["A", "x" * 256]}, "Expected `str` of length <= 255 - at `$.product.category_path[1]`"),
        ({"category_path": ["A", *["x" * 200] * 6]}, "the category path is longer than 1024 characters"),
    ],
)
def test_a_row_that_cannot_be_true_is_set_aside_and_its_sku_counts_as_seen(
    tmp_path: Path, facts: dict[str, Any], reason: str
) -> None:
    bad = ProductRecord(**{"sku": "x", "name": "X", "category_path": ["A"], "price_cents": 1, **facts})
    parsed = read(tmp_path, bad)
    assert len(parsed.rows) == 40
    (line,) = parsed.quarantined
    assert (line.number, line.reason[: len(reason)]) == (41, reason)
    assert parsed.gaps == {bad.sku}
    assert complete(parsed) == {"A", "B"}, "a line with a sku spoils no category"


def test_a_line_whose_sku_can_be_read_is_a_gap(tmp_path: Path) -> None:
    parsed = read(tmp_path, b'{"product": {"sku": "x7", "name": "X", "category_path": ["A"], "price_cents": "much"}}')
    assert (parsed.gaps, complete(parsed)) == ({"x7"}, {"A", "B"})
    assert parsed.quarantined[0].number == 41


def test_a_line_without_a_sku_makes_its_category_incomplete(tmp_path: Path) -> None:
    parsed = read(tmp_path, b'{"product": {"name": "X", "category_path": [" B "], "price_cents": 1}}')
    assert complete(parsed) == {"A"}
    assert parsed.categories["B"].problem == "line 41 cannot be read"


@pytest.mark.parametrize(
    "line", [b"{", b'{"product": {"name": "X"}}', b'{"product": {"category_path": ["C"], "name": "X"}}', b"\xff"]
)
def test_a_line_that_could_be_of_any_category_makes_all_incomplete(tmp_path: Path, line: bytes) -> None:
    assert complete(read(tmp_path, line)) == set()


def test_a_sku_that_is_also_on_a_good_line_is_no_gap(tmp_path: Path) -> None:
    parsed = read(tmp_path, b'{"product": {"sku": "a1", "name": 7}}')
    assert (parsed.gaps, len(parsed.quarantined)) == (set(), 1)


def test_a_sku_listed_twice_is_one_row_and_the_first_counts(tmp_path: Path) -> None:
    parsed = read(tmp_path, product("a1", "B", 999))
    assert (len(parsed.rows), parsed.duplicates) == (40, 1)
    assert {row.sku: row.price_cents for row in parsed.rows}["a1"] == 100


def test_a_root_that_the_closing_line_does_not_list_is_not_complete(tmp_path: Path) -> None:
    parsed = read(tmp_path, product("c1", "C", 1))
    assert complete(parsed) == {"A", "B"}
    assert parsed.categories["C"].problem == "not listed in the crawl's closing line"


def test_names_of_categories_are_read_as_they_are_kept(tmp_path: Path) -> None:
    rows = [product("x1", "Fruit >  Veg", 1), product("x2", "", 1, path=["Fruit Veg", " ", "Leaf"])]
    parsed = read_crawl(lines_file(tmp_path, rows, (" Fruit>Veg", "A")))
    assert [row.category_path for row in parsed.rows] == [("Fruit Veg", "Fruit Veg leaf"), ("Fruit Veg", "Leaf")]
    assert complete(parsed) == {"Fruit Veg", "A"}


def test_a_product_without_any_category_name_is_uncategorised(tmp_path: Path) -> None:
    parsed = read(tmp_path, product("x", "", 1, path=[" > "]))
    assert parsed.rows[-1].category_path == ("Uncategorised",)
    assert not parsed.categories["Uncategorised"].complete


def test_a_category_that_is_listed_twice_is_complete_only_if_both_are(tmp_path: Path) -> None:
    late = AT + timedelta(hours=1)
    twice = [category("A", AT), category("A ", late, complete=False), category("B", AT), category("B", late)]
    parsed = read_crawl(lines_file(tmp_path, [], categories=twice))
    assert complete(parsed) == {"B"}
    assert (parsed.categories["B"].observed_from, parsed.categories["B"].observed_to) == (
        AT,
        late + timedelta(minutes=1),
    )


def test_five_in_a_hundred_bad_lines_are_borne_and_no_more(tmp_path: Path) -> None:
    good = [product(f"a{number}", "A", 1) for number in range(95)]
    bad = [product(f"b{number}", "A", 0) for number in range(6)]
    assert len(read_crawl(lines_file(tmp_path, [*good, *bad[:5]])).quarantined) == 5
    with pytest.raises(
        RefusedFileError, match=r"6 of 100 lines are bad \(line 95: Expected `int` >= 1 .*at most 5% may be"
    ):
        read_crawl(lines_file(tmp_path, [*good[:94], *bad]))


def test_what_is_no_crawl_of_a_store_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of its lines would be held in memory, the bad ones with their text."""
    monkeypatch.setattr("splitcart.ingest.reading.MAX_LINES", 100)
    bad = [product(f"b{number}", "A", 0) for number in range(20)]
    with pytest.raises(RefusedFileError, match=r"6 of its first 6 lines are bad \(line 1: Expected `int` >= 1"):
        read_crawl(lines_file(tmp_path, [*bad, *GOOD]))
    with pytest.raises(RefusedFileError, match="has more than 100 lines; expected the crawl of one store"):
        read_crawl(lines_file(tmp_path, [*GOOD, *GOOD, *GOOD]))


@pytest.mark.parametrize(
    ("closing", "reason"),
    [
        ({"store_id": None}, "names no store; expected the crawl of one store"),
        ({"store_verified": False}, "answered for another store than G101; crawl it again"),
        ({"failure_class": "wrong_store"}, "answered for another store than G101"),
        ({"spider": "s" * 61}, "closing line: spider is longer than 60 characters"),
        ({"host": "h\0"}, "closing line: host holds a NUL character"),
        ({"finish_reason": "f" * 61}, "closing line: finish_reason is longer than 60 characters"),
        ({"categories": [category("  ", AT)]}, "closing line: category '  ': it has no name"),
        ({"categories": [category(f"c{n}", AT) for n in range(1001)]}, "closing line: 1,001 root categories"),
        ({"categories": [category("c" * 256, AT)]}, "closing line: category 'c.*its name is longer than 255"),
    ],
)
def test_a_closing_line_that_cannot_be_stored_refuses_the_file(
    tmp_path: Path, closing: dict[str, Any], reason: str
) -> None:
    with pytest.raises(RefusedFileError, match=reason):
        read(tmp_path, **closing)


def test_a_store_sweep_is_no_product_file(tmp_path: Path) -> None:
    with pytest.raises(RefusedFileError, match="line 1 is a store, expected products of one store"):
        read_crawl(write_sweep(tmp_path, AT, [shop("G101")]))


@pytest.mark.parametrize(
    ("price", "unit_price", "measure", "size", "reason"),
    [
        (5, 1000, "1 kg", "500g", "price_cents is 5, 1000 per 1 kg make 500 cents of it"),
        (50_000, 1000, "1 kg", "500g", "price_cents is 50000, 1000 per 1 kg make 500 cents of it"),
        (2, 180, "1 l", "2L", "price_cents is 2, 180 per 1 l make 360 cents of it"),
        (549, 1370, "1 kg", "300g", None),  # the pack shrank and the printed unit price did not
        (299, 17_800, "1 kg", "168 g", None),  # printed per 10 g, meant per 100 g
        (2800, 311, "1 l", "375ml 24 pack", None),  # the size of one can
        (999, 1448, "1 kg", "approx. 1.5 ea per package", None),
        (500, None, None, "500g", None),
        (500, 5, "1 ea", "100 pack", None),
        (None, 1000, "1 kg", "500g", None),
    ],
)
def test_a_price_that_its_own_unit_price_contradicts_is_quarantined(
    tmp_path: Path, price: int | None, unit_price: int | None, measure: str | None, size: str, reason: str | None
) -> None:
    odd = product("x1", "A", price, size=size, unit_price_cents=unit_price, unit_measure=measure)
    parsed = read(tmp_path, odd)
    assert [line.reason for line in parsed.quarantined] == ([reason] if reason else [])
    assert parsed.gaps == ({"x1"} if reason else set())


@given(st.text())
def test_a_kept_name_is_kept_as_it_is(text: str) -> None:
    kept = category_name(text)
    assert category_name(kept) == kept
    assert ">" not in kept


values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6)
any_json = st.recursive(
    values,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=5,
)
product_like = st.fixed_dictionaries(
    {},
    optional={
        "sku": st.text(max_size=70) | values,
        "name": st.just("Milk") | values,
        "category_path": st.lists(st.text(max_size=5) | values, max_size=3) | values,
        "price_cents": st.integers() | values,
        "multi_buy_quantity": st.integers() | values,
        "health_star": values,
        "available": values,
    },
)


@settings(max_examples=80, deadline=None)
@given(entry=st.fixed_dictionaries({"product": product_like}) | any_json)
def test_any_line_is_a_row_a_gap_a_duplicate_or_quarantined(
    tmp_path_factory: pytest.TempPathFactory, entry: Any
) -> None:
    raw = json.dumps(entry).encode()
    folder = tmp_path_factory.mktemp("line")
    refusals: list[str] = []
    accounted = 0
    try:
        parsed = read(folder, raw)
        accounted = len(parsed.rows) + len(parsed.quarantined) + parsed.duplicates
    except InputError as error:
        refusals.append(str(error))
    assert accounted == 41 or refusals
    assert "\n" not in "".join(refusals)
