"""What must hold of a database, asked of all its rows: ``splitcart db check``."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.orm import Session, aliased

from grouping.memberships import STORE_CATEGORY_COLUMNS, derived_store_categories
from grouping.offers import history_table, price_table
from splitcart.database import Base
from splitcart.database.models import Category, Company, Coverage, Crawl, Sku, Store, StoreCategory
from splitcart.database.partitions import is_no_partition

EXAMPLES = 5
MAX_NAMED = 10  # stores in one command line
RESTORE = "restore the database from a backup, or run splitcart db replay --all on an empty one"
RESTORE_FILES = "restore ingested/ from a backup"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: how many rows or files, the first few of them, and what to run."""

    check: str
    problems: int = 0
    examples: list[str] = field(default_factory=list)
    run: str | None = None


Check = Callable[[Session], Finding]


def check_database(session: Session, data_dir: Path | None) -> Iterator[Finding]:
    """Make every check, one finding each; the kept files are read where ``data_dir`` says where they are.

    A schema that differs from the models ends it: the other checks could not be asked.
    """
    schema = _schema(session)
    yield schema
    if schema.problems:
        return
    for check in (_overlaps, _backwards, _tombstones, _strays, _roots, _coverage, _store_categories, _references):
        yield check(session)
    if data_dir is not None:
        yield _files(session, data_dir)


def _schema(session: Session) -> Finding:
    context = MigrationContext.configure(session.connection(), opts={"include_name": is_no_partition})
    differences = [_difference(each) for each in compare_metadata(context, Base.metadata)]
    return _finding("tables and columns are those of this program", differences, RESTORE)


def _difference(step: Any) -> str:
    """One step of Alembic's comparison in words: ``add_column prices.since``."""
    step = step[0] if isinstance(step, list) else step
    names = [part.name if hasattr(part, "name") else part for part in step[1:]]
    return " ".join(str(each) for each in (step[0], *names) if isinstance(each, str))


def _overlaps(session: Session) -> Finding:
    """Intervals of one sku at one store, the standing offer included, follow one another."""
    nothing = sa.cast(sa.null(), history_table.c.until.type).label("until")
    every = sa.union_all(
        sa.select(price_table.c.store_id, price_table.c.sku_id, price_table.c.since, nothing).where(
            price_table.c.left_at.is_(None)
        ),
        sa.select(history_table.c.store_id, history_table.c.sku_id, history_table.c.since, history_table.c.until),
    ).subquery("every")
    following = sa.func.lead(every.c.since).over(
        partition_by=(every.c.store_id, every.c.sku_id), order_by=(every.c.since, every.c.until)
    )
    ordered = sa.select(every, following.label("following")).subquery("ordered")
    wrong = sa.select(ordered.c.store_id, ordered.c.sku_id).where(
        ordered.c.following.is_not(None), sa.or_(ordered.c.until.is_(None), ordered.c.following < ordered.c.until)
    )
    return _about_shelves(session, "intervals do not overlap, and a standing offer begins after its history", wrong)


def _backwards(session: Session) -> Finding:
    wrong = sa.select(history_table.c.store_id, history_table.c.sku_id).where(
        history_table.c.since >= history_table.c.until
    )
    return _about_shelves(session, "an interval ends after it begins", wrong)


def _tombstones(session: Session) -> Finding:
    ended = (
        sa.select(history_table.c.store_id, history_table.c.sku_id, sa.func.max(history_table.c.until).label("until"))
        .group_by(history_table.c.store_id, history_table.c.sku_id)
        .subquery("ended")
    )
    same = sa.and_(ended.c.store_id == price_table.c.store_id, ended.c.sku_id == price_table.c.sku_id)
    wrong = (
        sa.select(price_table.c.store_id, price_table.c.sku_id)
        .join(ended, same)
        .where(price_table.c.left_at < ended.c.until)
    )
    return _about_shelves(session, "what left the shelf left it after its history", wrong)


def _strays(session: Session) -> Finding:
    """Prices and their history have no foreign keys (docs/decisions/0018-no-foreign-keys-under-prices.md)."""
    named: dict[str, type[Store | Sku | Crawl | Category]] = {
        "store_id": Store,
        "sku_id": Sku,
        "crawl_id": Crawl,
        "root_category_id": Category,
    }
    rows: list[str] = []
    for table in (price_table, history_table):
        for key in [column for column in table.c if column.name in named]:
            model = named[key.name]
            known = sa.select(model.id).where(model.id == key).exists()
            found = session.scalars(sa.select(key).where(~known).distinct())
            rows += [f"{table.name}.{key.name} {value}" for value in found]
    return _finding("prices and their history point at rows that exist", rows, RESTORE)


