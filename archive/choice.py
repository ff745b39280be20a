"""Which stores a build is about."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from archive.directory import ArchivedCompany, ArchivedStore, read_companies
from archive.errors import ArchiveInputError
from archive.manifest import FileEntry
from splitcart.measures.ids import canonical_store_id


@dataclass(frozen=True, slots=True)
class StoreChoice:
    """All active stores, those of ``company`` (a slug), or the one ``store`` (its id or slug; active or not)."""

    company: str | None = None
    store: str | None = None
    include_inactive: bool = False

    def holds(self, entry: FileEntry) -> bool:
        """Tell whether the build answers for all files like ``entry``, so that one it does not make is to go."""
        return entry.kind == "store" and self.store is None and self.company in (None, entry.company)


def choose_stores(session: Session, choice: StoreChoice) -> list[tuple[ArchivedCompany, list[ArchivedStore]]]:
    """Return the stores to archive by company; raise ArchiveInputError for a company or store that cannot be."""
    companies = read_companies(session, choice.company)
    if choice.store is None:
        return [
            (company, [store for store in company.stores if store.is_active or choice.include_inactive])
            for company in companies
        ]
    company, store = _find_store(companies, choice.store)
    if not store.is_covered:
        raise ArchiveInputError(
            f"store {store.store_id} of {company.slug} has no prices yet; no crawl has completed one of its categories"
        )
    return [(company, [store])]


def _find_store(companies: list[ArchivedCompany], text: str) -> tuple[ArchivedCompany, ArchivedStore]:
    found = [
        (company, store)
        for company in companies
        for store in company.stores
        if store.slug == text or store.store_id in (text, canonical_store_id(company.slug, text))
    ]
    if not found:
        raise ArchiveInputError(
            f"unknown store {text!r} of {_names(companies)}; the company archive lists the known ones"
        )
    if len(found) > 1:
        raise ArchiveInputError(f"store {text!r} is used by {_names(company for company, _ in found)}; add --company")
    return found[0]


def _names(companies: Iterable[ArchivedCompany]) -> str:
    return " and ".join(company.slug for company in companies) or "any company"
