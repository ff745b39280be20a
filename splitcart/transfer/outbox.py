"""Sending what waits in the outboxes: a file leaves its outbox only when the server has said that it keeps it."""

import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Literal

from splitcart.errors import InputError
from splitcart.measures.clock import Clock
from splitcart.stopping import Stop
from splitcart.transfer.client import Client
from splitcart.transfer.disk import move_into
from splitcart.transfer.inbox import set_aside
from splitcart.transfer.judging import ARRIVING, FILE_REFUSED, RefusedError, TransferError
from splitcart.transfer.kinds import get_kind
from splitcart.transfer.lock import FileLock
from splitcart.transfer.plain import PLAIN, compress_plain

SENT_FOLDER = "temp_jsonl_product_storage"
UNKNOWN_KIND = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED})
ABOUT_ONE_FILE = FILE_REFUSED | {HTTPStatus.REQUEST_TIMEOUT, ARRIVING}
FAILURES = 5  # in a row, and the server is taken to be at fault and not the files

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class UploadOutcome:
    """What became of one file.

    ``sent``: new to the server; ``known``: it had it already; both are now at ``path`` in the folder of sent files.
    ``refused``: set aside in ``{outbox}/refused/``; ``waiting``: still in the outbox, the next upload tries again.
    """

    kind: str
    path: Path
    status: Literal["sent", "known", "refused", "waiting"]
    message: str = ""

    @property
    def is_delivered(self) -> bool:
        return self.status in {"sent", "known"}


def waiting_files(data_dir: Path, kinds: Iterable[str]) -> list[tuple[str, Path]]:
    """Return (kind, path) of what waits in the outboxes of these kinds, oldest first; raise InputError for others.

    A plain ``.jsonl`` file counts too: ``upload_file`` compresses it.
    """
    folders = {kind: data_dir / get_kind(kind).outbox for kind in kinds}
    found = [
        (_modified(path), path.name, kind, path)
        for kind, folder in folders.items()
        for path in [*folder.glob("*.jsonl.gz"), *folder.glob("*.jsonl")]
    ]
    return [(kind, path) for _, _, kind, path in sorted(found)]


def upload_file(data_dir: Path, path: Path, kind: str, client: Client, clock: Clock) -> UploadOutcome | None:
    """Send one file of an outbox and archive it; None: another process has sent it, or is doing so.

    A file that the server will never take (RefusedError) is set aside with its reason, so that nothing is lost and
    nothing is tried for ever; put it back into the outbox to try again. Raises TransferError for what is not the file's
    fault, InputError for a file that cannot be read, or a plain one that is not whole.
    """
    compressed_name = path.name.removesuffix(".gz") + ".gz"
    lock = FileLock(data_dir / "state" / "uploading" / f"{compressed_name}.lock")
    if not lock.acquire():
        return None
    try:
        if not path.exists():
            return None
        if path.suffix == PLAIN:
            path = compress_plain(path)
        try:
            result = client.upload(path, kind)
        except RefusedError as error:
            logger.warning("%s is refused and set aside: %s", path.name, error)
            return UploadOutcome(kind, set_aside(path, path.parent / "refused", str(error)), "refused", str(error))
        sent = move_into(path, data_dir / SENT_FOLDER)
        now = clock().timestamp()
        os.utime(sent, (now, now))  # its age counts from here
        known = f"as {result.duplicate_of}" if result.duplicate_of else ""
        return UploadOutcome(kind, sent, "sent" if result.is_new else "known", known)
    finally:
        lock.release()


def upload_outbox(
    data_dir: Path,
    kinds: Iterable[str],
    client: Client,
    clock: Clock,
    *,
    keep_days: float,
    progress: Callable[[UploadOutcome], None] | None = None,
    stop: Stop | None = None,
) -> list[UploadOutcome]:
    """Send all that waits, oldest first, and remove sent files older than ``keep_days``.

    A file that is not taken keeps no other back, unless what the server said is true of the others, too (``_Outlook``);
    these are not tried and stay ``waiting``, as does what is left when the end is asked for.
    """
    outcomes: list[UploadOutcome] = []
    outlook = _Outlook()
    for kind, path in waiting_files(data_dir, kinds):
        outcome: UploadOutcome | None
        if outlook.is_good(kind) and not (stop and stop.asked):
            try:
                outcome = upload_file(data_dir, path, kind, client, clock)
                outlook.note_taken()
            except TransferError as error:
                outlook.note_trouble(kind, error.status)
                outcome = UploadOutcome(kind, path, "waiting", str(error))
            except InputError as error:  # this file cannot be read; others can
                outcome = UploadOutcome(kind, path, "waiting", str(error))
            except OSError as error:  # a disk that is full, a folder that cannot be written
                outcome = UploadOutcome(kind, path, "waiting", f"{error.filename or path}: {error.strerror}")
        else:
            outcome = UploadOutcome(kind, path, "waiting", "not tried")
        if outcome:
            outcomes.append(outcome)
            if progress:
                progress(outcome)
    remove_old(data_dir / SENT_FOLDER, clock, keep_days)
    return outcomes


class _Outlook:
    """Whether the next file may fare better than those that the server did not take.

    It may where the answer was about one file: one that something on the way refused, that came too slowly or is still
    arriving, or at which the server failed; but not after FAILURES such failures in a row. A server that does not know
    a kind may know another. Whatever else it says, or that it says nothing, is true of all files.
    """

    def __init__(self) -> None:
        self._unknown_kinds: set[str] = set()
        self._failures = 0
        self._is_over = False

    def is_good(self, kind: str) -> bool:
        return not self._is_over and kind not in self._unknown_kinds and self._failures < FAILURES

    def note_taken(self) -> None:
        self._failures = 0

    def note_trouble(self, kind: str, status: int | None) -> None:
        if status in UNKNOWN_KIND:
            self._unknown_kinds.add(kind)
        elif status == HTTPStatus.INTERNAL_SERVER_ERROR:
            self._failures += 1
        else:
            self._is_over = status not in ABOUT_ONE_FILE


def remove_old(folder: Path, clock: Clock, keep_days: float) -> list[Path]:
    """Remove the files of ``folder`` that were sent more than ``keep_days`` ago; return them."""
    limit = (clock() - timedelta(days=keep_days)).timestamp()
    old = [path for path in folder.glob("*.jsonl.gz") if 0 < _modified(path) < limit]
    for path in old:
        path.unlink(missing_ok=True)
    return old


def _modified(path: Path) -> float:
    """Return when a file was last written, 0 when another process has just moved it away."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
