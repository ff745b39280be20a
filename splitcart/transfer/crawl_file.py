"""The crawl file (docs/file-format.md): reading it line by line, and the doors to writing and verifying it."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TypeVar

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
    "read_runs",
    "verify_file",
]

Product = TypeVar("Product")


def read_crawl_file(path: Path) -> Iterator[tuple[int, ReadRecord | Closing | BadLine]]:
    """Yield every line of a crawl file with its number, from 1; the closing record comes last, after all checks.

    Raises CrawlFileError for a file that is not gzip, damaged, truncated, of mixed records, of another format version,
    or whose closing line states another count. Since that may only show at the end, what was read before it is
    provisional until the closing record arrives. Memory is bounded: a piece of 256 KB and a line at a time.
    """
    for first, records in read_runs(path, decode_products):
        yield from enumerate(records, start=first)


def read_runs(
    path: Path, read_products: Callable[[Sequence[bytes]], Sequence[Product] | None]
) -> Iterator[tuple[int, Sequence[Product | ReadRecord | Closing | BadLine]]]:
    """Read as ``read_crawl_file`` does, but yield runs of lines: the number of the first, and what they are.

    ``read_products`` makes of lines what the caller wants of products, as many; None when one of them is no product.
    """
    tally = Tally(path.name)
    number = closing_number = 1
    for lines in _line_lists(path):
        for run, products in _runs(lines, read_products) if lines else ():
            if products is not None:
                tally.add_rows(number, "product", len(run))
                yield number, products
            elif (key := key_of(run[0])) in CLOSING_KEYS:
                tally.close(number, decode_closing(path.name, number, run[0]))
                closing_number = number
            else:
                tally.add_rows(number, key if key in RECORD_KEYS else None)
                yield number, [decode_record(number, run[0])]
            number += len(run)
    yield closing_number, [tally.finish()]


def _runs(
    lines: Sequence[bytes], read_products: Callable[[Sequence[bytes]], Sequence[Product] | None]
) -> Iterator[tuple[Sequence[bytes], Sequence[Product] | None]]:
    """Halve the lines until each part is all products, or one line that is none."""
    products = read_products(lines)
    if products is not None or len(lines) == 1:
        yield lines, products
        return
    middle = len(lines) // 2
    yield from _runs(lines[:middle], read_products)
    yield from _runs(lines[middle:], read_products)


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
