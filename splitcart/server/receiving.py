"""Receiving one file: bytes to disk as they come, verified on the way, never more than a chunk in memory."""

import hmac
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

import anyio
import anyio.to_thread
from fastapi.concurrency import run_in_threadpool

from splitcart.server.problems import Problem
from splitcart.transfer import CrawlFileError, StreamVerifier, TooLargeError, Verified
from splitcart.transfer.lock import FileLock

CHUNK_BYTES = 1 << 17
RETRY_SECONDS = 2
CHECKING = 4  # threads that inflate and check at once: more would not be quicker, and take memory


@dataclass(frozen=True)
class Limits:
    """What one upload may take: compressed size, inflated size, inflation, silence between two pieces, and slowness.

    The slowest rate is that of all that came, from ``silence_seconds`` on.
    """

    max_bytes: int = 64 << 20
    max_inflated_bytes: int = 1 << 30
    max_ratio: float = 200.0
    silence_seconds: float = 60.0
    slowest_bytes_per_second: float = 500.0


@contextmanager
def arriving(folder: Path, sha256: str) -> Iterator[Path]:
    """Give the temporary file for these bytes to one receiver at a time, of all server processes; others get 409."""
    path = folder / f"{sha256}.part"
    with _one_at_a_time(path.with_suffix(".lock"), "the same bytes are arriving"):
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def keeping(folder: Path, crawl_id: str | None) -> Iterator[None]:
    """Let one receiver at a time decide whether a crawl is new: it may arrive in other bytes too; others get 409."""
    if crawl_id is None:
        yield
        return
    with _one_at_a_time(folder / f"crawl={crawl_id}.lock", "the same crawl is arriving"):
        yield


@contextmanager
def _one_at_a_time(path: Path, what: str) -> Iterator[None]:
    lock = FileLock(path)
    if not lock.acquire():
        detail = f"{what} in another request; ask again when it has ended"
        raise Problem(HTTPStatus.CONFLICT, detail, {"Retry-After": str(RETRY_SECONDS)})
    try:
        yield
    finally:
        lock.release()


async def receive(
    stream: AsyncIterator[bytes], path: Path, sha256: str, limits: Limits, checking: anyio.CapacityLimiter
) -> Verified:
    """Write a body to ``path``, durably; raise Problem where it is not one whole file with this SHA-256.

    What cannot be such a file is read to its end all the same, and no longer written: only then it is known whether it
    is the file that the client has, or was damaged on its way. A refusal names the former by its SHA-256.
    """
    verifier = StreamVerifier(max_bytes=limits.max_inflated_bytes, max_ratio=limits.max_ratio)
    refusal: CrawlFileError | None = None
    with path.open("wb") as file:
        chunks = _in_chunks(stream, limits)
        try:
            async for chunk in chunks:
                await anyio.to_thread.run_sync(_take, chunk, verifier, file, limiter=checking)
            verified = await run_in_threadpool(_finish, verifier, file)
        except CrawlFileError as error:
            refusal = error
            async for chunk in chunks:
                verifier.skip(chunk)
    if not hmac.compare_digest(verifier.sha256, sha256):
        detail = f"the body's SHA-256 is {verifier.sha256}, not the {sha256} of X-Content-SHA256; send the file again"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
    if refusal is not None:
        is_large = isinstance(refusal, TooLargeError)
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if is_large else HTTPStatus.UNPROCESSABLE_ENTITY
        raise Problem(status, str(refusal), sha256=sha256) from refusal
    return verified


def _take(chunk: bytes, verifier: StreamVerifier, file: BinaryIO) -> None:
    verifier.feed(chunk)
    file.write(chunk)


def _finish(verifier: StreamVerifier, file: BinaryIO) -> Verified:
    verified = verifier.finish()
    file.flush()
    os.fsync(file.fileno())
    return verified


async def _in_chunks(stream: AsyncIterator[bytes], limits: Limits) -> AsyncIterator[bytes]:
    """Gather the small pieces of the network: a thread hop for each would cost more than its work."""
    gathered = bytearray()
    begun, received = anyio.current_time(), 0
    while True:
        try:
            with anyio.fail_after(limits.silence_seconds):
                piece = await anext(stream, None)
        except TimeoutError as error:
            detail = f"nothing came for {limits.silence_seconds:g} seconds; send the file again"
            raise Problem(HTTPStatus.REQUEST_TIMEOUT, detail) from error
        if piece is None:
            break
        gathered += piece
        received += len(piece)
        seconds = anyio.current_time() - begun
        if seconds > limits.silence_seconds and received < limits.slowest_bytes_per_second * seconds:
            detail = f"{received} bytes came in {seconds:.0f} seconds, which is too slow; send the file again"
            raise Problem(HTTPStatus.REQUEST_TIMEOUT, detail)
        if len(gathered) >= CHUNK_BYTES:
            chunk = bytes(gathered)
            gathered.clear()
            yield chunk
            del chunk
    if gathered:
        yield bytes(gathered)
