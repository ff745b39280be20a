"""Price lists as crawls showed them and as groups' lists said, read from intervals."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from grouping.offers import BEFORE_ALL, list_table, listed_at, listed_now, price_table, regular_price, shown_by_crawls
from grouping.overlap import Catalogue, Mask
from grouping.shelf import MAX_KEPT, Changes, Shelf
from grouping.verdict import Snapshot
from splitcart.database.arrays import int_arrays
from splitcart.database.bulk import padded
from splitcart.database.models import Coverage, Crawl, Sku, StoreCategory

READ_AT_ONCE = 16  # crawls, lists or stores
READ_AHEAD = timedelta(days=5)  # changes are asked for since one store's crawl or another's


def read_catalogue(session: Session, company_id: int) -> Catalogue:
    """Return the skus of a company with their root categories."""
    rows = session.execute(sa.select(Sku.id, Sku.root_category_id).where(Sku.company_id == company_id))
    return Catalogue(dict(rows.all()))


class Look(NamedTuple):
    """The newest look at a store: in ``recent`` categories, of all that were ever covered (row ids)."""

    observed_from: datetime
    observed_to: datetime
    crawl_id: int
    recent: frozenset[int]
    every: frozenset[int]


class Snapshots:
    """Snapshots by crawl, by group and by store: what the shelf does not hold is read, many with one query."""

    def __init__(
        self, session: Session, catalogue: Catalogue, window_hours: float, shelf: Shelf, scope: int | None = None
    ) -> None:
        """``window_hours`` is how far apart the categories of one store's standing offers may have been seen.

        ``scope`` leaves all but one root category (row id) out of what was covered, and when.
        """
        self._session = session
        self._scope = scope
        self._catalogue = catalogue
        self._window = timedelta(hours=window_hours)
        self._shelf = shelf
        self._then: dict[tuple[int, datetime], Snapshot] = {}  # lists as they stood at earlier instants
        self._looks: dict[int, Look | None] = {}

    def of_crawl(self, crawl_id: int, without: Collection[int] = ()) -> Snapshot:
        """Return what a crawl (row id) showed in the root categories that it completed, ``without`` some of them."""
        return self.of_crawls([crawl_id])[crawl_id].without(without)

    def of_crawls(self, crawl_ids: Iterable[int]) -> dict[int, Snapshot]:
        """Return what crawls (row ids) showed."""
        return self._shelf.find("crawl", self._scope, crawl_ids, self._read_crawls)

    def of_list(self, group_id: int, now: datetime, at: datetime | None = None) -> Snapshot:
        """Return a group's list as it stands (dated ``now``), or as it stood ``at`` an earlier instant."""
        listed = self.of_lists([group_id])[group_id]
        if at is None or at >= listed.observed_to:
            return Snapshot(listed.prices, at or now, at or now)
        if (group_id, at) not in self._then:
            self._then[group_id, at] = self._read_list(group_id, at)
        return self._then[group_id, at]

    def of_lists(self, group_ids: Iterable[int]) -> dict[int, Snapshot]:
        """Return groups' lists as they stand, each dated when it last changed."""
        return self._shelf.find("list", self._scope, group_ids, self._read_lists)

    def forget_list(self, group_id: int) -> None:
        """The group's list has changed: read it anew."""
        self._shelf.forget_list(group_id)
        self._then = {key: snapshot for key, snapshot in self._then.items() if key[0] != group_id}

    def changed_since(self, group_id: int, since: datetime) -> Mask:
        """Return which skus' lines of a group's list changed after an instant."""
        found: Mask = self.changes_since([group_id], since)[0] > since.timestamp()
        return found

    def changes_since(self, group_ids: Collection[int], since: datetime) -> NDArray[np.float64]:
        """Return when each line of groups' lists (groups x skus) last changed, in seconds since 1970.

        What may have changed last at ``since`` or before, or was never seen to, is 0.
        """
        known = self._shelf.find_changes(self._scope, group_ids, since, lambda ids: self._read_changes(ids, since))
        found = np.zeros((len(group_ids), len(self._catalogue.sku_ids)))
        for row, group_id in zip(found, group_ids, strict=True):
            row[known[group_id].at] = known[group_id].when
        return found

    def of_store(self, store_id: int, without: Collection[int] = ()) -> Snapshot | None:
        """Return a store's standing offers in the categories covered within the window before its newest coverage.

        None for a store that was never covered. The crawl is that of the newest coverage; ``known`` are the offers of
        all categories that were ever covered.
        """
        snapshot = self._of_stores([store_id]).get(store_id)
        return snapshot and snapshot.without(without)

    def read_stores(self, store_ids: Sequence[int]) -> None:
        """Read at once what ``of_store`` will be asked, as far as the shelf has room for it."""
        self._of_stores(store_ids[: MAX_KEPT // 2])

    def _of_stores(self, store_ids: Iterable[int]) -> dict[int, Snapshot]:
        return self._shelf.find("store", self._scope, store_ids, self._read_stores)

    def look_at(self, store_id: int) -> Look | None:
        """Return when ``of_store`` was seen, and in which categories; None for a store that was never covered."""
        self.read_looks([store_id])
        return self._looks[store_id]

    def read_looks(self, store_ids: Iterable[int]) -> None:
        """Read at once what ``look_at`` will be asked."""
        if unknown := [store_id for store_id in store_ids if store_id not in self._looks]:
            self._looks |= self._find_looks(unknown)

    def _in_scope(
        self, category_id: sa.ColumnElement[int] | sa.orm.InstrumentedAttribute[int]
    ) -> sa.ColumnElement[bool]:
        return sa.true() if self._scope is None else category_id == self._scope

    def _arrays(self, query: sa.Select[Any], asked: Mapping[str, Any] | None = None) -> dict[int, NDArray[np.int32]]:
        return dict(int_arrays(self._session, query, asked))

    def _read_crawls(self, crawl_ids: list[int]) -> dict[int, Snapshot]:
        return {crawl_id: shown for some in _portions(crawl_ids) for crawl_id, shown in self._read_some_crawls(some)}

    def _read_some_crawls(self, crawl_ids: list[int]) -> Iterator[tuple[int, Snapshot]]:
        rows = self._session.execute(
            sa.select(Crawl.id, Crawl.store_id, Crawl.observed_from, Crawl.observed_to).where(Crawl.id.in_(crawl_ids))
        )
        covered: dict[int, list[Any]] = {}
        for row in self._session.execute(
            sa.select(Coverage.crawl_id, Coverage.category_id, Coverage.observed_from, Coverage.observed_to).where(
                Coverage.crawl_id.in_(crawl_ids), self._in_scope(Coverage.category_id)
            )
        ):
            covered.setdefault(row.crawl_id, []).append(row)
        crawls = rows.all()
        ends = [row.observed_to for some in covered.values() for row in some]
        offers = {}
        if ends:
            asked = {
                "crawl_ids": padded(crawl_ids),
                "store_ids": padded([crawl.store_id for crawl in crawls]),
                "begin": min(ends),
                "end": max(ends),
                "scope": self._scope,
            }
            offers = self._arrays(shown_by_crawls(scoped=self._scope is not None), asked)
        for crawl in crawls:
            categories = covered.get(crawl.id, [])
            prices = self._catalogue.price_list_of_rows(
                offers.get(crawl.id, _NOTHING), {row.category_id for row in categories}
            )
            seen = categories[0] if categories and self._scope is not None else crawl
            yield crawl.id, Snapshot(prices, seen.observed_from, seen.observed_to, crawl.store_id, crawl.id)

    def _read_lists(self, group_ids: list[int]) -> dict[int, Snapshot]:
        return {group_id: listed for some in _portions(group_ids) for group_id, listed in self._read_some_lists(some)}

    def _read_some_lists(self, group_ids: list[int]) -> Iterator[tuple[int, Snapshot]]:
        asked = {"group_ids": padded(group_ids), "scope": self._scope}
        lines = self._arrays(listed_now(scoped=self._scope is not None), asked)
        changed = self._session.execute(
            sa.select(list_table.c.group_id, sa.func.max(list_table.c.changed_at), sa.func.max(list_table.c.left_at))
            .where(list_table.c.group_id.in_(group_ids))
            .group_by(list_table.c.group_id)
        )
        changed_at = {row[0]: max(filter(None, row[1:])) for row in changed}
        for group_id in group_ids:
            at = changed_at.get(group_id, BEFORE_ALL)
            yield group_id, self._listed(lines.get(group_id, _NOTHING), at)

    def _read_list(self, group_id: int, at: datetime) -> Snapshot:
        return self._listed(self._arrays(listed_at(group_id, at)).get(group_id, _NOTHING), at)

    def _listed(self, rows: NDArray[Any], at: datetime) -> Snapshot:
        """A list is complete in the root categories that it has lines of."""
        places = self._catalogue.places(rows[0])
        having = np.unique(self._catalogue.roots[places[places >= 0]])
        complete = self._catalogue.category_ids[having].tolist()
        return Snapshot(self._catalogue.price_list_of_rows(rows, complete), at, at)

    def _read_changes(self, group_ids: list[int], since: datetime) -> dict[int, Changes]:
        earlier = max(since, BEFORE_ALL + READ_AHEAD) - READ_AHEAD
        rows = self._session.execute(
            sa.select(list_table.c.group_id, list_table.c.sku_id, list_table.c.changed_at).where(
                list_table.c.group_id.in_(group_ids), list_table.c.changed_at > earlier
            )
        )
        lines: dict[int, list[tuple[int, float]]] = {group_id: [] for group_id in group_ids}
        for group_id, sku_id, changed_at in rows:
            lines[group_id].append((sku_id, changed_at.timestamp()))
        found = {}
        for group_id, dated in lines.items():
            sku_ids, when = np.array(dated, dtype=np.float64).reshape(-1, 2).T
            at = self._catalogue.places(sku_ids.astype(np.int64))
            found[group_id] = Changes(earlier, at[at >= 0], when[at >= 0])
        return found

    def _find_looks(self, store_ids: list[int]) -> dict[int, Look | None]:
        rows = self._session.execute(
            sa.select(
                StoreCategory.store_id, StoreCategory.category_id, StoreCategory.covered_at, StoreCategory.crawl_id
            )
            .where(StoreCategory.store_id.in_(store_ids), self._in_scope(StoreCategory.category_id))
            .order_by(StoreCategory.covered_at.desc(), StoreCategory.crawl_id.desc())
        )
        covered: dict[int, list[Any]] = {store_id: [] for store_id in store_ids}
        for row in rows:
            covered[row.store_id].append(row)
        return {store_id: self._look(rows) if rows else None for store_id, rows in covered.items()}

    def _look(self, covered: list[Any]) -> Look:
        newest = covered[0]
        recent = [row for row in covered if row.covered_at >= newest.covered_at - self._window]
        return Look(
            recent[-1].covered_at,
            newest.covered_at,
            newest.crawl_id,
            frozenset(row.category_id for row in recent),
            frozenset(row.category_id for row in covered),
        )

    def _read_stores(self, store_ids: list[int]) -> dict[int, Snapshot]:
        return {store_id: offers for some in _portions(store_ids) for store_id, offers in self._read_some_stores(some)}

    def _read_some_stores(self, store_ids: list[int]) -> Iterator[tuple[int, Snapshot]]:
        self.read_looks(store_ids)
        looks = {store_id: look for store_id in store_ids if (look := self._looks[store_id])}
        columns = price_table.c.store_id, price_table.c.sku_id, price_table.c.price_cents, regular_price(price_table)
        offers = self._arrays(
            sa.select(*columns)
            .join(Sku, Sku.id == price_table.c.sku_id)
            .where(price_table.c.store_id.in_(looks), price_table.c.left_at.is_(None))
            .where(self._in_scope(Sku.root_category_id))
        )
        for store_id, look in looks.items():
            known = self._catalogue.price_list_of_rows(offers.get(store_id, _NOTHING), look.every)
            prices = known.without(look.every - look.recent)
            yield store_id, Snapshot(prices, look.observed_from, look.observed_to, store_id, look.crawl_id, known)


_NOTHING = np.zeros((3, 0), dtype=np.int32)


def _portions(row_ids: list[int]) -> Iterator[list[int]]:
    """Some at a time: what is read of all of them stands in memory at once."""
    for begin in range(0, len(row_ids), READ_AT_ONCE):
        yield row_ids[begin : begin + READ_AT_ONCE]
