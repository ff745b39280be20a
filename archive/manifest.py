"""The manifest: every file of the archive with its hash, size, counts and freshness.

It holds no wall-clock time and no machine's name, so that the same database gives the same bytes.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from archive.errors import ArchiveError

SCHEMA_VERSION = 1
CURRENCY = "AUD"
MANIFEST = "manifest.json"


class FileEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file. ``fingerprint`` stands for everything in the database that the file was made of."""

    kind: Literal["company", "store", "schema"]
    sha256: str = ""
    size_bytes: int = 0
    company: str | None = None
    store_id: str | None = None
    as_of: datetime | None = None
    counts: dict[str, int] = {}
    oldest_seen_at: datetime | None = None
    newest_seen_at: datetime | None = None
    fingerprint: str | None = None


class Totals(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Sums over the store files, and the span of their ``seen_at``."""

    files: int
    size_bytes: int
    stores: int
    counts: dict[str, int] = {}
    oldest_seen_at: datetime | None = None
    newest_seen_at: datetime | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """``files`` maps a path below the archive folder to its entry; ``as_of`` is the newest instant in any of them."""

    schema_version: int
    currency: str
    as_of: datetime | None
    totals: Totals
    files: dict[str, FileEntry]

    def encode(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self, order="deterministic"), indent=2) + b"\n"


class _Version(msgspec.Struct):
    schema_version: int


def make_manifest(files: dict[str, FileEntry]) -> Manifest:
    """Return the manifest of ``files`` (by their paths below the archive folder)."""
    stores = [entry for entry in files.values() if entry.kind == "store"]
    counts: Counter[str] = Counter()
    for entry in stores:
        counts.update(entry.counts)
    totals = Totals(
        files=len(files),
        size_bytes=sum(entry.size_bytes for entry in files.values()),
        stores=len(stores),
        counts=dict(counts),
        oldest_seen_at=min(_instants(entry.oldest_seen_at for entry in stores), default=None),
        newest_seen_at=max(_instants(entry.newest_seen_at for entry in stores), default=None),
    )
    as_of = max(_instants(entry.as_of for entry in files.values()), default=None)
    return Manifest(schema_version=SCHEMA_VERSION, currency=CURRENCY, as_of=as_of, totals=totals, files=files)


def _instants(found: Iterable[datetime | None]) -> list[datetime]:
    return [instant for instant in found if instant is not None]


def read_manifest(folder: Path) -> Manifest | None:
    """Return the manifest in ``folder``, None where there is none; of another schema version only that."""
    path = folder / MANIFEST
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        version = msgspec.json.decode(text, type=_Version).schema_version
        if version != SCHEMA_VERSION:
            return Manifest(
                schema_version=version,
                currency=CURRENCY,
                as_of=None,
                totals=Totals(files=0, size_bytes=0, stores=0),
                files={},
            )
        return msgspec.json.decode(text, type=Manifest)
    except msgspec.MsgspecError as error:
        raise ArchiveError(
            f"{path} is not a manifest of this program ({error}); remove {folder} and build all anew"
        ) from error
