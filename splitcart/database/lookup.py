"""Finding the rows that a person names."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.database.models import Category, Company, Sku, Store
from splitcart.errors import InputError


def find_store(session: Session, name: str) -> tuple[Company, Store]:
    """Return the store named ``company/store_id``, or by an id that only one company uses; raise InputError."""
    slug, _, store_id = name.rpartition("/")
    query = sa.select(Company, Store).join_from(Store, Company).where(Store.store_id == store_id)
    found = session.execute(query.where(Company.slug == slug) if slug else query.order_by(Company.slug)).all()
    if len(found) != 1:
        problem = "is not known" if not found else f"is used by {', '.join(company.slug for company, _ in found)}"
        raise InputError(f"store {name!r} {problem}; expected a known store, as company/store_id")
    return found[0][0], found[0][1]


def find_sku(session: Session, company: Company, code: str) -> Sku:
    """Return the company's sku with this code; raise InputError."""
    sku = session.scalar(sa.select(Sku).where(Sku.company_id == company.id, Sku.code == code))
    if sku is None:
        raise InputError(f"sku {code!r} is not known of {company.slug}; expected a code of the chain's own")
    return sku


def find_root_category(session: Session, company: Company, name: str) -> Category:
    """Return the company's root category of this name, in whatever case; raise InputError."""
    roots = session.scalars(
        sa.select(Category).where(Category.company_id == company.id, Category.root_id.is_(None)).order_by(Category.name)
    ).all()
    found = [root for root in roots if root.name.casefold() == name.casefold()]
    if len(found) != 1:
        known = ", ".join(root.name for root in roots) or "none yet"
        raise InputError(f"{company.slug} has no root category {name!r}; it has {known}")
    return found[0]
