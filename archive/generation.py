"""A build appears as a whole or not at all.

Every build is a folder of its own below ``archive/.builds``; the link ``archive/current`` names the published one, and
``archive/company_data``, ``store_data``, ``schemas`` and ``manifest.json`` are links through it. That one link is
replaced by a single rename: a reader meets the old archive or the new one, and so does whoever comes after a process
that was killed. Files that did not change are hard links into the build before, which stays until the next build, for
those who still read it. Unpublished builds are leftovers; the next build removes them.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archive.errors import ArchiveError, ArchiveInputError
from archive.manifest import MANIFEST

BUILDS = ".builds"
CURRENT = "current"
PUBLISHED = ("company_data", "store_data", "schemas", MANIFEST)


class Generation:
    """One build on its way: files are written or kept below ``path``, then ``publish`` makes all of them visible."""

    def __init__(self, folder: Path, path: Path, before: Path | None) -> None:
        self.folder = folder
        self.path = path
        self.before = before

    def has(self, name: str, size_bytes: int) -> bool:
        """Tell whether the build before holds the file ``name`` with that size."""
        path = self.before / name if self.before else None
        return path is not None and path.is_file() and path.stat().st_size == size_bytes

    def has_same(self, name: str, sha256: str) -> bool:
        """Tell whether the build before holds the file ``name`` with these contents."""
        path = self.before / name if self.before else None
        if path is None or not path.is_file():
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256

    def keep(self, name: str) -> None:
        """Take the file ``name`` over from the build before."""
        if self.before is None:
            raise ArchiveError(f"cannot keep {name}: there is no earlier build in {self.folder}")
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            target.hardlink_to(self.before / name)
        except OSError:  # a file system without hard links, or too many of them: a copy is the same to a reader
            shutil.copy2(self.before / name, target)
            _sync(target)

    def publish(self) -> None:
        """Make this build the archive, in one step."""
        for name in PUBLISHED:
            if name != MANIFEST:
                (self.path / name).mkdir(exist_ok=True)
        for parent, _, _ in os.walk(self.path):
            _sync(Path(parent))
        _sync(self.path.parent)
        for name in PUBLISHED:
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"{CURRENT}/{name}")
        waiting = self.path.parent / "next"
        waiting.symlink_to(f"{BUILDS}/{self.path.name}")
        waiting.replace(self.folder / CURRENT)
        _sync(self.folder)


@contextmanager
def new_generation(folder: Path) -> Iterator[Generation]:
    """Open a build of the archive in ``folder``; without ``publish`` it leaves no trace.

    Raises ArchiveInputError for a folder that cannot be used, ArchiveError when another build runs or writing fails.
    """
    try:
        (folder / BUILDS).mkdir(parents=True, exist_ok=True)
        lock = (folder / BUILDS / "lock").open("w")
    except OSError as error:
        raise ArchiveInputError(
            f"cannot write the archive in {folder}: {error.strerror}; choose another SPLITCART_DATA_DIR"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # released by the system when the process dies
        except BlockingIOError as error:
            raise ArchiveError(f"another build of the archive in {folder} is running; wait for it to end") from error
        generation = None
        try:
            generation = _open(folder)
            yield generation
        except OSError as error:
            raise ArchiveError(
                f"cannot build the archive in {folder}: {error}; the archive before it still stands"
            ) from error
        finally:
            if generation is not None and generation.path != _published(folder):
                shutil.rmtree(generation.path, ignore_errors=True)  # what stays behind the next build removes


def _open(folder: Path) -> Generation:
    for name in PUBLISHED:
        if (folder / name).exists() and not (folder / name).is_symlink():
            raise ArchiveInputError(f"{folder / name} is not a link made by this program; move it away and build again")
    before = _published(folder)
    for found in (folder / BUILDS).iterdir():
        if found.is_symlink():
            found.unlink()
        elif found.is_dir() and found != before:
            shutil.rmtree(found)
    number = int(before.name) + 1 if before else 1
    path = folder / BUILDS / f"{number:06}"
    path.mkdir()
    return Generation(folder, path, before)


def _published(folder: Path) -> Path | None:
    current = folder / CURRENT
    if not current.is_symlink():
        return None
    path = folder / BUILDS / current.readlink().name
    return path if path.is_dir() else None


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
