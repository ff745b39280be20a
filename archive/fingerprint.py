"""What a store's file was made of, as a short text: equal fingerprints, equal files.

It costs a few aggregates in place of a build: the store's crawls, prices and memberships, the lists of every group it
was ever in, and the details of all skus that could appear.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from archive.catalogue import Catalogue
from archive.directory import ArchivedCompany, ArchivedStore
from archive.encoding import encode
from archive.manifest import SCHEMA_VERSION
from splitcart.database.models import (
    Coverage,
    Crawl,
    GroupPrice,
    GroupPriceHistory,
    Membership,
    Price,
    PriceHistory,
    Store,
    StoreCategory,
    StoreGroup,
)

_DIGESTS = 2**64


class Fingerprints:
    """The fingerprints of one company's stores (or of the one store ``only``)."""

    def __init__(
        self, session: Session, company: ArchivedCompany, catalogue: Catalogue, only: ArchivedStore | None = None
    ) -> None:
        self._session = session
        self._company = company
        self._digests = {sku_id: sku.digest for sku_id, sku in catalogue.skus.items()}
        stores = sa.select(Store.id).where(Store.company_id == company.row_id)
        stores = stores if only is None else stores.where(Store.id == only.row_id)
        groups = sa.select(Membership.store_id, Membership.group_id).where(
            Membership.store_id.in_(stores), Membership.group_id.is_not(None)
        )
        self._groups_of: defaultdict[int, set[int]] = defaultdict(set)
        for row in session.execute(groups).mappings():
            self._groups_of[row["store_id"]].add(row["group_id"])
        self._by_store = _rows_by_first_column(session, _store_facts(stores))
        chosen = groups.with_only_columns(Membership.group_id)
        self._by_group = _rows_by_first_column(session, _group_facts(chosen))
        self._sums = self._list_digests(chosen)

    def of(self, store: ArchivedStore) -> str:
        """Return the fingerprint of ``store``; three queries."""
        groups = sorted(self._groups_of[store.row_id])
        content = [
            SCHEMA_VERSION,
            self._company.slug,
            self._company.name,
            store.facts,
            self._by_store[store.row_id],
            [(self._by_group[group_id], self._sums[group_id]) for group_id in groups],
            self._own_prices(store.row_id),
        ]
        return sha256(encode(content)).hexdigest()[:32]

    def _own_prices(self, row_id: int) -> list[Any]:
        counted = [
            _texts(self._session.execute(_checked(model, instants).where(model.store_id == row_id)).one())
            for model, instants in ((Price, ("since", "left_at")), (PriceHistory, ("since", "until")))
        ]
        skus = self._session.scalars(sa.select(Price.sku_id).where(Price.store_id == row_id))
        return [*counted, sum(self._digests[sku_id] for sku_id in skus) % _DIGESTS]

    def _list_digests(self, groups: sa.Select[Any]) -> defaultdict[int, int]:
        sums: defaultdict[int, int] = defaultdict(int)
        lines = sa.select(GroupPrice.group_id, GroupPrice.sku_id).where(GroupPrice.group_id.in_(groups))
        for group_id, sku_id in self._session.execute(lines.execution_options(yield_per=10_000)):
            sums[group_id] = (sums[group_id] + self._digests[sku_id]) % _DIGESTS
        return sums


def _store_facts(stores: sa.Select[Any]) -> Iterator[sa.Select[*tuple[Any, ...]]]:
    category, membership = sa.inspect(StoreCategory).local_table, sa.inspect(Membership).local_table
    yield sa.select(category).where(category.c.store_id.in_(stores)).order_by(category.c.category_id)
    columns = [column for column in membership.c if column.name != "store_id"]
    yield (
        sa.select(membership.c.store_id, *columns).where(membership.c.store_id.in_(stores)).order_by(membership.c.id)
    )
    for table in (sa.inspect(Crawl).local_table, sa.inspect(Coverage).local_table):
        newest = (sa.func.count(), sa.func.max(table.c.crawl_id), sa.func.max(table.c.observed_to))
        yield sa.select(table.c.store_id, *newest).where(table.c.store_id.in_(stores)).group_by(table.c.store_id)


def _group_facts(groups: sa.Select[Any]) -> Iterator[sa.Select[*tuple[Any, ...]]]:
    columns = (StoreGroup.id, StoreGroup.name, StoreGroup.status, StoreGroup.ambassador_id)
    yield sa.select(*columns).where(StoreGroup.id.in_(groups))
    for model, instants in (
        (GroupPrice, ("changed_at", "left_at", "listed_from")),
        (GroupPriceHistory, ("since", "until")),
    ):
        yield _checked(model, instants, model.group_id).where(model.group_id.in_(groups)).group_by(model.group_id)


def _rows_by_first_column(
    session: Session, selects: Iterator[sa.Select[*tuple[Any, ...]]]
) -> defaultdict[int, list[Any]]:
    found: defaultdict[int, list[Any]] = defaultdict(list)
    for select in selects:
        for row in session.execute(select):
            found[row[0]].append(_texts(row))
    return found


def _checked(model: Any, instants: tuple[str, ...], *first: Any) -> sa.Select[Any]:
    """Aggregates that differ when rows of ``model`` do, rewritten ones included."""
    newest = [sa.func.max(getattr(model, name)) for name in instants]
    return sa.select(*first, sa.func.count(), sa.func.sum(model.price_cents), sa.func.sum(model.crawl_id), *newest)


def _texts(row: Iterable[Any]) -> list[str]:
    return [str(value) for value in row]
