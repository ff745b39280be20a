"""What lies in the inboxes and in ``rejected/``, for the person who looks after them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from splitcart.errors import FailedError, InputError
from splitcart.transfer.disk import move_into, sync_folder
from splitcart.transfer.inbox import claim, rejected_path
from splitcart.transfer.kinds import KINDS, kind_of
from splitcart.transfer.verify import verify_file

NO_REASON = "no reason was written down"
PATTERN = "*.jsonl.gz"


@dataclass(frozen=True, slots=True)
class WaitingFile:
    """A file of an inbox."""

    kind: str
    path: Path
    size_bytes: int
    since: datetime


@dataclass(frozen=True, slots=True)
class RejectedFile:
    """A file that could not be taken, and why."""

    path: Path
    size_bytes: int
    since: datetime
    reason: str


def inbox_files(data_dir: Path) -> list[WaitingFile]:
    """Return what waits in all inboxes, oldest first."""
    found = [
        WaitingFile(kind.name, path, size_bytes, since)
        for kind in KINDS.values()
        for path, size_bytes, since in _files(data_dir / kind.inbox)
    ]
    return sorted(found, key=lambda file: (file.since, file.path.name))


def is_claimed(data_dir: Path, file: WaitingFile) -> bool:
    """Tell whether a worker has a file just now."""
    lock = claim(data_dir, file.path)
    if not lock.path.exists():
        return False
    is_free = lock.acquire()  # a dead worker's lock is nobody's, and goes with this
    lock.release()
    return not is_free


def rejected_files(data_dir: Path) -> list[RejectedFile]:
    """Return what lies in ``rejected/``, oldest first."""
    found = [
        RejectedFile(path, size_bytes, since, _reason(path))
        for path, size_bytes, since in _files(rejected_path(data_dir))
    ]
    return sorted(found, key=lambda file: (file.since, file.path.name))


def find_rejected(data_dir: Path, names: Iterable[str]) -> list[RejectedFile]:
    """Return the rejected files of these names; raise InputError for a name that none has."""
    known = {file.path.name: file for file in rejected_files(data_dir)}
    for name in names:
        if name not in known:
            raise InputError(f"no file {name!r} lies in {rejected_path(data_dir)}; splitcart inbox list shows all")
    return [known[name] for name in dict.fromkeys(names)]


def retry(data_dir: Path, file: RejectedFile) -> Path:
    """Put a rejected file back into the inbox of its kind and return its place there.

    Raises CrawlFileError for one that is damaged: it would only be rejected again.
    """
    kind = kind_of(verify_file(file.path))
    returned = move_into(file.path, data_dir / kind.inbox)
    _forget_reason(file.path)
    return returned


def discard(file: RejectedFile) -> None:
    """Delete a rejected file and its reason; raise FailedError where that is not allowed.

    The server goes on knowing its SHA-256: the same bytes are acknowledged without being taken again.
    """
    try:
        file.path.unlink(missing_ok=True)
    except OSError as error:
        raise FailedError(f"cannot delete {file.path}: {error.strerror}") from error
    _forget_reason(file.path)


def _files(folder: Path) -> Iterable[tuple[Path, int, datetime]]:
    for path in folder.glob(PATTERN):
        try:
            facts = path.stat()
        except FileNotFoundError:  # a worker has just taken it
            continue
        yield path, facts.st_size, datetime.fromtimestamp(facts.st_mtime, UTC)


def _reason_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.reason.txt")


def _reason(path: Path) -> str:
    try:
        return _reason_path(path).read_text(encoding="utf-8").strip() or NO_REASON
    except FileNotFoundError:
        return NO_REASON


def _forget_reason(path: Path) -> None:
    _reason_path(path).unlink(missing_ok=True)
    sync_folder(path.parent)
