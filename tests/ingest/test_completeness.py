"""Which root categories count as completely seen: the crawl's own word, which the count can only lower."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitcart.config import get_chain
from splitcart.ingest.completeness import judge_categories
from splitcart.ingest.reading import ParsedCrawl
from splitcart.ingest.shelf_lines import ShelfRow
from splitcart.transfer.records import CrawlRecord
from tests.ingest.crawl_files import category, product, shelf_row

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def shown_in(root: str) -> ShelfRow:
    return shelf_row(product("a", root, 1))


def judged(
    rows: int,
    reference: int | None,
    *,
    claimed: bool = True,
    guests: int = 0,
    before: list[tuple[int, bool]] | None = None,
) -> dict[str, Any]:
    """The verdict on root A with ``rows`` rows; ``before``: rows and claim of the store's previous crawl."""
    closing = CrawlRecord(
        crawl_id="c", spider="aldi", company="aldi", started_at=AT, finished_at=AT, rows=rows, complete=claimed
    )
    parsed = ParsedCrawl(
        closing,
        rows=[shown_in("A")] * rows,
        categories={"A": replace(category("A", AT, complete=claimed), guests=guests)},
    )
    previous = [{"category": "A", "rows": count, "claimed": claim} for count, claim in before or []]
    (entry,) = judge_categories(
        parsed,
        get_chain("aldi"),
        {"A": reference} if reference is not None else {},
        previous,
        {},
    )
    return entry


@pytest.mark.parametrize(
    ("rows", "reference", "complete"),
    [
        (100, 100, True),
        (90, 100, True),
        (89, 100, False),
        (9, 10, True),
        (8, 10, False),
        (0, 10, False),
        (0, 9, True),
        (1, 9, True),
        (500, 100, True),
        (0, None, True),
        (7, None, True),
    ],
)
def test_nine_of_ten_of_the_reference_are_enough_and_small_references_are_not_judged(
    rows: int, reference: int | None, complete: bool
) -> None:
    entry = judged(rows, reference)
    assert (entry["complete"], entry["claimed"], entry["rows"]) == (complete, True, rows)
    assert entry["problem"] == (None if complete else f"{rows} rows where {reference} were expected")


def test_guests_of_other_roots_are_no_measure_of_what_was_seen() -> None:
    assert judged(100, 100, guests=10)["complete"]
    few = judged(100, 100, guests=11)
    assert (few["complete"], few["rows"]) == (False, 89)


@pytest.mark.parametrize("rows", [0, 5, 100, 1000])
def test_what_the_crawl_itself_calls_partial_is_partial(rows: int) -> None:
    assert not judged(rows, 100, claimed=False, before=[(rows, True)])["complete"]


@pytest.mark.parametrize(
    ("before", "rows", "complete"),
    [
        ((50, True), 50, True),
        ((50, True), 45, True),
        ((50, True), 44, False),
        ((50, False), 50, False),
        ((5, True), 0, False),
        ((5, True), 5, True),
        ((0, True), 0, True),
    ],
)
def test_a_range_that_stays_small_is_small(before: tuple[int, bool], rows: int, complete: bool) -> None:
    assert judged(rows, 100, before=[before])["complete"] is complete


def complete_beside(counts: dict[str, int], near: dict[str, int], **known: Any) -> set[str]:
    """The roots that count as complete in a crawl of a store whose neighbours have ``near``."""
    closing = CrawlRecord(
        crawl_id="c", spider="aldi", company="aldi", started_at=AT, finished_at=AT, rows=0, complete=True
    )
    rows = [row for root, count in counts.items() for row in [shown_in(root)] * count]
    parsed = ParsedCrawl(closing, rows=rows, categories={root: category(root, AT) for root in counts})
    before = [{"category": root, "rows": count, "claimed": True} for root, count in known.get("before", {}).items()]
    scope = judge_categories(parsed, get_chain("aldi"), known.get("reference", {}), before, {}, near)
    return {entry["category"] for entry in scope if entry["complete"]}


LARGE = {"A": 100, "B": 100, "C": 100}


@pytest.mark.parametrize(
    ("counts", "known", "complete"),
    [
        ({"A": 50, "B": 100, "C": 95}, {}, "BC"),
        ({"A": 0, "B": 100, "C": 95}, {}, "BC"),
        ({"A": 90, "B": 90, "C": 90}, {}, "ABC"),
        ({"A": 50, "B": 100, "C": 95}, {"reference": {"A": 50}}, "ABC"),  # it has a past of its own
        ({"A": 50, "B": 100, "C": 95}, {"before": {"A": 50}}, "ABC"),  # as small as the last time
        ({"A": 50, "B": 60, "C": 70}, {}, "ABC"),  # a small store
        ({"A": 50, "B": 60, "C": 95}, {}, "ABC"),
        ({"B": 100, "C": 100}, {}, "BC"),  # which categories a store has is never taken from others
    ],
)
def test_stores_like_it_speak_for_a_store_without_a_past(
    counts: dict[str, int], known: dict[str, Any], complete: str
) -> None:
    assert complete_beside(counts, LARGE, **known) == set(complete)


def test_the_scope_is_sorted_and_keeps_when_each_category_was_seen() -> None:
    closing = CrawlRecord(
        crawl_id="c", spider="aldi", company="aldi", started_at=AT, finished_at=AT, rows=0, complete=True
    )
    parsed = ParsedCrawl(closing, categories={name: category(name, AT) for name in ("B", "A")})
    scope = judge_categories(parsed, get_chain("aldi"), {}, [], {})
    assert [entry["category"] for entry in scope] == ["A", "B"]
    assert scope[0]["observed_from"] == "2026-03-02T09:00:00+00:00"
    assert scope[0]["observed_to"] == "2026-03-02T09:01:00+00:00"
    assert msgspec.json.encode(scope)


@given(
    rows=st.integers(0, 60),
    reference=st.none() | st.integers(0, 60),
    claimed=st.booleans(),
    before=st.none() | st.tuples(st.integers(0, 60), st.booleans()),
)
def test_the_count_never_lifts_a_verdict(
    rows: int, reference: int | None, claimed: bool, before: tuple[int, bool] | None
) -> None:
    entry = judged(rows, reference, claimed=claimed, before=[before] if before else None)
    assert entry["claimed"] is claimed
    assert claimed or not entry["complete"]
    assert entry["complete"] or not claimed or entry["problem"]
