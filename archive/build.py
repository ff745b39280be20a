"""Building the archive: what is published anew, what is kept from the build before, what is dropped."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from sqlalchemy.orm import Session

from archive.catalogue import read_catalogue
from archive.choice import StoreChoice, choose_stores
from archive.company_file import company_document
from archive.directory import ArchivedCompany, ArchivedStore, read_companies
from archive.encoding import encode
from archive.fingerprint import Fingerprints
from archive.generation import new_generation
from archive.manifest import FileEntry
from archive.staging import BuildReport, Staging
from archive.store_file import write_store

Progress = Callable[[int, int, str], None]
"""Called before each store with the stores done, the stores to do, and the name of the file that comes next."""


def build_company(session: Session, company: str | None, folder: Path) -> BuildReport:
    """Publish the store list of ``company``, a slug, or of every company; the store files stay as they are."""
    with _staging(folder) as staging:
        _stage_companies(session, staging, company)
    return staging.report


def build_stores(
    session: Session,
    folder: Path,
    company: str | None = None,
    store: str | None = None,
    progress: Progress | None = None,
    *,
    rebuild: bool = False,
    include_inactive: bool = False,
) -> BuildReport:
    """Publish the prices of all active stores, of those of ``company`` (a slug), or of ``store`` (its id or slug).

    A store whose data did not change keeps its file, unless ``rebuild``. Raises ArchiveInputError for a company, store
    or folder that cannot be archived, ArchiveError when building fails; what was published before then still stands.
    """
    with _staging(folder) as staging:
        _stage_stores(session, staging, StoreChoice(company, store, include_inactive), progress, rebuild=rebuild)
    return staging.report


def build_all(
    session: Session,
    folder: Path,
    progress: Progress | None = None,
    *,
    rebuild: bool = False,
    include_inactive: bool = False,
) -> BuildReport:
    """Publish the whole archive, companies and stores, in one step."""
    with _staging(folder, whole=True) as staging:
        _stage_companies(session, staging, None)
        _stage_stores(session, staging, StoreChoice(include_inactive=include_inactive), progress, rebuild=rebuild)
    return staging.report


@contextmanager
def _staging(folder: Path, *, whole: bool = False) -> Iterator[Staging]:
    with new_generation(folder) as generation:
        staging = Staging(generation, whole=whole)
        yield staging
        staging.finish()


def _stage_companies(session: Session, staging: Staging, slug: str | None) -> None:
    for company in read_companies(session, slug):
        document = company_document(session, company)
        metadata = document["metadata"]
        name = f"company_data/{company.slug}.json"
        with staging.open(name) as file:
            file.write(encode(document, indented=True) + b"\n")
        counts = {key: metadata[key] for key in ("total_stores", "active_stores")}
        entry = FileEntry(kind="company", company=company.slug, as_of=metadata["data_generation_date"], counts=counts)
        staging.add(name, file, entry)
    if slug is None:
        staging.drop(lambda entry: entry.kind == "company")


def _stage_stores(
    session: Session, staging: Staging, choice: StoreChoice, progress: Progress | None, *, rebuild: bool
) -> None:
    chosen = choose_stores(session, choice)
    total = sum(len(stores) for _, stores in chosen)
    done = 0
    for company, stores in chosen:
        catalogue = read_catalogue(session, company.row_id)
        fingerprints = Fingerprints(session, company, catalogue, only=stores[0] if choice.store else None)
        for store in stores:
            name = _file_name(company, store)
            if progress:
                progress(done, total, name)
            done += 1
            if not store.is_covered:
                staging.report.without_prices += 1
                continue
            fingerprint = fingerprints.of(store)
            if not rebuild and staging.keep(name, fingerprint):
                continue
            with staging.open(name) as file:
                entry = write_store(session, company, store, catalogue, file)
            staging.add(name, file, msgspec.structs.replace(entry, fingerprint=fingerprint))
    staging.drop(choice.holds)


def _file_name(company: ArchivedCompany, store: ArchivedStore) -> str:
    return f"store_data/{company.slug}/{store.slug}.json"
