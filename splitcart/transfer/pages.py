"""One answer of the server's export, as it comes and as a file: rows, and a closing line that says how many."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec
import requests
from isal import isal_zlib

from splitcart.transfer.disk import publish
from splitcart.transfer.exported import ExportedRow
from splitcart.transfer.gzip_lines import GZIP_WRAPPER, CrawlFileError, GzipLines
from splitcart.transfer.judging import TransferError
from splitcart.transfer.lines import decode_closing, encode_line
from splitcart.transfer.records import BatchRecord

CHUNK_BYTES = 1 << 18
GZIP_LEVEL = 1
CLOSING = b'{"batch":'

Row = TypeVar("Row", bound=ExportedRow)


class Page:
    """The lines of one answer, chunk by chunk; raises CrawlFileError where they are not whole."""

    def __init__(self, name: str) -> None:
        self._lines = GzipLines(name)
        self._name = name
        self._closing: BatchRecord | None = None
        self.count = 0

    def feed(self, chunk: bytes) -> Iterator[list[bytes]]:
        """Yield the rows that ``chunk`` completes, as lines."""
        for lines in self._lines.feed(chunk):
            if lines and (rows := self._rows(lines)):
                yield rows

    def finish(self) -> BatchRecord:
        """Check that all came, and return the closing line."""
        if rest := self._lines.finish():
            self._rows(rest)
        if self._closing is None:
            raise CrawlFileError(f"{self._name}: there is no closing line; it is truncated")
        if self._closing.count != self.count:
            raise CrawlFileError(f"{self._name}: {self.count} rows came, its closing line says {self._closing.count}")
        return self._closing

    def _rows(self, lines: list[bytes]) -> list[bytes]:
        if self._closing is not None:
            raise CrawlFileError(f"{self._name}: a line follows the closing line")
        if lines[-1].startswith(CLOSING):
            closing = decode_closing(self._name, self.count + len(lines), lines.pop())
            if not isinstance(closing, BatchRecord):
                raise CrawlFileError(f"{self._name}: the closing line is no batch line")
            self._closing = closing
        self.count += len(lines)
        return lines


def save_page(response: requests.Response, kind: str, path: Path) -> BatchRecord:
    """Write the body of an answer to ``path``, as gzip, when all of it came and is what it should be.

    Raises CrawlFileError for what is not whole, TransferError for an answer that is no export of this kind.
    """
    coding = response.headers.get("Content-Encoding", "identity")
    if coding not in {"gzip", "identity"}:
        raise TransferError(f"{response.url} answered in {coding!r}, which was not asked for", response.status_code)
    partial = path.with_name(f"{path.name}.partial")
    page = Page(path.name)
    packer = _Keep() if coding == "gzip" else _gzip()
    with partial.open("wb") as file:

        def take(packed: bytes) -> None:
            file.write(packed)
            for _ in page.feed(packed):
                pass

        while chunk := response.raw.read(CHUNK_BYTES, decode_content=False):
            take(packer.compress(chunk))
        take(packer.flush())
    closing = page.finish()
    if closing.kind != kind:
        raise TransferError(f"{response.url} sent {closing.kind}; expected {kind}", response.status_code)
    publish(partial, path)
    return closing


def read_page(path: Path, row: type[Row]) -> Iterator[Row]:
    """Yield the rows of a page in constant memory; raise CrawlFileError where it is not whole or holds other rows."""
    decoder = msgspec.json.Decoder(row)
    for lines in row_lines(path):
        try:
            rows = decoder.decode_lines(b"\n".join(lines))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise CrawlFileError(f"{path}: {error}; update SplitCart on both sides") from error
        yield from rows


def row_lines(path: Path) -> Iterator[list[bytes]]:
    """Yield the lines of a page's rows, some at a time; raise CrawlFileError where it is not whole."""
    page = Page(f"{path} (remove it to fetch it again)")
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield from page.feed(chunk)
    page.finish()


def write_whole(pages: list[Path], closing: BatchRecord, final: Path) -> None:
    """Write the rows of some pages into one file with one closing line; an older file of this name is replaced."""
    packer = _gzip()
    partial = final.with_name(f"{final.name}.partial")
    with partial.open("wb") as file:
        for lines in (lines for page in pages for lines in row_lines(page)):
            file.write(packer.compress(b"\n".join([*lines, b""])))
        file.write(packer.compress(encode_line(closing)) + packer.flush())
    publish(partial, final)


def _gzip() -> "_Packer":
    packer: _Packer = isal_zlib.compressobj(GZIP_LEVEL, isal_zlib.DEFLATED, GZIP_WRAPPER)
    return packer


class _Packer(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class _Keep:
    def compress(self, data: bytes) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""
