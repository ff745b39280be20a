"""Reading a crawl file: everything in it comes back, and nothing that is not whole passes for whole."""

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitcart.errors import InputError
from splitcart.transfer import BadLine, CrawlFileError, read_closing, read_crawl_file, verify_file
from splitcart.transfer.lines import decode_products, decode_record, encode_line
from splitcart.transfer.records import BarcodeRecord, BatchRecord, CrawlRecord, ProductRecord, StoreRecord
from splitcart.transfer.rows import ProductRow
from tests.rows import as_read

text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
cents = st.none() | st.integers(1, 10**7)


def entries(path: Path) -> list:
    return [entry for _, entry in read_crawl_file(path)]


def test_records_come_back_as_they_were_written(file_of, product, closing):
    rows = [product("1", barcode="9300000000001", flags=["new"], health_star=4.5), product("2", price_cents=None)]
    path = file_of(*rows, closing(2))
    assert [number for number, _ in read_crawl_file(path)] == [1, 2, 3]
    assert entries(path) == [*map(as_read, rows), closing(2)]
    assert read_closing(path) == closing(2)


@given(
    st.builds(
        ProductRecord,
        sku=text.filter(bool),
        name=text,
        category_path=st.lists(text, min_size=1, max_size=3),
        price_cents=cents,
        was_cents=cents,
        available=st.none() | st.booleans(),
        description=st.none() | text,
        health_star=st.none() | st.floats(0, 5),
        flags=st.none() | st.lists(text, max_size=2),
    )
    | st.builds(StoreRecord, store_id=text.filter(bool), name=text, hours=st.none() | st.lists(text, max_size=2))
)
def test_any_record_survives_its_line(record):
    expected = as_read(record) if isinstance(record, ProductRecord) else record
    assert decode_record(1, encode_line(record)) == expected


def test_absent_facts_are_not_written_but_an_absent_price_is(product):
    written = json.loads(encode_line(product(price_cents=None)))
    assert written == {
        "product": {"sku": "1", "name": "Article 1", "category_path": ["Dairy", "Milk"], "price_cents": None}
    }


@given(st.binary(max_size=60) | st.from_regex(rb'\{"(product|store)":\{"sku":.{0,30}', fullmatch=True))
def test_a_line_is_a_record_or_a_bad_line_and_never_an_error(line):
    assert isinstance(decode_record(1, line), ProductRow | StoreRecord | BarcodeRecord | BadLine)


GOOD_LINE = b'{"product":{"sku":"7","name":"x","category_path":["A"],"price_cents":1}}'


@given(
    st.sampled_from(
        [
            GOOD_LINE,
            GOOD_LINE * 2,
            GOOD_LINE[:-1] + b',"store":null}',
            GOOD_LINE[:-1] + b',"product":null}',
            GOOD_LINE.replace(b"x", b"\\u0000"),
            GOOD_LINE.replace(b"x", b"\\\\u0000"),
            b'{"product":null}',
            b'{"store":{"store_id":"1","name":"x"}}',
            b" ",
            b"",
        ]
    )
    | st.binary(max_size=60)
    | st.builds(lambda line, cut: line[:cut] + line[cut + 1 :], st.just(GOOD_LINE), st.integers(0, len(GOOD_LINE)))
)
def test_lines_are_read_together_exactly_where_each_is_a_product(line):
    alone = decode_record(1, line)
    assert decode_products([line]) == ([alone] if isinstance(alone, ProductRow) else None)
    assert (decode_products([GOOD_LINE, line]) is None) == (decode_products([line]) is None)


@pytest.mark.parametrize("bad_at", [0, 1, 254, 255, 511, 998])
def test_every_line_beside_a_bad_one_keeps_its_number(bad_at, file_of, product, closing):
    lines = [product(str(number)) for number in range(999)]
    lines[bad_at] = b'{"product":{"sku":"' + str(bad_at).encode() + b'"}}'
    read = list(read_crawl_file(file_of(*lines, closing(999))))
    assert [(number, getattr(entry, "sku", None)) for number, entry in read[:-1]] == [
        (number + 1, str(number)) for number in range(999)
    ]
    assert [number for number, entry in read if isinstance(entry, BadLine)] == [bad_at + 1]


def test_deep_nesting_is_a_bad_line_like_any_other():
    assert isinstance(decode_record(1, b'{"product":' + b"[" * 200_000), BadLine)


@pytest.mark.parametrize(
    ("line", "reason", "sku", "category"),
    [
        (
            b'{"product":{"sku":"7","name":"x","category_path":["Dairy"],"price_cents":"350"}}',
            "price_cents",
            "7",
            "Dairy",
        ),
        (b'{"product":{"sku":"7","name":"x","category_path":["Da\\u0069ry"]}}', "price_cents", "7", "Dairy"),
        (b'{"product":{"sku":7,"name":"x","category_path":["Dairy"],"price_cents":1}}', "sku", "7", "Dairy"),
        (b'{"product":{"sku":"7","name":"x","category_path":["Dai', "truncated", "7", None),
        (b'{"product":{"sku":"7","name":"x","category_path":[],"price_cents":1}}', "category_path", "7", None),
        (b'{"product":{"sku":"","name":"x","category_path":["Dairy"],"price_cents":1}}', "sku", None, "Dairy"),
        (b'{"product":{"sku":"7","name":"a\\u0000b","category_path":["Dairy"],"price_cents":1}}', "NUL", "7", "Dairy"),
        (b'{"product":{"sku":"7","name":"\xff","category_path":["Dairy"],"price_cents":1}}', "utf-8", "7", "Dairy"),
        (b'{"produkt":{"sku":"7"}}', "produkt", "7", None),
        (b'{"product":null}', "product", None, None),
        (b"", "truncated", None, None),
        (b"not json", "", None, None),
    ],
)
def test_a_bad_line_is_named_and_the_rest_is_read(line, reason, sku, category, file_of, product, closing):
    path = file_of(product("1"), line, product("2"), closing(3))
    first, bad, second, last = entries(path)
    assert (first, second, last) == (as_read(product("1")), as_read(product("2")), closing(3))
    assert isinstance(bad, BadLine)
    assert (bad.number, bad.sku, bad.category) == (2, sku, category)
    assert reason in bad.reason


