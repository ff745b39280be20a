"""Sending what is made while it is sent: compressed as the caller likes, at the caller's pace, but not for ever."""

import logging
import re
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Protocol

import anyio
from fastapi.concurrency import run_in_threadpool
from isal import isal_zlib
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from splitcart.errors import SplitCartError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

GZIP_WRAPPER = 31
GZIP_LEVEL = 1
ZSTD_LEVEL = 1
_QUALITY = re.compile(r"\s*([\w*-]+)\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*)?")

logger = logging.getLogger(__name__)


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


_COMPRESSORS: dict[str, Callable[[], _Compressor]] = {
    "zstd": lambda: zstd.ZstdCompressor(ZSTD_LEVEL),
    "gzip": lambda: isal_zlib.compressobj(GZIP_LEVEL, isal_zlib.DEFLATED, GZIP_WRAPPER),
}


def choose_encoding(accepted: str | None) -> str:
    """Return the coding to answer in for an Accept-Encoding header (RFC 9110, 12.5.3): zstd, gzip or identity.

    Of those that the caller likes best, the one that costs least; identity also where the header allows none.
    """
    wishes: dict[str, float] = {}
    for part in (accepted or "").lower().split(","):
        if found := _QUALITY.fullmatch(part):
            wishes[found[1]] = float(found[2] or 1)
    best, quality = "identity", wishes.get("identity", 0.0)
    for name in _COMPRESSORS:
        liked = wishes.get(name, wishes.get("*", 0.0))
        if liked > quality or (liked == quality and liked > 0 and best == "identity"):
            best, quality = name, liked
    return best


def compressed(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Yield chunks in a coding that ``choose_encoding`` names; closing it closes ``chunks``."""
    if encoding == "identity":
        yield from chunks
        return
    compressor = _COMPRESSORS[encoding]()
    for chunk in chunks:
        if piece := compressor.compress(chunk):
            yield piece
    yield compressor.flush()


class PacedResponse(StreamingResponse):
    """A stream that is made as fast as it is taken; a caller who takes nothing for ``silence_seconds`` is cut off.

    ``close`` is called in a thread at the end, however it comes.
    """

    def __init__(
        self,
        chunks: Iterator[bytes],
        close: Callable[[], None],
        headers: dict[str, str],
        media_type: str,
        silence_seconds: float,
    ) -> None:
        super().__init__(_in_threads(chunks), headers=headers, media_type=media_type)
        self._close = close
        self._silence_seconds = silence_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; where it fails in the middle the answer stays without its end, which every client notices."""
        try:
            await super().__call__(scope, receive, send)
        except TimeoutError:
            logger.warning("%s: the caller took nothing for %g s; cut off", scope["path"], self._silence_seconds)
        except SplitCartError as error:
            logger.error("%s broke off: %s", scope["path"], error)  # noqa: TRY400 - an operator's matter, no bug
        finally:
            with anyio.CancelScope(shield=True):
                await run_in_threadpool(self._close)

    async def stream_response(self, send: Send) -> None:
        async def send_soon(message: Message) -> None:
            with anyio.fail_after(self._silence_seconds):
                await send(message)

        await super().stream_response(send_soon)


async def _in_threads(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (chunk := await run_in_threadpool(next, chunks, None)) is not None:
        yield chunk
