"""The inbox: where accepted files wait for ingestion, and how workers share them."""

import os
from collections.abc import Iterator
from pathlib import Path

from splitcart.transfer.disk import make_folder, move_into, place_in, publish, sync_folder
from splitcart.transfer.kinds import get_kind
from splitcart.transfer.lock import FileLock
from splitcart.transfer.records import CrawlRecord
from splitcart.transfer.verify import Verified


def inbox_path(data_dir: Path, kind: str) -> Path:
    """Return the inbox of a kind; raise InputError for an unknown one."""
    return data_dir / get_kind(kind).inbox


def inbox_name(kind: str, verified: Verified) -> str:
    """Return the name that a file has in the inbox: the same bytes have the same name, other bytes another."""
    closing = verified.closing
    subject = closing.crawl_id if isinstance(closing, CrawlRecord) else f"{kind}-{closing.generated_at:%Y%m%dT%H%M%SZ}"
    return f"{subject}-{verified.sha256[:16]}.jsonl.gz"


def accept(data_dir: Path, kind: str, temporary: Path, verified: Verified) -> Path:
    """Put a verified file into the inbox, durably and at once; ``temporary`` must lie on the same file system."""
    inbox = inbox_path(data_dir, kind)
    make_folder(inbox)
    return publish(temporary, inbox / inbox_name(kind, verified))


def reject(data_dir: Path, path: Path, reason: str) -> Path:
    """Move a file to ``rejected/``, with its reason beside it; return its new place."""
    return set_aside(path, rejected_path(data_dir), reason)


def rejected_path(data_dir: Path) -> Path:
    """Return the folder of the files that could not be taken."""
    return data_dir / "rejected"


def set_aside(path: Path, folder: Path, reason: str) -> Path:
    """Move a file into ``folder`` with a ``.reason.txt`` beside it, so that it is neither lost nor tried for ever."""
    make_folder(folder)
    target = place_in(path, folder)
    with target.with_name(f"{target.name}.reason.txt").open("w", encoding="utf-8") as file:
        file.write(f"{reason}\n")
        file.flush()
        os.fsync(file.fileno())  # before the file gives up its place
    return move_into(path, folder)


def claimed(data_dir: Path, kind: str) -> Iterator[Path]:
    """Yield the files of an inbox that now wait there, by name, each while no other worker can have it.

    A file is claimed until the next one is asked for; the caller moves it away when done. Claims are locks of the
    operating system (in ``state/claims/``), so a dead worker's files are free at once.
    """
    for path in sorted(inbox_path(data_dir, kind).glob("*.jsonl.gz")):
        lock = claim(data_dir, path)
        if not lock.acquire():
            continue
        try:
            if path.exists():  # else another worker finished it since the folder was read
                yield path
        finally:
            lock.release()


def claim(data_dir: Path, path: Path) -> FileLock:
    """Return the lock, not yet taken, of the one who may work on a file of an inbox."""
    return FileLock(data_dir / "state" / "claims" / f"{path.name}.lock")


def remove_abandoned(folder: Path) -> None:
    """Remove temporary files and locks of receivers that died; one that still receives holds its lock."""
    for path in {found.with_suffix(".lock") for suffix in ("part", "lock") for found in folder.glob(f"*.{suffix}")}:
        lock = FileLock(path)
        if lock.acquire():
            path.with_suffix(".part").unlink(missing_ok=True)
            lock.release()
    if folder.exists():
        sync_folder(folder)