def test_an_escaped_backslash_before_u0000_is_just_text(product):
    record = product(name="C:\\u0000")
    assert decode_record(1, encode_line(record)) == as_read(record)


def test_unknown_fields_of_a_later_minor_version_are_passed_over(product):
    line = json.loads(encode_line(product()))
    line["product"]["colour"] = "red"
    assert decode_record(1, json.dumps(line).encode()) == as_read(product())


def test_instants_come_back_in_utc(file_of, closing):
    brisbane = timezone(timedelta(hours=10))
    path = file_of(replace(closing(), started_at=datetime(2026, 11, 20, 22, tzinfo=brisbane)))
    read = read_closing(path)
    assert isinstance(read, CrawlRecord)
    assert read.started_at.isoformat() == "2026-11-20T12:00:00+00:00"


def test_a_batch_file_ends_with_its_batch_line(file_of):
    batch = BatchRecord(kind="bargains", generated_at=datetime(2026, 11, 20, tzinfo=UTC), count=1)
    path = file_of(b'{"bargain":{"sku":"1"}}', batch)
    assert read_closing(path) == batch
    assert verify_file(path).record_key == "bargain"


def naive(closing_line: bytes) -> bytes:
    return closing_line.replace(b"12:00:00Z", b"12:00:00")


def test_what_is_not_a_whole_crawl_file_is_refused_with_one_line(file_of, product, store, closing):
    line = encode_line(closing(1)).rstrip()
    cases = {
        "no closing line": [product()],
        "follows the closing line": [product(), closing(1), product("2")],
        "second closing line": [product(), closing(1), closing(1)],
        "states 2 lines, the file has 1": [product(), closing(2)],
        "'store' in a file of 'product'": [product(), store(), closing(2)],
        "format version 2": [product(), line.replace(b'"format_version":1', b'"format_version":2,"new":[1]')],
        "no UTC offset": [product(), naive(line)],
        "crawl_id": [product(), replace(closing(1), crawl_id="../../etc/passwd")],
        "(closing line)": [product(), b'{"crawl":{"rows":1}}'],
    }
    for reason, lines in cases.items():
        path = file_of(*lines)
        for read in (entries, read_closing, verify_file):
            with pytest.raises(CrawlFileError) as refusal:
                read(path)
            assert reason in str(refusal.value), (reason, read)
            assert "\n" not in str(refusal.value)


def test_a_truncated_file_is_refused_wherever_it_was_cut(crawl_bytes, tmp_path):
    whole, path = crawl_bytes(), tmp_path / "cut.jsonl.gz"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(CrawlFileError, match=r"truncated|empty"):
            entries(path)


@pytest.mark.parametrize("tail", [b"x", b"\0" * 8, b"{}\n"])
def test_bytes_behind_the_gzip_stream_are_refused(tail, crawl_bytes, tmp_path):
    path = tmp_path / "tail.jsonl.gz"
    path.write_bytes(crawl_bytes() + tail)
    with pytest.raises(CrawlFileError, match=r"followed by|truncated"):
        entries(path)


def test_a_file_that_is_not_gzip_or_not_there_is_refused(tmp_path):
    plain = tmp_path / "plain.jsonl.gz"
    plain.write_bytes(b'{"product":{}}\n')
    with pytest.raises(InputError, match="not gzip"):
        entries(plain)
    with pytest.raises(InputError, match="cannot read"):
        entries(tmp_path / "absent.jsonl.gz")


@given(cuts=st.lists(st.integers(0, 2000), max_size=5))
def test_gzip_members_may_cut_the_text_anywhere(cuts, crawl_bytes, tmp_path_factory):
    content = gzip.decompress(crawl_bytes(5))
    places = sorted({min(cut, len(content)) for cut in cuts} | {0, len(content)})
    path = tmp_path_factory.mktemp("members") / "crawl.jsonl.gz"
    path.write_bytes(b"".join(gzip.compress(content[a:b]) for a, b in pairwise(places)))
    assert len(entries(path)) == 6


def test_a_closing_line_without_line_end_will_do(crawl_bytes, tmp_path):
    path = tmp_path / "crawl.jsonl.gz"
    path.write_bytes(gzip.compress(gzip.decompress(crawl_bytes()).rstrip(b"\n")))
    assert len(entries(path)) == 4


@given(bits=st.lists(st.integers(0, 10**6), min_size=1, max_size=3))
def test_damaged_bytes_never_pass(bits, crawl_bytes, tmp_path_factory):
    whole = bytearray(crawl_bytes())
    for bit in bits:
        position = 10 + bit // 8 % (len(whole) - 10)  # the ten bytes of the header carry no content
        whole[position] ^= 1 << bit % 8
    path = tmp_path_factory.mktemp("damaged") / "crawl.jsonl.gz"
    path.write_bytes(bytes(whole))
    try:
        read = entries(path)
    except CrawlFileError:
        return
    # The bits that fill up the last byte before the checksum may be anything.
    path.write_bytes(crawl_bytes())
    assert read == entries(path)
