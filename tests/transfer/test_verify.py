"""The verifier reads what anyone may send: it is strict about the frame and never inflates without bound."""

import gzip
import hashlib
import tracemalloc

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from splitcart.transfer import CrawlFileError, StreamVerifier, TooLargeError
from splitcart.transfer.lines import check_json_object, count_records, encode_line
from splitcart.transfer.verify import Verified


@given(size=st.integers(1, 400))
def test_the_chunks_do_not_matter(size, crawl_bytes, closing):
    whole = crawl_bytes(4)
    verifier = StreamVerifier()
    for start in range(0, len(whole), size):
        verifier.feed(whole[start : start + size])
    verified = verifier.finish()
    assert verified.sha256 == hashlib.sha256(whole).hexdigest()
    assert verified.closing == closing(4)
    assert (verified.rows, verified.record_key, verified.size_bytes) == (4, "product", len(whole))
    assert verified.inflated_bytes == len(gzip.decompress(whole))


PIECES = [
    '{"product":',
    "{",
    "}",
    "\n",
    "1",
    '"a":',
    '"\\u0061"',
    "[",
    "]",
    ",",
    " ",
    '{"store":',
    '{"pro\\u0064uct":',
    "é",
    "\0",
]
wholes = st.lists(
    st.sampled_from(['{"product":{"a":1}}', '{"product":2}', '{"store":{}}', '{"product":"é"}']), min_size=1
)


@st.composite
def blocks(draw):
    """Whole lines, at times with some of them spoilt."""
    text = "".join(f"{line}\n" for line in draw(wholes))
    for piece in draw(st.lists(st.sampled_from(PIECES), max_size=3)):
        place = draw(st.integers(0, len(text) - 1))
        text = text[:place] + piece + text[place + draw(st.integers(0, 2)) :]
    return text.encode().rstrip(b"\n") + b"\n"


@given(blocks())
@example(b'{"product":\n{"product":1}}\n{"product":1}{"product":1}\n')
@example(b'{"product":\n{"a":1}}\n{"product":1}\n')
@example(b'{"product":1}\n{"product":1} {"product":1}\n')
@example(b'{"product":"\xff"}\n')
@settings(max_examples=300)
def test_lines_counted_together_are_lines_that_are_good_each(block):
    found = count_records(block)
    if found is not None:
        lines = block[:-1].split(b"\n")
        assert [check_json_object(line) for line in lines] == [found[0]] * found[1]


def test_good_lines_are_counted_together(crawl_bytes):
    lines = gzip.decompress(crawl_bytes(4)).splitlines(keepends=True)
    assert count_records(b"".join(lines[:4])) == ("product", 4)


def verify(*lines: bytes, **caps) -> Verified:
    verifier = StreamVerifier(**caps)
    verifier.feed(gzip.compress(b"".join(line + b"\n" for line in lines)))
    return verifier.finish()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"1",
        b'{"product":{}',
        b'{"a":1,"b":2}',
        b"{}",
        b'{"product":"\xff"}',
        b'{"\\u0063rawl":{}}',
        b"{" * 5000,
    ],
)
def test_a_line_that_is_not_an_object_with_one_key_is_refused(line, closing):
    with pytest.raises(CrawlFileError, match="line 1 is"):
        verify(line, encode_line(closing(1)).rstrip())


def test_the_fields_of_a_row_are_left_to_ingestion(closing):
    verified = verify(b'{"product":{"price_cents":"no"}}', encode_line(closing(1)).rstrip())
    assert (verified.record_key, verified.closing) == ("product", closing(1))


def test_a_bomb_is_stopped_by_size_and_by_ratio_in_little_memory():
    bomb = gzip.compress(b" " * (64 << 20))
    for caps in ({"max_bytes": 8 << 20, "max_ratio": None}, {"max_bytes": None, "max_ratio": 100}):
        verifier = StreamVerifier(**caps)
        tracemalloc.start()
        with pytest.raises((TooLargeError, CrawlFileError)):
            verifier.feed(bomb)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 20 << 20


def test_a_bomb_of_short_lines_is_too_large(product, closing):
    line = encode_line(product())
    with pytest.raises(TooLargeError, match="inflates to more than 100,000 bytes"):
        verify(*[line.rstrip()] * 2000, max_bytes=100_000)
    with pytest.raises(TooLargeError, match="times its size"):
        verify(*[line.rstrip()] * 100_000, max_ratio=50)


def test_an_endless_line_is_refused():
    with pytest.raises(CrawlFileError, match="longer than"):
        verify(b'{"product":"' + b"x" * (6 << 20), max_ratio=None)
