"""Categories, skus and products of one company: what a file names gets its row, once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import md5
from operator import attrgetter, itemgetter
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.database.bulk import insert_missing
from splitcart.database.models import SKU_DETAILS, Base, Category
from splitcart.ingest.matching import find_products
from splitcart.ingest.reading import ParsedCrawl
from splitcart.ingest.shelf_lines import PATH_SEPARATOR, ShelfRow
from splitcart.measures.sizes import parse_sizes
from splitcart.transfer.rows import ProductRow

sku_table = Base.metadata.tables["skus"]
category_table = Base.metadata.tables["categories"]
CHUNK = 500
NEW_SKUS_LOCK = 0x5C49  # of PostgreSQL's advisory locks
_details_of = attrgetter(*SKU_DETAILS)
_KNOWN_COLUMNS = [
    sku_table.c[name]
    for name in ("code", "id", "root_category_id", "category_id", "details_key", "details_seen_at", "first_seen_at")
]


class KnownSku(msgspec.Struct, gc=False):
    """What the ingest keeps in mind of a sku: row ids, and the fingerprint and age of its details.

    ``seen_hash`` is the hash, in this process, of the row last found to show just these details; 0: none yet.
    """

    id: int
    root_id: int
    category_id: int
    details_key: str
    details_seen_at: datetime
    first_seen_at: datetime
    seen_hash: int = 0


@dataclass(slots=True)
class CatalogueCounts:
    """What a file added to the catalogue."""

    skus_created: int = 0
    skus_updated: int = 0
    products_created: int = 0
    products_matched: int = 0
    brands_created: int = 0


def lock_new_skus(session: Session) -> None:
    """Let one transaction at a time match skus to products; on SQLite a writing transaction is alone anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(NEW_SKUS_LOCK)))


