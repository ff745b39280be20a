"""The archive to be: files written anew, files taken over from the build before, and the manifest over all of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from pathlib import Path

import msgspec

from archive.encoding import HashedFile
from archive.errors import ArchiveError, ArchiveInputError
from archive.generation import Generation
from archive.manifest import MANIFEST, SCHEMA_VERSION, FileEntry, make_manifest, read_manifest


@dataclass(slots=True)
class BuildReport:
    """What a build did. ``without_prices`` counts stores that no crawl has covered yet: they have no file."""

    folder: Path
    changed: list[str] = field(default_factory=list)
    unchanged: int = 0
    removed: list[str] = field(default_factory=list)
    without_prices: int = 0
    files: int = 0
    size_bytes: int = 0
    as_of: datetime | None = None


class Staging:
    """One build's files. What is neither written, kept nor dropped is taken over as it is."""

    def __init__(self, generation: Generation, *, whole: bool) -> None:
        before = read_manifest(generation.folder)
        if before and before.schema_version != SCHEMA_VERSION and not whole:
            raise ArchiveInputError(
                f"the archive in {generation.folder} has schema version {before.schema_version}, this program writes "
                f"{SCHEMA_VERSION}; run: splitcart archive all"
            )
        self.report = BuildReport(generation.folder)
        self._generation = generation
        self._before = before.files if before else {}
        self._now: dict[str, FileEntry] = {}

    def open(self, name: str) -> HashedFile:
        """Return a new file of this build; ``add`` it when it is written."""
        return HashedFile(self._generation.path / name)

    def add(self, name: str, file: HashedFile, entry: FileEntry) -> None:
        """Enter a written file; ``entry`` lacks its hash and size."""
        entry = msgspec.structs.replace(entry, sha256=file.sha256, size_bytes=file.size_bytes)
        if self._before.get(name) == entry and self._generation.has_same(name, entry.sha256):
            self.report.unchanged += 1
        else:
            self.report.changed.append(name)
        self._now[name] = entry

    def keep(self, name: str, fingerprint: str) -> bool:
        """Take over the file ``name`` if it was made of what ``fingerprint`` stands for; tell whether it was."""
        entry = self._before.get(name)
        if entry is None or entry.fingerprint != fingerprint or not self._generation.has(name, entry.size_bytes):
            return False
        self._take_over(name, entry)
        self.report.unchanged += 1
        return True

    def drop(self, is_obsolete: Callable[[FileEntry], bool]) -> None:
        """Leave out the files that this build has not made although it answers for their like."""
        gone = [name for name, entry in self._before.items() if name not in self._now and is_obsolete(entry)]
        self._before = {name: entry for name, entry in self._before.items() if name not in gone}
        self.report.removed.extend(gone)

    def finish(self) -> None:
        """Add the schemas, take over the rest, write the manifest and publish; an archive that is the same stays."""
        self._add_schemas()
        for name, entry in self._before.items():
            if name not in self._now:
                self._take_over(name, entry)
        manifest = make_manifest(dict(sorted(self._now.items())))
        self.report.files = manifest.totals.files
        self.report.size_bytes = manifest.totals.size_bytes
        self.report.as_of = manifest.as_of
        if not (self.report.changed or self.report.removed):
            return
        with self.open(MANIFEST) as file:
            file.write(manifest.encode())
        self._generation.publish()

    def _add_schemas(self) -> None:
        for schema in sorted(files("archive").joinpath("schemas").iterdir(), key=lambda path: path.name):
            name = f"schemas/{schema.name}"
            with self.open(name) as file:
                file.write(schema.read_bytes())
            self.add(name, file, FileEntry(kind="schema"))
        self.drop(lambda entry: entry.kind == "schema")

    def _take_over(self, name: str, entry: FileEntry) -> None:
        if not self._generation.has(name, entry.size_bytes):
            raise ArchiveError(f"{self._generation.folder / name} is missing or cut short; run: splitcart archive all")
        self._generation.keep(name)
        self._now[name] = entry
