"""Companies, divisions and the rows of stores that a file names."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.config import Chain, get_chains
from splitcart.database.bulk import insert_missing
from splitcart.database.models import Base, Company, Division, Store
from splitcart.ingest.errors import RefusedFileError
from splitcart.measures.ids import canonical_store_id
from splitcart.transfer.records import CrawlRecord


def chain_of(path: Path, closing: CrawlRecord) -> Chain:
    """Return the chain that a file speaks of; raise RefusedFileError for one that is not configured."""
    chains = get_chains()
    if closing.company not in chains:
        known = ", ".join(sorted(chains))
        raise RefusedFileError(f"{path.name}: unknown company {closing.company!r}; known: {known}")
    return chains[closing.company]


def ensure_company(session: Session, chain: Chain) -> Company:
    """Return the chain's row, created when it is missing."""
    query = sa.select(Company).where(Company.slug == chain.slug)
    if (company := session.scalars(query).one_or_none()) is not None:
        return company
    insert_missing(session, Base.metadata.tables["companies"], [{"slug": chain.slug, "name": chain.name}])
    return session.scalars(query).one()


def lock_store_list(session: Session, company: Company) -> None:
    """Wait until no other transaction creates stores of the company, and keep others from it until this one ends."""
    session.execute(sa.select(Company.id).where(Company.id == company.id).with_for_update(key_share=True))


def ensure_divisions(session: Session, company: Company, names: set[str]) -> dict[str, int]:
    """Return the row ids of divisions by name, created where missing."""
    rows: list[dict[str, Any]] = [{"company_id": company.id, "name": name} for name in sorted(names)]
    insert_missing(session, Base.metadata.tables["divisions"], rows)
    return {row.name: row.id for row in session.scalars(sa.select(Division).where(Division.company_id == company.id))}


def lock_store(session: Session, chain: Chain, company: Company, store_id: str) -> Store:
    """Return the store's row, locked until the end of the transaction; it is created when no list has named it yet.

    Raises RefusedFileError for an id that has not the chain's form.
    """
    if not chain.is_store_id(store_id):
        raise RefusedFileError(
            f"{store_id!r} is no store id of {chain.name}; expected the form {chain.store_id_pattern}"
        )
    store_id = canonical_store_id(chain.slug, store_id)
    mine = sa.select(Store).where(Store.company_id == company.id, Store.store_id == store_id)
    query = mine.with_for_update(key_share=True)
    if (store := session.scalars(query).one_or_none()) is not None:
        return store
    lock_store_list(session, company)
    row = {"company_id": company.id, "store_id": store_id, "name": "", "is_active": True}
    insert_missing(session, Base.metadata.tables["stores"], [row])
    return session.scalars(query).one()