class Catalogue:
    """The categories and skus of one company, held in memory for the length of a transaction or of many.

    It only remembers rows that are committed or of the transaction under way; after a rollback it must be thrown away.
    """

    def __init__(self, session: Session, company_id: int) -> None:
        self.company_id = company_id
        self.categories: dict[tuple[str, ...], tuple[int, int]] = {}  # path → (category id, root id)
        self.skus: dict[str, KnownSku] = {}
        self._read_categories(session)
        self._read_skus(session)

    def _read_categories(self, session: Session) -> None:
        rows = session.execute(
            sa.select(Category.id, Category.root_id, Category.path).where(Category.company_id == self.company_id)
        )
        self.categories = {tuple(row.path.split(PATH_SEPARATOR)): (row.id, row.root_id or row.id) for row in rows}

    def _read_skus(self, session: Session, codes: Sequence[str] | None = None) -> None:
        known = sa.select(*_KNOWN_COLUMNS).where(sku_table.c.company_id == self.company_id)
        if codes is not None:
            known = known.where(sku_table.c.code.in_(codes))
        for code, *rest in session.execute(known):
            self.skus.setdefault(code, KnownSku(*rest))

    def _see_new_skus_of_others(self, session: Session, rows: list[ShelfRow]) -> None:
        """Two workers with the same news would each make a product of it."""
        unknown = [row.sku for row in rows if row.sku not in self.skus]
        if unknown:
            lock_new_skus(session)
            self._read_skus(session, unknown if len(unknown) <= CHUNK else None)

    def root_names(self) -> dict[int, str]:
        """Return the names of the company's root categories by row id."""
        return {root_id: path[0] for path, (category_id, root_id) in self.categories.items() if category_id == root_id}

    def category(self, session: Session, path: tuple[str, ...]) -> tuple[int, int]:
        """Return (category id, root id) of a path, creating what is missing from the root down."""
        if path not in self.categories:
            self._create_categories(session, {path})
        return self.categories[path]

    def prepare(self, session: Session, parsed: ParsedCrawl) -> None:
        """Create the categories that a crawl names, in one order for all workers, so that none waits for another."""
        self._create_categories(
            session, {row.category_path for row in parsed.rows} | {(name,) for name in parsed.categories}
        )

    def _create_categories(self, session: Session, paths: set[tuple[str, ...]]) -> None:
        """Create the categories of the paths, and those above them, that are not known yet: one level at a time."""
        wanted = {path[:depth] for path in paths for depth in range(1, len(path) + 1)} - self.categories.keys()
        for depth in sorted({len(path) for path in wanted}):
            rows = []
            for path in sorted(path for path in wanted if len(path) == depth):
                parent_id, root_id = self.categories[path[:-1]] if depth > 1 else (None, None)
                place = {"company_id": self.company_id, "parent_id": parent_id, "root_id": root_id}
                rows.append({**place, "name": path[-1], "path": PATH_SEPARATOR.join(path)})
            insert_missing(session, category_table, rows)
            self._read_categories(session)

    def take_in(
        self, session: Session, rows: list[ShelfRow], seen_from: datetime, seen_at: datetime
    ) -> CatalogueCounts:
        """Create the skus that are new and refresh the details of those that this newer sight shows otherwise.

        ``seen_from`` and ``seen_at`` are the ends of the crawl. A value that the file leaves open never overwrites one
        that is known. The root category of a sku is that of its earliest sight, in whatever order files come.
        """
        counts = CatalogueCounts()
        self._see_new_skus_of_others(session, rows)
        fresh: list[dict[str, Any]] = []
        changed: list[dict[str, Any]] = []
        earlier: list[ShelfRow] = []
        for row in rows:
            known = self.skus.get(row.sku)
            if known is None:
                category_id, root_id = self.category(session, row.category_path)
                product = row.product()
                details = self._sku_row(product, category_id, root_id, _details_key(product), seen_at)
                fresh.append(details | {"first_seen_at": seen_from})
                continue
            if known.seen_hash != row.details_hash:
                changed += self._changed_details(session, row, known, seen_at)
            if seen_from <= known.first_seen_at:
                earlier.append(row)
        if fresh:
            self._create(session, fresh, counts, seen_at)
        self._move_back(session, earlier, seen_from)
        if changed:
            changed.sort(key=itemgetter("b_id"))
            self._update(session, changed)
            counts.skus_updated = len(changed)
        return counts

    def _changed_details(
        self, session: Session, row: ShelfRow, known: KnownSku, seen_at: datetime
    ) -> list[dict[str, Any]]:
        """Return the update that a row asks for, if it shows other details than the newest sight so far."""
        product = row.product()
        details_key = _details_key(product)
        if known.details_key != details_key and known.details_seen_at > seen_at:
            return []
        known.seen_hash = row.details_hash
        if known.details_key == details_key:
            return []
        category_id, root_id = self.category(session, row.category_path)
        if root_id != known.root_id:
            category_id = known.category_id
        known.details_key, known.details_seen_at, known.category_id = details_key, seen_at, category_id
        return [{"b_id": known.id, **self._sku_row(product, category_id, known.root_id, details_key, seen_at)}]

    def _create(
        self, session: Session, fresh: list[dict[str, Any]], counts: CatalogueCounts, seen_at: datetime
    ) -> None:
        fresh.sort(key=itemgetter("code"))  # two workers with the same news must not wait for each other
        found = find_products(session, fresh, seen_at)
        counts.products_created, counts.products_matched = found.created, found.matched
        counts.brands_created = found.brands_created
        insert_missing(session, sku_table, fresh)
        counts.skus_created = len(fresh)
        self._read_skus(session, [row["code"] for row in fresh] if len(fresh) <= CHUNK else None)

    def _move_back(self, session: Session, rows: Sequence[ShelfRow], seen_from: datetime) -> None:
        """What was seen earlier than was known so far tells the root category; of equal sights the first name does."""
        names = self.root_names()
        moved = []
        for row in rows:
            known = self.skus[row.sku]
            category_id, root_id = self.category(session, row.category_path)
            if (seen_from, names[root_id]) < (known.first_seen_at, names[known.root_id]):
                if root_id != known.root_id:
                    known.root_id, known.category_id = root_id, category_id
                known.first_seen_at = seen_from
                moved.append({"b_id": known.id, "b_root": known.root_id, "b_leaf": known.category_id})
        if moved:
            moved.sort(key=itemgetter("b_id"))
            columns = sku_table.c
            statement = (
                sa.update(sku_table)
                .where(columns.id == sa.bindparam("b_id"), columns.first_seen_at >= seen_from)
                .values(
                    first_seen_at=seen_from, root_category_id=sa.bindparam("b_root"), category_id=sa.bindparam("b_leaf")
                )
            )
            session.execute(statement, moved)

    def _sku_row(
        self, row: ProductRow, category_id: int, root_id: int, details_key: str, seen_at: datetime
    ) -> dict[str, Any]:
        return {
            "company_id": self.company_id,
            "code": row.sku,
            **{name: getattr(row, name) for name in SKU_DETAILS},
            "size_key": " ".join(str(size) for size in parse_sizes(row.name, row.size))[:120] or None,
            "category_id": category_id,
            "root_category_id": root_id,
            "details_key": details_key,
            "details_seen_at": seen_at,
        }

    def _update(self, session: Session, changed: list[dict[str, Any]]) -> None:
        columns = sku_table.c
        kept = {
            name: sa.func.coalesce(sa.bindparam(f"b_{name}", type_=columns[name].type), columns[name])
            for name in (*SKU_DETAILS, "size_key")
        }
        plain = ("category_id", "details_key", "details_seen_at")
        statement = (
            sa.update(sku_table)
            .where(  # another worker may have seen it later than this one knows
                columns.id == sa.bindparam("b_id"),
                columns.details_seen_at <= sa.bindparam("b_details_seen_at", type_=columns.details_seen_at.type),
            )
            .values({**kept, **{name: sa.bindparam(f"b_{name}", type_=columns[name].type) for name in plain}})
        )
        names = (*SKU_DETAILS, "size_key", *plain)
        session.execute(
            statement, [{"b_id": row["b_id"], **{f"b_{name}": row[name] for name in names}} for row in changed]
        )


def _details_key(row: ProductRow) -> str:
    text = "\x1f".join(map(str, (*_details_of(row), *row.category_path)))
    return md5(text.encode(), usedforsecurity=False).hexdigest()
