"""The file of a crawl that still runs: one gzip member per checkpoint, so that a crash costs what came after the last.

The first member names the crawl, each further one holds the rows of one root category, its guests last, and ends with a
``{"category": …}`` line. The crawl's closing line is a member of its own: from then on the crawl is decided, and
whoever opens the file next finishes what the closing line says.
"""

import gzip
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec
from isal import isal_zlib
from isal.igzip_lib import IsalError

from splitcart.transfer.disk import publish
from splitcart.transfer.lines import UNREADABLE
from splitcart.transfer.records import CategoryRecord, CrawlRecord

GZIP_WRAPPER = 31
CHECKPOINT_LEVEL = 1  # working files are read once and never travel
FINAL_LEVEL = 6


class Begun(msgspec.Struct, kw_only=True):
    """Which crawl a working file belongs to."""

    crawl_id: str
    company: str
    spider: str
    store_id: str | None
    started_at: datetime
    host: str | None = None


class Checkpoint(msgspec.Struct, kw_only=True):
    """What ends the rows of a member; ``category`` is None for the rows of a store sweep."""

    category: CategoryRecord | None
    keys: list[str]  # the skus or store ids of the rows
    guests: list[str] = []  # the skus of those after them: they stay only if no category has them as its own
    store_verified: bool | None = None


class _Mark(msgspec.Struct, omit_defaults=True):
    begun: Begun | None = None
    checkpoint: Checkpoint | None = None
    closing: CrawlRecord | None = None


@dataclass
class Leftover:
    """What a working file holds, up to ``end``: what lies behind was being written when the crawl died."""

    begun: Begun
    checkpoints: list[tuple[Checkpoint, int, int]] = field(
        default_factory=list
    )  # with the member's first and last offset
    closing: CrawlRecord | None = None
    end: int = 0


_decoder = msgspec.json.Decoder(_Mark)
_encoder = msgspec.json.Encoder()


def scan(path: Path) -> Leftover | None:
    """Return what can be relied on in a working file, None for one that names no crawl."""
    leftover: Leftover | None = None
    for start, end, content in _members(path.read_bytes()):
        try:
            mark = _decoder.decode(content[content.rfind(b"\n", 0, -1) + 1 :])
        except UNREADABLE:
            break
        if leftover is None:
            if mark.begun is None:
                return None
            leftover = Leftover(mark.begun)
        elif mark.checkpoint is not None:
            leftover.checkpoints.append((mark.checkpoint, start, end))
        else:
            leftover.closing = mark.closing
        leftover.end = end
    return leftover


def _members(raw: bytes) -> Iterator[tuple[int, int, bytes]]:
    start = 0
    while start < len(raw):
        inflater = isal_zlib.decompressobj(GZIP_WRAPPER)
        try:
            content = inflater.decompress(raw[start:])
        except IsalError:  # type: ignore[misc]  # isal's stub does not say that it is an exception
            return
        if not inflater.eof:
            return
        end = len(raw) - len(inflater.unused_data)
        yield start, end, content
        start = end


class WorkingFile:
    """A working file open for appending; every append is whole and on disk when it returns, or leaves no trace."""

    def __init__(self, path: Path, end: int) -> None:
        self.path = path
        self._end = end
        self._file: BinaryIO = path.open("rb+")

    @classmethod
    def begin(cls, path: Path, begun: Begun, carried: list[bytes]) -> "WorkingFile":
        """Start a working file, in place of any older one, with members carried over from it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        content = _member([], _Mark(begun=begun)) + b"".join(carried)
        fresh = path.with_name(f"{path.name}.new")
        fresh.write_bytes(content)
        publish(fresh, path)
        return cls(path, len(content))

    def checkpoint(self, rows: list[bytes], checkpoint: Checkpoint) -> None:
        self._append(_member(rows, _Mark(checkpoint=checkpoint)))

    def decide(self, closing: CrawlRecord) -> None:
        """Fix the closing line; the checkpoints of its categories are now the crawl."""
        self._append(_member([], _Mark(closing=closing)))

    def close(self) -> None:
        self._file.close()

    def _append(self, member: bytes) -> None:
        # A failed attempt (disk full) or a crash may have left bytes behind the end.
        self._file.truncate(self._end)
        self._file.seek(self._end)
        self._file.write(member)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._end += len(member)


def _member(rows: list[bytes], mark: _Mark) -> bytes:
    return gzip.compress(b"".join(rows) + _encoder.encode(mark) + b"\n", CHECKPOINT_LEVEL, mtime=0)


def belongs(checkpoint: Checkpoint, closing: CrawlRecord) -> bool:
    """Tell whether the rows of a checkpoint are part of the crawl that was closed so."""
    return checkpoint.category is None or any(
        checkpoint.category.category == one.category for one in closing.categories
    )


def kept_guests(checkpoints: Iterable[Checkpoint]) -> list[set[str]]:
    """Return, by checkpoint, the guests that no category has as its own; the first that showed one has it."""
    checkpoints = list(checkpoints)
    taken = {key for one in checkpoints for key in one.keys}
    kept = []
    for one in checkpoints:
        kept.append(set(one.guests) - taken)
        taken |= kept[-1]
    return kept


def settle(checkpoints: Iterable[Checkpoint]) -> int:
    """Count the guests that stay into the categories of a crawl that is about to be closed; return all its rows."""
    checkpoints = list(checkpoints)
    rows = 0
    for one, kept in zip(checkpoints, kept_guests(checkpoints), strict=True):
        rows += len(one.keys) + len(kept)
        if one.category is not None:
            one.category.rows += len(kept) - one.category.guests
            one.category.guests = len(kept)
    return rows


def write_final(path: Path, leftover: Leftover, closing_line: bytes, closing: CrawlRecord, target: Path) -> None:
    """Write the rows of the closed crawl and its closing line as one gzip stream; same input, same bytes."""
    with (
        path.open("rb") as source,
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", FINAL_LEVEL, raw, mtime=0) as final,
    ):
        members = [member for member in leftover.checkpoints if belongs(member[0], closing)]
        kept_by_member = kept_guests(checkpoint for checkpoint, _, _ in members)
        for (checkpoint, start, end), kept in zip(members, kept_by_member, strict=True):
            source.seek(start)
            content = isal_zlib.decompress(source.read(end - start), GZIP_WRAPPER)
            final.write(_rows(content, checkpoint, kept))
        final.write(closing_line)


def _rows(content: bytes, checkpoint: Checkpoint, kept: set[str]) -> bytes:
    """Cut off the mark of a member, and the guests that another category has as its own."""
    if not checkpoint.guests:
        return content[: content.rfind(b"\n", 0, -1) + 1]
    lines = content.splitlines(keepends=True)[:-1]
    own, guests = lines[: len(checkpoint.keys)], lines[len(checkpoint.keys) :]
    return b"".join(own + [line for sku, line in zip(checkpoint.guests, guests, strict=True) if sku in kept])
