"""Remembered lines: they say what reading them anew says, and take no more room than they were given."""

import tracemalloc

from hypothesis import given, settings
from hypothesis import strategies as st

from splitcart.ingest.shelf_lines import USES, ShelfLines
from splitcart.transfer.lines import encode_line
from splitcart.transfer.records import ProductRecord
from tests.ingest.crawl_files import product

LINES = [
    encode_line(each).rstrip()
    for each in (
        product("a1", "A", 100),
        product("a1", "A", 101),
        product("a1", "A", 100, name="Another"),
        product("a2", "A", None, available=False),
        product("a3", "A", 5, path=[" B > ", "A"]),
        product("a4", "A", 1, name=" "),
        ProductRecord(
            sku="a5", name="Rice", size="500g", category_path=["A"], price_cents=5, unit_price_cents=1000,
            unit_measure="1 kg",
        ),
    )
]  # fmt: skip
LINES += [b"{", b'{"product": {"sku": "a6"}}']


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from(LINES), max_size=6), max_size=12), st.sampled_from([0, 1500, 4000, 1_000_000]))
def test_what_is_remembered_is_what_reading_anew_gives(runs: list[list[bytes]], max_bytes: int) -> None:
    lines = ShelfLines(max_bytes)
    assert [lines.read(run) for run in runs] == [ShelfLines().read(run) for run in runs]


def test_a_line_that_comes_again_is_not_read_again() -> None:
    lines = ShelfLines()
    (first,) = lines.read(LINES[:1]) or []
    again, other = lines.read([bytes(bytearray(LINES[0])), LINES[1]]) or []
    assert again is first
    assert other is not first


def test_all_are_read_anew_in_their_order_after_many_uses() -> None:
    """Rows that were read one after the other lie so in memory; those of many days do not."""
    lines, run = ShelfLines(), LINES[:5]
    first = lines.read(run) or []
    for _ in range(USES - 1):
        again = lines.read(run) or []
        assert all(row is known for row, known in zip(again, first, strict=True))
    assert not any(row is known for row, known in zip(lines.read(run) or [], first, strict=True))


def test_the_oldest_lines_are_forgotten_when_the_room_is_full() -> None:
    lines = ShelfLines(1 << 20)
    (first,) = lines.read(LINES[:1]) or []
    tracemalloc.start()
    try:
        for number in range(5000):
            lines.read([encode_line(product(str(number), "A", number + 1000))])
        taken_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken_bytes < 1.1 * (1 << 20)
    assert (lines.read(LINES[:1]) or [])[0] is not first


def test_a_line_in_use_is_kept_while_others_pass_by() -> None:
    lines = ShelfLines(1 << 20)
    (first,) = lines.read(LINES[:1]) or []
    for number in range(5000):
        (row, _) = lines.read([LINES[0], encode_line(product(str(number), "A", 1))]) or []
        assert row is first
