"""A company's skus and categories, read once a build and shared by all its store files.

Each sku's details are kept as the JSON that goes into every file, so memory grows with the range of a chain and not
with its stores.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from archive.encoding import encode, known
from splitcart.database.models import SKU_DETAILS, Category, Sku

DETAILS = (*SKU_DETAILS, "product_id")


class CatalogueCategory(NamedTuple):
    """A node of the company's tree."""

    name: str
    parent_id: int | None


class CatalogueSku(NamedTuple):
    """A sku; ``details`` is its JSON object, ``digest`` 64 bits that stand for it and for the place in the tree."""

    code: str
    name: str
    category_id: int
    root_category_id: int
    details: bytes
    digest: int


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A company's categories and skus by row id."""

    categories: dict[int, CatalogueCategory]
    skus: dict[int, CatalogueSku]


def read_catalogue(session: Session, company_id: int) -> Catalogue:
    """Read a company's catalogue, by its row id, in two queries."""
    categories, paths = {}, {}
    for row in session.execute(
        sa.select(Category.id, Category.name, Category.parent_id, Category.path).where(
            Category.company_id == company_id
        )
    ):
        categories[row.id] = CatalogueCategory(row.name, row.parent_id)
        paths[row.id] = row.path
    columns = (Sku.id, Sku.code, Sku.category_id, Sku.root_category_id, *(getattr(Sku, name) for name in DETAILS))
    rows = session.execute(
        sa.select(*columns).where(Sku.company_id == company_id).execution_options(yield_per=2000)
    ).mappings()
    skus = {row["id"]: _sku(row, paths[row["category_id"]]) for row in rows}
    return Catalogue(categories, skus)


def _sku(row: sa.RowMapping, path: str) -> CatalogueSku:
    details = encode({"sku": row["code"], **known({name: row[name] for name in DETAILS})})
    digest = blake2b(details + path.encode(), digest_size=8).digest()
    return CatalogueSku(
        row["code"], row["name"], row["category_id"], row["root_category_id"], details, int.from_bytes(digest)
    )
