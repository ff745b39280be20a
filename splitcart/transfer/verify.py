"""Checking a file while it streams by: what the server does before it says yes."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from splitcart.transfer.gzip_lines import CrawlFileError, GzipLines
from splitcart.transfer.lines import CLOSING_KEYS, Closing, check_json_object, count_records, decode_closing
from splitcart.transfer.records import CrawlRecord

READ_BYTES = 1 << 18
MAX_INFLATED_BYTES = 1 << 30
MAX_INFLATION = 200.0  # real crawl files inflate 7 to 30 times


class Tally:
    """What the lines of one file add up to; raises CrawlFileError at the first that cannot be in such a file."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows = 0
        self.record_key: str | None = None
        self._closing: Closing | None = None

    def add_rows(self, number: int, key: str | None, count: int = 1) -> None:
        """Count lines that are no closing line, the first with this ``number``; ``key`` None: it cannot be read."""
        if self._closing is not None:
            raise CrawlFileError(f"{self.name}: line {number} follows the closing line, which must be the last")
        self.rows += count
        if self.record_key is None:
            self.record_key = key
        elif key is not None and key != self.record_key:
            raise CrawlFileError(f"{self.name}: line {number} holds a {key!r} in a file of {self.record_key!r} lines")

    def close(self, number: int, closing: Closing) -> None:
        """Take the closing line."""
        if self._closing is not None:
            raise CrawlFileError(f"{self.name}: line {number} is a second closing line; expected one file at a time")
        self._closing = closing

    def finish(self) -> Closing:
        """Return the closing line of a file that is whole."""
        if self._closing is None:
            raise CrawlFileError(
                f"{self.name}: there is no closing line, so the file is truncated; send the whole file"
            )
        stated = self._closing.rows if isinstance(self._closing, CrawlRecord) else self._closing.count
        if stated != self.rows:
            raise CrawlFileError(
                f"{self.name}: the closing line states {stated} lines, the file has {self.rows}; it is truncated"
            )
        return self._closing


@dataclass(frozen=True, slots=True)
class Verified:
    """A whole file. ``sha256`` is of the compressed bytes, in hex; ``rows`` are the lines before the closing one."""

    sha256: str
    closing: Closing
    record_key: str | None
    rows: int
    size_bytes: int
    inflated_bytes: int


class StreamVerifier:
    """Verifies a file chunk by chunk: gzip, size, each line an object with one and the same key, closing line, count.

    ``feed`` and ``finish`` raise CrawlFileError, and TooLargeError past ``max_bytes`` or ``max_ratio`` (inflated).
    The fields of products and stores are not looked at: a bad row is quarantined at ingestion, not refused here.
    """

    def __init__(
        self,
        *,
        max_bytes: int | None = MAX_INFLATED_BYTES,
        max_ratio: float | None = MAX_INFLATION,
        name: str = "the file",
    ) -> None:
        self._sha256 = hashlib.sha256()
        self._lines = GzipLines(name, max_bytes=max_bytes, max_ratio=max_ratio)
        self._tally = Tally(name)
        self._number = 0

    def feed(self, chunk: bytes) -> None:
        self._sha256.update(chunk)
        for block in self._lines.blocks(chunk):
            last = block.rfind(b"\n", 0, -1) + 1
            self._block(block[:last])  # the closing line, if it is there, is the last
            self._block(block[last:])

    def skip(self, chunk: bytes) -> None:
        """Take bytes of a file that is refused already, so that ``sha256`` is that of all of it."""
        self._sha256.update(chunk)

    @property
    def sha256(self) -> str:
        """The SHA-256 of all bytes so far, in hex."""
        return self._sha256.hexdigest()

    def finish(self) -> Verified:
        for line in self._lines.finish():
            self._line(line)
        return Verified(
            sha256=self.sha256,
            closing=self._tally.finish(),
            record_key=self._tally.record_key,
            rows=self._tally.rows,
            size_bytes=self._lines.size_bytes,
            inflated_bytes=self._lines.inflated_bytes,
        )

    def _block(self, block: bytes) -> None:
        if (found := count_records(block)) is not None:
            key, count = found
            self._tally.add_rows(self._number + 1, key, count)
            self._number += count
            return
        for line in block[:-1].split(b"\n") if block else ():
            self._line(line)

    def _line(self, line: bytes) -> None:
        self._number += 1
        try:
            key = check_json_object(line)
        except ValueError as error:
            raise CrawlFileError(f"{self._tally.name}: line {self._number} is {error}") from error
        if key in CLOSING_KEYS:
            self._tally.close(self._number, decode_closing(self._tally.name, self._number, line))
        else:
            self._tally.add_rows(self._number, key)


def verify_file(path: Path) -> Verified:
    """Verify the file at ``path`` as the server will; raise CrawlFileError."""
    verifier = StreamVerifier(name=path.name)
    try:
        with path.open("rb") as file:
            while chunk := file.read(READ_BYTES):
                verifier.feed(chunk)
    except OSError as error:
        raise CrawlFileError(f"cannot read {path}: {error.strerror}") from error
    return verifier.finish()
