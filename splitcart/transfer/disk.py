"""Files that are whole or absent, also after a power cut, and folders of them."""

import os
import sys
from hashlib import file_digest
from pathlib import Path

ENDING = ".jsonl.gz"


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable; Windows does it by itself and cannot open folders."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder and those it lies in, durably; does nothing for one that is there."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def publish(temporary: Path, final: Path) -> Path:
    """Give a complete, closed file its name: bytes on disk first, then the name, at once. Replaces an older file."""
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(final)
    sync_folder(final.parent)
    return final


def move_into(path: Path, folder: Path) -> Path:
    """Move a file into ``folder`` (made if need be), durably, to where ``place_in`` says."""
    make_folder(folder)
    target = path.replace(place_in(path, folder))
    sync_folder(folder)
    return target


def place_in(path: Path, folder: Path) -> Path:
    """Return where a file goes in ``folder``: under its own name, or beside a namesake of other bytes there.

    Its name then ends in the first 16 digits of its SHA-256, as in the inbox: nothing is ever replaced but the same.
    """
    target = folder / path.name
    if not target.exists() or (sha256 := _sha256(path)) == _sha256(target):
        return target
    return folder / f"{path.name.removesuffix(ENDING)}-{sha256[:16]}{ENDING}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
