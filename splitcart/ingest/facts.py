"""The diff: one crawl of one store against what is stored of it, as a handful of set-based statements.

What a crawl shows again is not written; what it shows otherwise closes an interval and opens another; what it misses
in a category that it saw completely leaves the shelf. What it saw without a usable offer is a gap: its price is unknown
from then on, until a crawl shows one again. The same statements serve a new file and a replay.
"""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grouping.effective import Offer
from grouping.lists import News
from grouping.offers import history_table, offer_columns, offer_differs, price_table
from splitcart.database.bulk import load, open_scratch
from splitcart.database.models import OFFER_COLUMNS, Coverage, UtcDateTime
from splitcart.database.partitions import open_months_of
from splitcart.ingest.catalogue import Catalogue
from splitcart.ingest.reading import ParsedCrawl

MAX_PRICE_RATIO = 100  # a price a hundred times the last one is a misread, not a price

_scratch = sa.MetaData()
staged = sa.Table(
    "staged_offers",
    _scratch,
    sa.Column("sku_id", sa.Integer, primary_key=True),
    sa.Column("observed_from", UtcDateTime, nullable=False),
    sa.Column("root_category_id", sa.Integer),  # NULL: a line that cannot be read does not say
    sa.Column("has_offer", sa.Boolean, nullable=False),
    sa.Column("available", sa.Boolean),
    sa.Column("price_cents", sa.Integer),
    sa.Column("was_cents", sa.Integer),
    sa.Column("unit_price_cents", sa.Integer),
    sa.Column("unit_measure", sa.String(20)),
    sa.Column("special_kind", sa.String(40)),
    sa.Column("multi_buy_quantity", sa.Integer),
    sa.Column("multi_buy_cents", sa.Integer),
    sa.Column("member_cents", sa.Integer),
    prefixes=["TEMPORARY"],
)
changes = sa.Table(
    "offer_changes",
    _scratch,
    sa.Column("sku_id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String(8), nullable=False),  # new, changed, returned, left, gap
    sa.Column("at", UtcDateTime, nullable=False),
    prefixes=["TEMPORARY"],
)
_STAGED_COLUMNS = ("sku_id", "observed_from", "root_category_id", "has_offer", "available", *OFFER_COLUMNS)


def stage(session: Session, parsed: ParsedCrawl, catalogue: Catalogue) -> None:
    """Put a crawl's rows into the scratch table; its skus must be in the catalogue."""
    open_scratch(session, staged)
    load(session, staged, _STAGED_COLUMNS, _staged_rows(parsed, catalogue))


def _staged_rows(parsed: ParsedCrawl, catalogue: Catalogue) -> Iterable[tuple[Any, ...]]:
    begun = {name: category.observed_from for name, category in parsed.categories.items()}
    for row in parsed.rows:
        offer = [getattr(row, name) for name in OFFER_COLUMNS]
        yield (
            catalogue.skus[row.sku].id,
            begun[row.category_path[0]],
            catalogue.root_id(row),
            row.price_cents is not None,
            row.available,
            *offer,
        )
    for code in sorted(parsed.gaps & catalogue.skus.keys()):
        yield (catalogue.skus[code].id, parsed.observed_from, None, False, None, *(None for _ in OFFER_COLUMNS))


def merge(session: Session, store_id: int, crawl_id: int) -> dict[str, int]:
    """Merge the staged crawl (row id) into the store's (row id) prices and history.

    The crawl's coverage rows must be written. Returns counts: created, changed, returned, left, unchanged, gaps,
    implausible.
    """
    implausible = _set_aside_implausible(session, store_id)
    _find_changes(session, store_id, crawl_id)
    _close_intervals(session, store_id)
    _write_changes(session, store_id, crawl_id)
    _refresh_place_and_stock(session, store_id)
    rows = session.execute(sa.select(changes.c.kind, sa.func.count()).group_by(changes.c.kind))
    found: dict[str, int] = dict(rows.all())
    with_offer, gaps = session.execute(
        sa.select(
            sa.func.coalesce(sa.func.sum(sa.case((staged.c.has_offer, 1), else_=0)), 0),
            sa.func.coalesce(sa.func.sum(sa.case((staged.c.has_offer, 0), else_=1)), 0),
        )
    ).one()
    shown_otherwise = sum(found.get(kind, 0) for kind in ("new", "changed", "returned"))
    return {
        "created": found.get("new", 0),
        "changed": found.get("changed", 0),
        "returned": found.get("returned", 0),
        "left": found.get("left", 0),
        "unchanged": with_offer - shown_otherwise,
        "gaps": gaps,
        "implausible": implausible,
    }


def merged_changes(session: Session, crawl_id: int) -> list[News]:
    """Return what the merge that just ran changed, as news of the crawl (row id); a gap is no news."""
    rows = session.execute(
        sa.select(changes.c.sku_id, changes.c.kind, changes.c.at, *offer_columns(staged))
        .join_from(changes, staged, staged.c.sku_id == changes.c.sku_id, isouter=True)
        .where(changes.c.kind != "gap")
        .order_by(changes.c.sku_id)
    )
    return [
        News(
            row["sku_id"],
            None if row["kind"] == "left" else Offer(*(row[name] for name in OFFER_COLUMNS)),
            row["at"],
            crawl_id,
        )
        for row in rows.mappings()
    ]


def _set_aside_implausible(session: Session, store_id: int) -> int:
    """A price beyond all proportion to the last one becomes a gap: the sku was seen, its offer is not believed.

    After a gap there is nothing to be out of proportion to: what a second crawl shows again is believed.
    """
    jumped = (
        sa.select(price_table.c.sku_id)
        .join(staged, staged.c.sku_id == price_table.c.sku_id)
        .where(
            price_table.c.store_id == store_id,
            price_table.c.left_at.is_(None),
            sa.or_(
                staged.c.price_cents > price_table.c.price_cents * MAX_PRICE_RATIO,
                staged.c.price_cents * MAX_PRICE_RATIO < price_table.c.price_cents,
            ),
        )
    )
    found = list(session.scalars(jumped))
    if found:
        session.execute(sa.update(staged).where(staged.c.sku_id.in_(found)).values(has_offer=False))
    return len(found)


def _later(left: Any, right: Any) -> sa.ColumnElement[Any]:
    return sa.case((left > right, left), else_=right)


def _find_changes(session: Session, store_id: int, crawl_id: int) -> None:
    open_scratch(session, changes)
    mine = sa.and_(price_table.c.store_id == store_id, price_table.c.sku_id == staged.c.sku_id)
    standing_since = sa.func.coalesce(price_table.c.left_at, price_table.c.since, staged.c.observed_from)
    shown = (
        sa.select(
            staged.c.sku_id,
            sa.case(
                (price_table.c.sku_id.is_(None), "new"),
                (price_table.c.left_at.is_not(None), "returned"),
                else_="changed",
            ),
            _later(staged.c.observed_from, standing_since),
        )
        .join_from(staged, price_table, mine, isouter=True)
        .where(
            staged.c.has_offer,
            sa.or_(
                price_table.c.sku_id.is_(None), price_table.c.left_at.is_not(None), offer_differs(price_table, staged)
            ),
        )
    )
    covered = sa.and_(Coverage.crawl_id == crawl_id, Coverage.category_id == price_table.c.root_category_id)
    missed = (
        sa.select(price_table.c.sku_id, sa.literal("left"), _later(Coverage.observed_from, price_table.c.since))
        .join(Coverage, covered)
        .join(staged, staged.c.sku_id == price_table.c.sku_id, isouter=True)
        .where(
            price_table.c.store_id == store_id,
            staged.c.sku_id.is_(None),
            sa.or_(price_table.c.left_at.is_(None), _ends_in_a_gap()),
        )
    )
    unknown = (
        sa.select(staged.c.sku_id, sa.literal("gap"), _later(staged.c.observed_from, price_table.c.since))
        .join_from(staged, price_table, mine)
        .where(sa.not_(staged.c.has_offer), price_table.c.left_at.is_(None))
    )
    for found in (shown, missed, unknown):
        session.execute(sa.insert(changes).from_select(["sku_id", "kind", "at"], found))


def _ends_in_a_gap() -> sa.ColumnElement[bool]:
    """The tombstone only says that the price could not be read; a miss says that the sku has gone."""
    return sa.exists().where(
        history_table.c.store_id == price_table.c.store_id,
        history_table.c.sku_id == price_table.c.sku_id,
        history_table.c.until == price_table.c.left_at,
        history_table.c.reason == "gap",
    )


def _close_intervals(session: Session, store_id: int) -> None:
    open_months_of(session, changes.c.at, changes.c.kind.in_(("changed", "left", "gap")))
    ended = (
        sa.select(
            price_table.c.store_id,
            price_table.c.sku_id,
            price_table.c.since,
            changes.c.at,
            changes.c.kind,
            price_table.c.crawl_id,
            *offer_columns(price_table),
        )
        .join(changes, changes.c.sku_id == price_table.c.sku_id)
        .where(
            price_table.c.store_id == store_id,
            price_table.c.left_at.is_(None),
            changes.c.kind.in_(("changed", "left", "gap")),
            changes.c.at > price_table.c.since,
        )
    )
    columns = ["store_id", "sku_id", "since", "until", "reason", "crawl_id", *OFFER_COLUMNS]
    session.execute(sa.insert(history_table).from_select(columns, ended))


def _write_changes(session: Session, store_id: int, crawl_id: int) -> None:
    mine = sa.and_(price_table.c.store_id == store_id, price_table.c.sku_id == changes.c.sku_id)
    session.execute(
        sa.update(price_table).where(mine, changes.c.kind.in_(("left", "gap"))).values(left_at=changes.c.at)
    )
    session.execute(
        sa.update(price_table)
        .where(mine, changes.c.kind.in_(("changed", "returned")), staged.c.sku_id == changes.c.sku_id)
        .values(
            {name: staged.c[name] for name in OFFER_COLUMNS}
            | {
                "since": changes.c.at,
                "listed_since": sa.case((changes.c.kind == "returned", changes.c.at), else_=price_table.c.listed_since),
                "left_at": sa.null(),
                "root_category_id": staged.c.root_category_id,
                "available": staged.c.available,
                "crawl_id": crawl_id,
            }
        )
    )
    first_seen = (
        sa.select(
            sa.literal(store_id),
            staged.c.sku_id,
            staged.c.root_category_id,
            staged.c.available,
            changes.c.at,
            changes.c.at,
            sa.literal(crawl_id),
            *offer_columns(staged),
        )
        .join(changes, changes.c.sku_id == staged.c.sku_id)
        .where(changes.c.kind == "new")
    )
    columns = [
        "store_id",
        "sku_id",
        "root_category_id",
        "available",
        "since",
        "listed_since",
        "crawl_id",
        *OFFER_COLUMNS,
    ]
    session.execute(sa.insert(price_table).from_select(columns, first_seen))


def _refresh_place_and_stock(session: Session, store_id: int) -> None:
    """Stock and the place on the shelf are no part of an offer: they are kept as last seen, without history."""
    place = sa.func.coalesce(staged.c.root_category_id, price_table.c.root_category_id)
    session.execute(
        sa.update(price_table)
        .where(
            price_table.c.store_id == store_id,
            price_table.c.sku_id == staged.c.sku_id,
            sa.or_(
                price_table.c.available.is_distinct_from(staged.c.available), price_table.c.root_category_id != place
            ),
        )
        .values(available=staged.c.available, root_category_id=place)
    )
