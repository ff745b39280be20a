"""A page of an export is whole, or it is refused: wherever it was cut, however its bytes were handed over."""

import gzip
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitcart.transfer import CrawlFileError, ExportedCompany
from splitcart.transfer.lines import encode_line
from splitcart.transfer.pages import Page, read_page, write_whole
from splitcart.transfer.records import BatchRecord

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def closing(count):
    return encode_line(BatchRecord(kind="companies", generated_at=NOON, count=count))


def text(rows, count=None):
    lines = (f'{{"company":"c{number}","name":"Chain {number}"}}\n'.encode() for number in range(rows))
    return b"".join(lines) + closing(rows if count is None else count)


def finish(packed):
    page = Page("page")
    for _ in page.feed(packed):
        pass
    return page.finish()


@given(st.integers(0, 40), st.lists(st.integers(1, 200), max_size=20))
def test_a_page_may_come_in_any_pieces(rows, sizes):
    packed, page, found = gzip.compress(text(rows)), Page("page"), 0
    for size in [*sizes, len(packed)]:
        found += sum(map(len, page.feed(packed[:size])))
        packed = packed[size:]
    assert page.finish().count == page.count == found == rows


@given(st.integers(0, 40), st.data())
def test_a_page_that_ends_early_is_refused(rows, data):
    whole = text(rows)
    cut = data.draw(st.integers(0, len(whole) - 2))  # the last line end may be missing
    packed = data.draw(st.sampled_from([gzip.compress(whole[:cut]), gzip.compress(whole)[:-1]]))
    with pytest.raises(CrawlFileError):
        finish(packed)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (text(3, count=4), "3 rows came, its closing line says 4"),
        (text(3) + text(0), "4 rows came, its closing line says 0"),
        (b"", "no closing line"),
        (text(2) + b"\n", "no closing line"),
        (text(2) + b"x", "a line follows the closing line"),
    ],
)
def test_what_does_not_add_up_is_refused(body, problem):
    with pytest.raises(CrawlFileError, match=problem):
        finish(gzip.compress(body))


def test_rows_of_another_form_are_refused(tmp_path):
    path = tmp_path / "page.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"company": 1}\n' + closing(1)))
    with pytest.raises(CrawlFileError, match="update SplitCart on both sides"):
        list(read_page(path, ExportedCompany))


def test_pages_become_one_file_with_one_closing_line(tmp_path):
    pages = []
    for number, rows in enumerate((2, 0, 3)):
        pages.append(tmp_path / f"page-{number}.jsonl.gz")
        pages[-1].write_bytes(gzip.compress(text(rows)))
    final = tmp_path / "whole.jsonl.gz"
    final.write_text("older")
    write_whole(pages, BatchRecord(kind="companies", generated_at=NOON, count=5), final)
    assert [row.company for row in read_page(final, ExportedCompany)] == ["c0", "c1", "c0", "c1", "c2"]