def _roots(session: Session) -> Finding:
    root = aliased(Category, name="root")
    wrong = (
        sa.select(Company.slug, Sku.code)
        .join_from(Sku, Company, Company.id == Sku.company_id)
        .join(root, root.id == Sku.root_category_id, isouter=True)
        .where(sa.or_(root.id.is_(None), root.root_id.is_not(None), root.company_id != Sku.company_id))
    )
    rows = [f"{slug} sku {code}" for slug, code in session.execute(wrong.order_by(Company.slug, Sku.code))]
    return _finding("every sku has a root category of its chain", rows, RESTORE)


def _coverage(session: Session) -> Finding:
    wrong = (
        sa.select(Crawl.crawl_id, Category.path)
        .join_from(Coverage, Crawl, Crawl.id == Coverage.crawl_id)
        .join(Category, Category.id == Coverage.category_id)
        .where(
            sa.or_(
                Category.root_id.is_not(None),
                Crawl.store_id.is_distinct_from(Coverage.store_id),
                Coverage.observed_to < Coverage.observed_from,
            )
        )
    )
    rows = [f"{crawl_id} {path}" for crawl_id, path in session.execute(wrong)]
    return _finding("coverage is of root categories, by a crawl of the store", rows, RESTORE)


def _store_categories(session: Session) -> Finding:
    derived = derived_store_categories()
    stored = sa.select(*(getattr(StoreCategory, name) for name in STORE_CATEGORY_COLUMNS))
    stores: set[int] = set()
    for left, right in ((derived, stored), (stored, derived)):
        differing = sa.except_(left, right).subquery("differing")
        stores |= set(session.scalars(sa.select(differing.c.store_id).distinct()))
    return _about_stores(session, "store_categories is what coverage and memberships give", stores)


def _references(session: Session) -> Finding:
    """PostgreSQL enforces foreign keys at every moment; SQLite only for connections that ask for it."""
    rows: list[str] = []
    if session.get_bind().dialect.name == "sqlite":
        broken = session.execute(sa.text("PRAGMA foreign_key_check")).all()
        rows = [f"{row[0]} → {row[2]}" for row in broken]
        rows += [text for text in session.scalars(sa.text("PRAGMA quick_check")) if text != "ok"]
    return _finding("no row points at another that is not there", rows, RESTORE)


def _files(session: Session, data_dir: Path) -> Finding:
    rows = []
    for name, sha256 in session.execute(sa.select(Crawl.file, Crawl.sha256).order_by(Crawl.file)):
        path = data_dir / name
        if not path.is_file():
            rows.append(f"{name}: missing")
        else:
            with path.open("rb") as file:
                if file_digest(file, "sha256").hexdigest() != sha256:
                    rows.append(f"{name}: other bytes than were taken in")
    return _finding("every crawl's file is kept", rows, RESTORE_FILES)


def _about_shelves(session: Session, check: str, wrong: sa.Select[Any]) -> Finding:
    """A finding about (store, sku) pairs, which a replay of the stores puts right."""
    pairs = wrong.distinct().subquery("pairs")
    named = (
        sa.select(Company.slug, Store.store_id, Sku.code)
        .join_from(pairs, Store, Store.id == pairs.c.store_id)
        .join(Company, Company.id == Store.company_id)
        .join(Sku, Sku.id == pairs.c.sku_id)
        .order_by(Company.slug, Store.store_id, Sku.code)
    )
    rows = session.execute(named).all()
    stores = sorted({f"{slug}/{store_id}" for slug, store_id, _ in rows})
    texts = [f"{slug}/{store_id} sku {code}" for slug, store_id, code in rows]
    return _finding(check, texts, _replay(stores))


def _about_stores(session: Session, check: str, row_ids: set[int]) -> Finding:
    named = sa.select(Company.slug, Store.store_id).join_from(Store, Company).where(Store.id.in_(row_ids))
    texts = sorted(f"{slug}/{store_id}" for slug, store_id in session.execute(named))
    return _finding(check, texts, _replay(texts))


def _replay(stores: list[str]) -> str:
    return f"splitcart db replay {' '.join(stores) if len(stores) <= MAX_NAMED else '--all'}"


def _finding(check: str, rows: list[str], run: str) -> Finding:
    return Finding(check, len(rows), rows[:EXAMPLES], run if rows else None)
