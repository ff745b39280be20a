"""One line of a crawl file: writing it, reading it, and what can still be read of a bad one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

import msgspec

from splitcart.transfer.gzip_lines import CrawlFileError
from splitcart.transfer.records import (
    FORMAT_VERSION,
    BarcodeRecord,
    BatchRecord,
    CrawlRecord,
    ProductRecord,
    StoreRecord,
)
from splitcart.transfer.rows import ProductRow

MAX_KEPT_TEXT = 2000
CRAWL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")  # it becomes a file name

Record = ProductRecord | StoreRecord | BarcodeRecord
ReadRecord = ProductRow | StoreRecord | BarcodeRecord
Closing = CrawlRecord | BatchRecord


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no record; ``sku`` and root ``category`` are given where they can still be read."""

    number: int
    reason: str
    text: str
    sku: str | None = None
    category: str | None = None


class _ProductLine(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    product: ProductRow


class _Line(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    product: ProductRow | msgspec.UnsetType = msgspec.UNSET
    store: StoreRecord | msgspec.UnsetType = msgspec.UNSET
    barcode: BarcodeRecord | msgspec.UnsetType = msgspec.UNSET


class _ClosingLine(msgspec.Struct, forbid_unknown_fields=True):
    crawl: CrawlRecord | None = None
    batch: BatchRecord | None = None


class _Version(msgspec.Struct):
    format_version: int = FORMAT_VERSION


KEYS = {
    ProductRecord: "product",
    ProductRow: "product",
    StoreRecord: "store",
    BarcodeRecord: "barcode",
    CrawlRecord: "crawl",
    BatchRecord: "batch",
}
RECORD_KEYS = frozenset({"product", "store", "barcode"})
CLOSING_KEYS = frozenset({"crawl", "batch"})

_optional = {
    cls: frozenset(field.name for field in fields(cls) if field.default is None)
    for cls in (ProductRecord, StoreRecord, BarcodeRecord)
}
_encoder = msgspec.json.Encoder()
_line_decoder = msgspec.json.Decoder(_Line)
_product_decoder = msgspec.json.Decoder(_ProductLine)
_closing_decoder = msgspec.json.Decoder(_ClosingLine)
_version_decoder = msgspec.json.Decoder(dict[str, _Version])
_raw_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
# Records of one kind, of which nothing but the frame is looked at.
_frame_decoders = {
    key: msgspec.json.Decoder(
        msgspec.defstruct(f"{key.title()}Frame", [(key, msgspec.Raw)], forbid_unknown_fields=True, gc=False)
    )
    for key in RECORD_KEYS
}
_key = re.compile(rb'\s*\{\s*"([^"\\]*)"\s*:')
_sku = re.compile(rb'"sku"\s*:\s*("(?:[^"\\]|\\.)*"|\d+)')
_root = re.compile(rb'"category_path"\s*:\s*\[\s*("(?:[^"\\]|\\.)*")')

# What the decoders raise on bytes that someone else wrote; deep nesting exhausts their stack.
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def encode_line(record: Record | Closing) -> bytes:
    """Return the line of one record, with its line end; raise UnicodeEncodeError for text with lone surrogates."""
    body: Any = record
    if isinstance(record, Record):
        skipped = _optional[type(record)]
        body = {
            field: value
            for field in record.__slots__
            if (value := getattr(record, field)) is not None or field not in skipped
        }
    return _encoder.encode({KEYS[type(record)]: body}) + b"\n"


def key_of(line: bytes) -> str | None:
    """Return the key that names a line's record, as far as it can be seen without reading the rest."""
    match = _key.match(line)
    return match[1].decode(errors="replace") if match else None


def check_json_object(line: bytes) -> str:
    """Return the key of a line that is a JSON object with one key; raise ValueError saying what else it is."""
    try:
        if not line.isascii():
            line.decode()
        keys = list(_raw_decoder.decode(line))
    except UNREADABLE as error:
        raise ValueError(f"not a JSON object ({error})") from error
    if len(keys) != 1 or keys[0] != key_of(line):
        raise ValueError(f"an object with the keys {keys!r:.200}, expected one plain key that names the record")
    return keys[0]


def count_records(block: bytes) -> tuple[str, int] | None:
    """Return the key and the number of whole lines that ``check_json_object`` accepts each, all of one key.

    It is quicker than looking at each. None: there is a line that it does not accept, or one that is not framed as
    ``encode_line`` frames it.
    """
    key = key_of(block)
    if key not in _frame_decoders:
        return None
    begin = f'{{"{key}":'.encode()
    try:
        if not block.isascii():
            block.decode()
        count = len(_frame_decoders[key].decode_lines(block))
    except UNREADABLE:
        return None
    # Objects follow each other with the end of a line between them, and lines end nowhere else.
    between = block.count(b"}\n" + begin)
    is_framed = block.startswith(begin) and block.endswith(b"}\n") and between == count - 1
    return (key, count) if is_framed and block.count(b"\n") == count else None


def decode_record(number: int, line: bytes) -> ReadRecord | BadLine:
    """Read a product, store or barcode line strictly."""
    try:
        parsed = _line_decoder.decode(line)
    except UNREADABLE as error:
        return _bad(number, line, str(error))
    records = [record for record in (parsed.product, parsed.store, parsed.barcode) if record is not msgspec.UNSET]
    if len(records) != 1:
        return _bad(number, line, "expected one of the keys product, store and barcode")
    (record,) = records
    if isinstance(record, StoreRecord) and not record.store_id:
        return _bad(number, line, "a store needs a store_id")
    if _holds_nul(line):
        return _bad(number, line, "a text holds a NUL character")
    return record


def decode_products(lines: Sequence[bytes]) -> list[ProductRow] | None:
    """Read lines of which ``decode_record`` makes a product each, quicker than it does; None: one is something else."""
    try:
        rows = [line.product for line in map(_product_decoder.decode, lines)]
    except UNREADABLE:
        return None
    return None if any(map(_holds_nul, lines)) else rows


def decode_product(line: bytes) -> ProductRow:
    """Read a line that is known to be a good product."""
    return _product_decoder.decode(line).product


def _holds_nul(line: bytes) -> bool:
    """No database keeps a NUL in text. Escaped backslashes go first, so that only true escapes are seen."""
    return b"\\" in line and b"\\u0000" in line and b"\\u0000" in line.replace(b"\\\\", b"")


def decode_closing(name: str, number: int, line: bytes) -> Closing:
    """Read a closing line; raise CrawlFileError where it is of another version or not as it should be."""
    where = f"{name}, line {number} (closing line)"
    try:
        version = next(iter(_version_decoder.decode(line).values())).format_version
        if version != FORMAT_VERSION:
            raise CrawlFileError(
                f"{where}: format version {version}, this program reads {FORMAT_VERSION}; update SplitCart"
            )
        parsed = _closing_decoder.decode(line)
    except UNREADABLE as error:
        raise CrawlFileError(f"{where}: {error}") from error
    if parsed.crawl is not None and parsed.batch is None:
        return _checked_crawl(where, parsed.crawl)
    if parsed.batch is not None and parsed.crawl is None:
        parsed.batch.generated_at = _utc(where, "generated_at", parsed.batch.generated_at)
        return parsed.batch
    raise CrawlFileError(f"{where}: expected one of the keys crawl and batch")


def _checked_crawl(where: str, crawl: CrawlRecord) -> CrawlRecord:
    if not CRAWL_ID.fullmatch(crawl.crawl_id):
        raise CrawlFileError(
            f"{where}: crawl_id {crawl.crawl_id!r}; expected up to 120 letters, digits, '.', '_' and '-'"
        )
    crawl.started_at = _utc(where, "started_at", crawl.started_at)
    crawl.finished_at = _utc(where, "finished_at", crawl.finished_at)
    for category in crawl.categories:
        category.observed_from = _utc(where, "observed_from", category.observed_from)
        category.observed_to = _utc(where, "observed_to", category.observed_to)
        if category.observed_to < category.observed_from:
            raise CrawlFileError(
                f"{where}: category {category.category!r} was observed to a time before it was observed from"
            )
    return crawl


def _utc(where: str, field: str, value: datetime) -> datetime:
    if value.tzinfo is None:
        raise CrawlFileError(f"{where}: {field} {value.isoformat()} has no UTC offset; expected one")
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise CrawlFileError(f"{where}: {field} {value.isoformat()} is not a usable instant") from error


def _bad(number: int, line: bytes, reason: str) -> BadLine:
    return BadLine(number, reason, line[:MAX_KEPT_TEXT].decode(errors="replace"), _text(_sku, line), _text(_root, line))


def _text(pattern: re.Pattern[bytes], line: bytes) -> str | None:
    match = pattern.search(line)
    if match is None:
        return None
    try:
        return str(msgspec.json.decode(match[1])) or None
    except UNREADABLE:
        return None
