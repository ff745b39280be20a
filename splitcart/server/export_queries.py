"""What each export reads: its rows as ``splitcart.transfer.exported`` types them, and what shows that they changed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import aliased

from splitcart.database.models import Category, Company, Sku
from splitcart.transfer.exported import EXPORTS, ExportedRow

Query = sa.Select[Any]


@dataclass(frozen=True)
class Wanted:
    """What the caller asked for; ``company`` is the id of its row."""

    company: int | None = None
    since: datetime | None = None


@dataclass(frozen=True)
class Export:
    """One kind of export: the query of its rows, and queries whose rows are the same while the answer is."""

    kind: str
    rows: Callable[[Wanted], Query]
    marks: Callable[[Wanted], list[Query]]
    filters: frozenset[str]

    @property
    def row(self) -> type[ExportedRow]:
        """The type of its rows."""
        return EXPORTS[self.kind]


def _select(kind: str, columns: dict[str, Any]) -> Query:
    """Select columns in the order of the row's fields; raise KeyError for a field that has none."""
    return sa.select(*(columns[field.name] for field in msgspec.structs.fields(EXPORTS[kind])))


def _of(query: Query, wanted: Wanted, column: Any) -> Query:
    return query if wanted.company is None else query.where(column == wanted.company)


def _skus(wanted: Wanted) -> Query:
    root = aliased(Category)
    same_name = {column.name: column for column in Sku.__table__.c}
    columns = same_name | {
        "company": Company.slug,
        "sku": Sku.code,
        "category": Category.path,
        "root": root.name,
        "product": Sku.product_id,
    }
    query = (
        _select("skus", columns)
        .select_from(Sku)
        .join(Company, Company.id == Sku.company_id)
        .join(Category, Category.id == Sku.category_id)
        .join(root, root.id == Sku.root_category_id)
    )
    return _changed_skus(query, wanted)


def _changed_skus(query: Query, wanted: Wanted) -> Query:
    if wanted.since is not None:
        query = query.where(Sku.details_seen_at >= wanted.since)
    return _of(query, wanted, Sku.company_id)


def _sku_marks(wanted: Wanted) -> list[Query]:
    return [_changed_skus(sa.select(Sku.__table__), wanted)]


_ALL = (Export("skus", _skus, _sku_marks, frozenset({"company", "since"})),)

QUERIES = {export.kind: export for export in _ALL}
