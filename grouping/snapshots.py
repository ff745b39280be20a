"""Price lists as crawls showed them and as groups' lists said, read from intervals."""

from collections import OrderedDict
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from grouping.offers import BEFORE_ALL, intervals, list_history_table, list_table, price_table
from grouping.overlap import Catalogue, Mask
from grouping.verdict import Snapshot
from splitcart.database.models import Coverage, Crawl, Sku, StoreCategory

MAX_CRAWLS = 1_000  # of 20,000 skus each: 200 MB


def read_catalogue(session: Session, company_id: int) -> Catalogue:
    """Return the skus of a company with their root categories."""
    rows = session.execute(sa.select(Sku.id, Sku.root_category_id).where(Sku.company_id == company_id))
    return Catalogue(dict(rows.all()))


class CrawlShelf:
    """What crawls showed, by row id: kept over the steps of a run, the latest used to the number of ``MAX_CRAWLS``."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int | None, int], Snapshot] = OrderedDict()

    def get(self, scope: int | None, crawl_id: int, read: Callable[[int], Snapshot]) -> Snapshot:
        """Return a crawl as far as it is about the scope, read if it is not at hand."""
        key = scope, crawl_id
        snapshot = self._kept.pop(key, None) or read(crawl_id)
        self._kept[key] = snapshot
        if len(self._kept) > MAX_CRAWLS:
            self._kept.popitem(last=False)
        return snapshot


class Snapshots:
    """Snapshots by crawl, by group and by store; each is read once a step, with one query for its prices."""

    def __init__(
        self,
        session: Session,
        catalogue: Catalogue,
        window_hours: float,
        crawls: CrawlShelf,
        scope: int | None = None,
    ) -> None:
        """``window_hours`` is how far apart the categories of one store's standing offers may have been seen.

        ``scope`` leaves all but one root category (row id) out of what was covered, and when.
        """
        self._session = session
        self._scope = scope
        self._catalogue = catalogue
        self._window = timedelta(hours=window_hours)
        self._crawls = crawls
        self._lists: dict[tuple[int, datetime | None], Snapshot] = {}
        self._stores: dict[int, Snapshot | None] = {}
        self._changes: dict[int, list[tuple[datetime, int]]] = {}  # by group: when lines changed, newest first

    def of_crawl(self, crawl_id: int, without: Collection[int] = ()) -> Snapshot:
        """Return what a crawl (row id) showed in the root categories that it completed, ``without`` some of them."""
        return self._crawls.get(self._scope, crawl_id, self._read_crawl).without(without)

    def of_list(self, group_id: int, now: datetime, at: datetime | None = None) -> Snapshot:
        """Return a group's list as it stands (dated ``now``), or as it stood ``at`` an earlier instant."""
        if (group_id, at) not in self._lists:
            rows = self._session.execute(_list_rows(group_id, at)).all()
            complete = {row[3] for row in rows}
            prices = self._catalogue.price_list_of_rows((row[:3] for row in rows), complete)
            self._lists[group_id, at] = Snapshot(prices, at or now, at or now)
        return self._lists[group_id, at]

    def forget_list(self, group_id: int) -> None:
        """The group's list has changed: read it anew."""
        self._lists = {key: snapshot for key, snapshot in self._lists.items() if key[0] != group_id}
        self._changes.pop(group_id, None)

    def changed_since(self, group_id: int, since: datetime) -> Mask:
        """Return which skus' lines of a group's list changed after an instant."""
        if group_id not in self._changes:
            dated = sa.select(list_table.c.changed_at, list_table.c.sku_id).where(
                list_table.c.group_id == group_id, list_table.c.changed_at > BEFORE_ALL
            )
            rows = self._session.execute(dated).all()
            self._changes[group_id] = sorted(((at, sku_id) for at, sku_id in rows), reverse=True)
        changed = [sku_id for _, sku_id in takewhile(lambda line: line[0] > since, self._changes[group_id])]
        found: Mask = np.isin(self._catalogue.sku_ids, np.array(changed, dtype=np.int64))
        return found

    def changes_of(self, group_id: int) -> NDArray[np.float64]:
        """Return when each line of a group's list last changed, in seconds since 1970 (0: never seen to)."""
        self.changed_since(group_id, BEFORE_ALL)
        found = np.zeros(len(self._catalogue.sku_ids))
        dated = [(at.timestamp(), sku_id) for at, sku_id in self._changes[group_id]]
        if dated:
            when, sku_ids = np.array(dated).T
            inside = np.isin(sku_ids, self._catalogue.sku_ids)
            np.maximum.at(found, np.searchsorted(self._catalogue.sku_ids, sku_ids[inside]), when[inside])
        return found

    def of_store(self, store_id: int, without: Collection[int] = ()) -> Snapshot | None:
        """Return a store's standing offers in the categories covered within the window before its newest coverage.

        None for a store that was never covered. The crawl is that of the newest coverage; ``known`` are the offers of
        all categories that were ever covered.
        """
        if store_id not in self._stores:
            self._stores[store_id] = self._read_store(store_id)
        snapshot = self._stores[store_id]
        return snapshot and snapshot.without(without)

    def _in_scope(
        self, category_id: sa.ColumnElement[int] | sa.orm.InstrumentedAttribute[int]
    ) -> sa.ColumnElement[bool]:
        return sa.true() if self._scope is None else category_id == self._scope

    def _read_crawl(self, crawl_id: int) -> Snapshot:
        crawl = self._session.execute(
            sa.select(Crawl.store_id, Crawl.observed_from, Crawl.observed_to).where(Crawl.id == crawl_id)
        ).one()
        covered = self._session.execute(
            sa.select(Coverage.category_id, Coverage.observed_from, Coverage.observed_to).where(
                Coverage.crawl_id == crawl_id, self._in_scope(Coverage.category_id)
            )
        ).all()
        window = (
            sa.select(Coverage.category_id, Coverage.observed_to)
            .where(Coverage.crawl_id == crawl_id, self._in_scope(Coverage.category_id))
            .subquery("window")
        )
        every = intervals(store_ids=[crawl.store_id])
        rows = self._session.execute(
            sa.select(every.c.sku_id, every.c.price_cents, _regular(every))
            .join(Sku, Sku.id == every.c.sku_id)
            .join(window, window.c.category_id == Sku.root_category_id)
            .where(
                every.c.since <= window.c.observed_to,
                sa.or_(every.c.until.is_(None), every.c.until > window.c.observed_to),
            )
        )
        prices = self._catalogue.price_list_of_rows(map(tuple, rows), {row.category_id for row in covered})
        seen = covered[0] if covered and self._scope is not None else crawl
        return Snapshot(prices, seen.observed_from, seen.observed_to, crawl.store_id, crawl_id)

    def _read_store(self, store_id: int) -> Snapshot | None:
        covered = self._session.execute(
            sa.select(StoreCategory.category_id, StoreCategory.covered_at, StoreCategory.crawl_id)
            .where(StoreCategory.store_id == store_id, self._in_scope(StoreCategory.category_id))
            .order_by(StoreCategory.covered_at.desc(), StoreCategory.crawl_id.desc())
        ).all()
        if not covered:
            return None
        newest = covered[0]
        recent = [row for row in covered if row.covered_at >= newest.covered_at - self._window]
        every = [row.category_id for row in covered]
        rows = self._session.execute(
            sa.select(price_table.c.sku_id, price_table.c.price_cents, _regular(price_table))
            .join(Sku, Sku.id == price_table.c.sku_id)
            .where(
                price_table.c.store_id == store_id,
                price_table.c.left_at.is_(None),
                Sku.root_category_id.in_(every),
            )
        )
        known = self._catalogue.price_list_of_rows(map(tuple, rows), every)
        prices = known.without(set(every) - {row.category_id for row in recent})
        return Snapshot(prices, recent[-1].covered_at, newest.covered_at, store_id, newest.crawl_id, known)


def _regular(table: sa.FromClause) -> sa.ColumnElement[int]:
    return sa.func.coalesce(table.c.was_cents, table.c.price_cents)


def _list_rows(group_id: int, at: datetime | None) -> sa.Select[Any] | sa.CompoundSelect[Any]:
    """Rows of (sku, price, regular price, root category)."""

    def lines(table: sa.Table, *conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
        return (
            sa.select(table.c.sku_id, table.c.price_cents, _regular(table), Sku.root_category_id)
            .join(Sku, Sku.id == table.c.sku_id)
            .where(table.c.group_id == group_id, *conditions)
        )

    if at is None:
        return lines(list_table, list_table.c.left_at.is_(None))
    return sa.union_all(
        lines(list_table, list_table.c.left_at.is_(None), list_table.c.changed_at <= at),
        lines(list_history_table, list_history_table.c.since <= at, list_history_table.c.until > at),
    )
