"""Companies, divisions and the rows of stores that a file names."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.config import Chain
from splitcart.database.bulk import insert_missing
from splitcart.database.models import Base, Company, Division, Store
from splitcart.ingest.errors import RefusedFileError


def ensure_company(session: Session, chain: Chain) -> Company:
    """Return the chain's row, created when it is missing."""
    insert_missing(session, Base.metadata.tables["companies"], [{"slug": chain.slug, "name": chain.name}])
    return session.scalars(sa.select(Company).where(Company.slug == chain.slug)).one()


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
    row = {"company_id": company.id, "store_id": store_id, "name": "", "is_active": True}
    insert_missing(session, Base.metadata.tables["stores"], [row])
    query = sa.select(Store).where(Store.company_id == company.id, Store.store_id == store_id)
    return session.scalars(query.with_for_update()).one()
