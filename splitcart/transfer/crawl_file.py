"""The crawl file (docs/file-format.md): reading it line by line, and the doors to writing and verifying it."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from splitcart.transfer.crawl_writer import CrawlWriter, WorkingFileBusyError
from splitcart.transfer.gzip_lines import CrawlFileError, GzipLines, TooLargeError
from splitcart.transfer.lines import (
    CLOSING_KEYS,
    RECORD_KEYS,
    BadLine,
    Closing,
    ReadRecord,
    decode_closing,
    decode_products,
    decode_record,
    encode_line,
    key_of,
)
from splitcart.transfer.rows import ProductRow
from splitcart.transfer.verify import READ_BYTES, StreamVerifier, Tally, Verified, verify_file

__all__ = [
    "BadLine",
    "CrawlFileError",
    "CrawlWriter",
    "ProductRow",
    "StreamVerifier",
    "TooLargeError",
    "Verified",
    "WorkingFileBusyError",
    "encode_line",
    "read_closing",
    "read_crawl_file",
    "read_ends",
    "verify_file",
]


def read_crawl_file(path: Path) -> Iterator[tuple[int, ReadRecord | Closing | BadLine]]:
    """Yield every line of a crawl file with its number, from 1; the closing record comes last, after all checks.

    Raises CrawlFileError for a file that is not gzip, damaged, truncated, of mixed records, of another format version,
    or whose closing line states another count. Since that may only show at the end, what was read before it is
    provisional until the closing record arrives. Memory is bounded: a piece of 256 KB and a line at a time.
    """
    tally = Tally(path.name)
    number = closing_number = 0
    for lines in _line_lists(path):
        if products := decode_products(lines):  # as in all but a few
            tally.add_rows(number + 1, "product", len(products))
            yield from enumerate(products, start=number + 1)
            number += len(products)
            continue
        for line in lines:
            number += 1
            record = decode_record(number, line)
            key = key_of(line)
            if key in CLOSING_KEYS:
                tally.close(number, decode_closing(path.name, number, line))
                closing_number = number
                continue
            tally.add_rows(number, key if key in RECORD_KEYS else None)
            yield number, record
    yield closing_number, tally.finish()


def read_closing(path: Path) -> Closing:
    """Return the closing record of a crawl file after reading all of it; raise CrawlFileError as reading does."""
    return read_ends(path)[1]


def read_ends(path: Path) -> tuple[str | None, Closing]:
    """Return the key of a file's records (None: it has none) and its closing record; raise as ``read_closing`` does."""
    tally = Tally(path.name)
    for number, line in enumerate(chain.from_iterable(_line_lists(path)), start=1):
        key = key_of(line)
        if key in CLOSING_KEYS:
            tally.close(number, decode_closing(path.name, number, line))
        else:
            tally.add_rows(number, key if key in RECORD_KEYS else None)
    return tally.record_key, tally.finish()


def _line_lists(path: Path) -> Iterator[list[bytes]]:
    lines = GzipLines(path.name)
    try:
        with path.open("rb") as file:
            while chunk := file.read(READ_BYTES):
                yield from lines.feed(chunk)
    except OSError as error:
        raise CrawlFileError(f"cannot read {path}: {error.strerror}") from error
    yield lines.finish()
