"""Gzip to lines, in bounded memory: the one place where bytes from elsewhere are inflated."""

from collections.abc import Iterator

from isal import isal_zlib
from isal.igzip_lib import IsalError

from splitcart.errors import InputError

PIECE_BYTES = 1 << 17
MAX_LINE_BYTES = 4 << 20
RATIO_FLOOR_BYTES = 4 << 20  # short files may be repetitive without being bombs
GZIP_WRAPPER = 31


class CrawlFileError(InputError):
    """A file that is not what it should be; the text names the file and what is wrong with it."""


class TooLargeError(CrawlFileError):
    """A file that inflates past the allowed size or ratio."""


class GzipLines:
    """Inflates chunks of a gzip stream of any number of members, and cuts it into lines without their line ends.

    ``max_bytes`` bounds the inflated size, ``max_ratio`` the inflated size over the compressed one; None: no bound.
    Raises CrawlFileError (naming ``name``) where the bytes are not gzip, end too early, or are followed by others.
    """

    def __init__(self, name: str, *, max_bytes: int | None = None, max_ratio: float | None = None) -> None:
        self.name = name
        self.size_bytes = 0
        self.inflated_bytes = 0
        self._max_bytes = max_bytes
        self._max_ratio = max_ratio
        self._member = isal_zlib.decompressobj(GZIP_WRAPPER)
        self._member_begun = False
        self._members = 0
        self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[list[bytes]]:
        """Yield the lines that ``chunk`` completes, some at a time."""
        for block in self.blocks(chunk):
            yield block[:-1].split(b"\n")

    def blocks(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the lines that ``chunk`` completes with their line ends, as many at a time as came at a time."""
        self.size_bytes += len(chunk)
        for piece in self._inflate(chunk):
            self._check_size(len(piece))
            text = self._rest + piece
            cut = text.rfind(b"\n") + 1
            self._rest = text[cut:]
            if cut:
                yield text[:cut]
            if len(self._rest) > MAX_LINE_BYTES:
                raise CrawlFileError(
                    f"{self.name}: a line is longer than {MAX_LINE_BYTES:,} bytes; expected one record a line"
                )

    def finish(self) -> list[bytes]:
        """Check that the stream ended where a member ends; return a last line that has no line end, if there is one."""
        if self._member_begun:
            raise CrawlFileError(f"{self.name}: the gzip stream is truncated; send the whole file")
        if not self._members:
            raise CrawlFileError(f"{self.name}: the file is empty; expected gzip")
        return [self._rest] if self._rest else []

    def _inflate(self, chunk: bytes) -> Iterator[bytes]:
        while True:
            self._member_begun = self._member_begun or bool(chunk)
            try:
                piece = self._member.decompress(chunk, PIECE_BYTES)
            except IsalError as error:  # type: ignore[misc]  # isal's stub does not say that it is an exception
                what = "is followed by bytes that are no gzip" if self._members else "is not gzip, or damaged"
                raise CrawlFileError(f"{self.name} {what} ({error}); send the file as it was written") from error
            if piece:
                yield piece
            if self._member.eof:
                chunk = self._member.unused_data
                self._members += 1
                self._member = isal_zlib.decompressobj(GZIP_WRAPPER)
                self._member_begun = False
            else:
                chunk = self._member.unconsumed_tail
            if not chunk and len(piece) < PIECE_BYTES:
                return

    def _check_size(self, piece_bytes: int) -> None:
        self.inflated_bytes += piece_bytes
        if self._max_bytes is not None and self.inflated_bytes > self._max_bytes:
            raise TooLargeError(
                f"{self.name} inflates to more than {self._max_bytes:,} bytes; split it or raise the limit"
            )
        if (
            self._max_ratio is not None
            and self.inflated_bytes > RATIO_FLOOR_BYTES
            and self.inflated_bytes > self._max_ratio * self.size_bytes
        ):
            raise TooLargeError(
                f"{self.name} inflates to more than {self._max_ratio:g} times its size; no crawl file does"
            )
