"""What each export reads: its rows as ``splitcart.transfer.exported`` types them, and what shows that they changed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import starmap
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import aliased

from splitcart.database.models import Brand, Category, Company, Division, GeoCluster, Membership, Product, Sku, Store
from splitcart.database.models import StoreGroup as Group
from splitcart.transfer.exported import EXPORTS, ExportedRow

Query = sa.Select[Any]

_encoder = msgspec.json.Encoder()


@dataclass(frozen=True)
class Wanted:
    """What the caller asked for, as ids of rows; ``stores`` are those of the page, None where there are no pages."""

    company: int | None = None
    store: int | None = None
    since: datetime | None = None
    stores: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Export:
    """One kind of export: the query of its rows, and queries whose rows are the same while the answer is.

    ``changed`` makes a condition on stores of an export that comes in pages of whole stores: which may have changed
    since an instant.
    """

    kind: str
    rows: Callable[[Wanted], Query]
    marks: Callable[[Wanted], list[Query]]
    filters: frozenset[str]
    changed: Callable[[datetime], sa.ColumnElement[bool]] | None = None

    @property
    def row(self) -> type[ExportedRow]:
        """The type of its rows."""
        return EXPORTS[self.kind]

    def encode(self, rows: list[tuple[Any, ...]]) -> bytes:
        """Return rows of the query as lines."""
        return _encoder.encode_lines(list(starmap(self.row, rows)))


def select_row(kind: str, columns: dict[str, Any]) -> Query:
    """Select columns in the order of the row's fields; raise KeyError for a field that has none."""
    return sa.select(*(columns[field.name] for field in msgspec.structs.fields(EXPORTS[kind])))


def named(table: type[Any]) -> dict[str, Any]:
    """Return the columns of a table by their names."""
    return {column.name: column for column in table.__table__.c}


def _companies(_wanted: Wanted) -> Query:
    return select_row("companies", {"company": Company.slug, "name": Company.name})


def _stores(wanted: Wanted) -> Query:
    columns = named(Store) | {"company": Company.slug, "division": Division.name, "cluster": GeoCluster.name}
    query = (
        select_row("stores", columns)
        .select_from(Store)
        .join(Company, Company.id == Store.company_id)
        .outerjoin(Division, Division.id == Store.division_id)
        .outerjoin(GeoCluster, GeoCluster.id == Store.cluster_id)
    )
    if wanted.store is not None:
        query = query.where(Store.id == wanted.store)
    return _of_company(query, wanted, Store.company_id)


def _categories(wanted: Wanted) -> Query:
    root, parent = aliased(Category), aliased(Category)
    columns = named(Category) | {"company": Company.slug, "root": root.name, "parent": parent.path}
    query = (
        select_row("categories", columns)
        .select_from(Category)
        .join(Company, Company.id == Category.company_id)
        .join(root, root.id == sa.func.coalesce(Category.root_id, Category.id))
        .outerjoin(parent, parent.id == Category.parent_id)
    )
    return _of_company(query, wanted, Category.company_id)


def _skus(wanted: Wanted) -> Query:
    root = aliased(Category)
    columns = named(Sku) | {
        "company": Company.slug,
        "sku": Sku.code,
        "category": Category.path,
        "root": root.name,
        "product": Sku.product_id,
    }
    query = (
        select_row("skus", columns)
        .select_from(Sku)
        .join(Company, Company.id == Sku.company_id)
        .join(Category, Category.id == Sku.category_id)
        .join(root, root.id == Sku.root_category_id)
    )
    return _changed_skus(query, wanted)


def _sku_marks(wanted: Wanted) -> list[Query]:
    return [_changed_skus(sa.select(Sku.__table__), wanted)]


def _changed_skus(query: Query, wanted: Wanted) -> Query:
    if wanted.since is not None:
        query = query.where(Sku.details_seen_at >= wanted.since)
    return _of_company(query, wanted, Sku.company_id)


def _products(wanted: Wanted) -> Query:
    columns = named(Product) | {
        "product": Product.id,
        "brand": Brand.name,
        "merged_into": Product.merged_into_id,
    }
    query = select_row("products", columns).select_from(Product).outerjoin(Brand, Brand.id == Product.brand_id)
    if wanted.company is not None:
        query = query.where(Product.id.in_(sa.select(Sku.product_id).where(Sku.company_id == wanted.company)))
    return query


def _groups(wanted: Wanted) -> Query:
    ambassador = aliased(Store)
    columns = named(Group) | {
        "company": Company.slug,
        "group": Group.id,
        "category": Category.name,
        "ambassador": ambassador.store_id,
        "store_id": Store.store_id,
        "since": Membership.since,
        "confirmed_at": Membership.confirmed_at,
        "suspended_at": Membership.suspended_at,
    }
    query = (
        select_row("groups", columns)
        .select_from(Membership)
        .join(Group, Group.id == Membership.group_id)
        .join(Company, Company.id == Group.company_id)
        .join(Store, Store.id == Membership.store_id)
        .outerjoin(Category, Category.id == Group.category_id)
        .outerjoin(ambassador, ambassador.id == Group.ambassador_id)
        .where(Membership.until.is_(None), Group.is_active)
    )
    if wanted.store is not None:
        query = query.where(Membership.store_id == wanted.store)
    return _of_company(query, wanted, Group.company_id)


def _of_company(query: Query, wanted: Wanted, column: Any) -> Query:
    return query if wanted.company is None else query.where(column == wanted.company)


def _of_rows(kind: str, rows: Callable[[Wanted], Query], *filters: str) -> Export:
    """An export that changes when its rows do: the database reads them all to tell, but sends none."""
    return Export(kind, rows, lambda wanted: [rows(wanted)], frozenset(filters))


CATALOGUE = (
    _of_rows("stores", _stores, "company", "store"),
    _of_rows("companies", _companies),
    _of_rows("categories", _categories, "company"),
    Export("skus", _skus, _sku_marks, frozenset({"company", "since"})),
    _of_rows("products", _products, "company"),
    _of_rows("groups", _groups, "company", "store"),
)
