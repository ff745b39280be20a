"""The diff: one crawl of one store against what is stored of it, as a handful of set-based statements.

What a crawl shows again is not written; what it shows otherwise closes an interval and opens another; what it misses
in a category that it saw completely leaves the shelf. What it saw without a usable offer is a gap: its price is unknown
from then on, until a crawl shows one again. The same statements serve a new file and a replay.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grouping.effective import Offer
from grouping.lists import News
from grouping.offers import history_table, offer_columns, offer_differs, price_table
from splitcart.database.bulk import load, open_scratch, sqlite_key
from splitcart.database.models import OFFER_COLUMNS, Coverage, UtcDateTime
from splitcart.database.partitions import open_months_of
from splitcart.ingest.catalogue import Catalogue
from splitcart.ingest.reading import ParsedCrawl

MAX_PRICE_RATIO = 100  # a price a hundred times the last one is a misread, not a price

_scratch = sa.MetaData()
staged = sa.Table(
    "staged_offers",
    _scratch,
    sa.Column("sku_id", sa.Integer, nullable=False),
    sa.Column("root_category_id", sa.Integer),  # NULL: a line that cannot be read does not say
    sa.Column("available", sa.Boolean),
    sa.Column("price_cents", sa.Integer),  # NULL: seen without a usable offer
    sa.Column("was_cents", sa.Integer),
    sa.Column("unit_price_cents", sa.Integer),
    sa.Column("unit_measure", sa.String(20)),
    sa.Column("special_kind", sa.String(40)),
    sa.Column("multi_buy_quantity", sa.Integer),
    sa.Column("multi_buy_cents", sa.Integer),
    sa.Column("member_cents", sa.Integer),
    sqlite_key("sku_id"),
    prefixes=["TEMPORARY"],
)
changes = sa.Table(
    "offer_changes",
    _scratch,
    sa.Column("sku_id", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(11), nullable=False),  # new, changed, returned, left, gap, implausible, moved
    sa.Column("at", UtcDateTime, nullable=False),
    sqlite_key("sku_id"),
    prefixes=["TEMPORARY"],
)
IMPLAUSIBLE = "implausible"
ENDING = frozenset({"changed", "left", "gap", IMPLAUSIBLE})
_STAGED_COLUMNS = ("sku_id", "root_category_id", "available", *OFFER_COLUMNS)


def merge(session: Session, store_id: int, crawl_id: int, parsed: ParsedCrawl, catalogue: Catalogue) -> dict[str, int]:
    """Merge a crawl (row id) into the prices and the history of its store (row id).

    The crawl's skus must be in the catalogue, and its coverage rows written. Returns counts: created, changed,
    returned, left, unchanged, gaps, implausible.
    """
    open_scratch(session, staged)
    load(session, staged, _STAGED_COLUMNS, _staged_rows(parsed, catalogue))
    _find_changes(session, store_id, crawl_id, _begun(parsed, catalogue))
    rows = session.execute(sa.select(changes.c.kind, sa.func.count()).group_by(changes.c.kind))
    found: dict[str, int] = dict(rows.all())
    _close_intervals(session, store_id, found.keys())
    _write_changes(session, store_id, crawl_id, found.keys())
    implausible = found.get(IMPLAUSIBLE, 0)
    with_offer = sum(row.price_cents is not None for row in parsed.rows)
    shown_otherwise = sum(found.get(kind, 0) for kind in ("new", "changed", "returned", IMPLAUSIBLE))
    return {
        "created": found.get("new", 0),
        "changed": found.get("changed", 0),
        "returned": found.get("returned", 0),
        "left": found.get("left", 0),
        "unchanged": with_offer - shown_otherwise,
        "gaps": len(parsed.rows) - with_offer + len(parsed.gaps & catalogue.skus.keys()) + implausible,
        "implausible": implausible,
    }


def _staged_rows(parsed: ParsedCrawl, catalogue: Catalogue) -> list[tuple[Any, ...]]:
    skus, roots = catalogue.skus, {name: catalogue.categories[(name,)][1] for name in parsed.categories}
    nothing = (None,) * (len(_STAGED_COLUMNS) - 1)
    rows = [
        (skus[row.sku].id, roots[row.root]) + row.stock_and_offer  # noqa: RUF005 - twice as quick
        for row in parsed.rows
    ]
    return rows + [(skus[code].id, *nothing) for code in sorted(parsed.gaps & skus.keys())]


def _begun(parsed: ParsedCrawl, catalogue: Catalogue) -> sa.ColumnElement[datetime]:
    """When the crawl began to look at a staged row's root category."""
    categories = catalogue.categories
    begun = {categories[(name,)][1]: category.observed_from for name, category in parsed.categories.items()}
    start = sa.literal(parsed.observed_from, UtcDateTime)
    return sa.case(begun, value=staged.c.root_category_id, else_=start) if begun else start


def merged_changes(session: Session, crawl_id: int) -> list[News]:
    """Return what the merge that just ran changed, as news of the crawl (row id); a gap is no news."""
    rows = session.execute(
        sa.select(changes.c.sku_id, changes.c.kind, changes.c.at, *offer_columns(staged))
        .join_from(changes, staged, staged.c.sku_id == changes.c.sku_id, isouter=True)
        .where(changes.c.kind.in_(("new", "changed", "returned", "left")))
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


def _later(left: Any, right: Any) -> sa.ColumnElement[Any]:
    return sa.case((left > right, left), else_=right)


def _find_changes(session: Session, store_id: int, crawl_id: int, begun: sa.ColumnElement[datetime]) -> None:
    open_scratch(session, changes)
    mine = sa.and_(price_table.c.store_id == store_id, price_table.c.sku_id == staged.c.sku_id)
    standing_since = sa.func.coalesce(price_table.c.left_at, price_table.c.since, begun)
    shown = (
        sa.select(staged.c.sku_id, _kind(), _later(begun, standing_since).label("at"))
        .join_from(staged, price_table, mine, isouter=True)
        .subquery("shown")
    )
    covered = sa.and_(Coverage.crawl_id == crawl_id, Coverage.category_id == price_table.c.root_category_id)
    missed = (
        sa.select(price_table.c.sku_id, sa.literal("left"), _later(Coverage.observed_from, price_table.c.since))
        .join(Coverage, covered)
        .where(
            price_table.c.store_id == store_id,
            price_table.c.sku_id.not_in(sa.select(staged.c.sku_id)),  # hashed, however little the planner knows
            sa.or_(price_table.c.left_at.is_(None), _ends_in_a_gap()),
        )
    )
    for found in (sa.select(shown).where(shown.c.kind.is_not(None)), missed):
        session.execute(sa.insert(changes).from_select(["sku_id", "kind", "at"], found))


def _kind() -> sa.ColumnElement[str | None]:
    """How a staged row differs from the price that is stored, if it does.

    A price beyond all proportion to the last one becomes a gap: the sku was seen, its offer is not believed. After a
    gap there is nothing to be out of proportion to: what a second crawl shows again is believed.
    """
    has_offer = staged.c.price_cents.is_not(None)
    on_shelf = sa.and_(price_table.c.sku_id.is_not(None), price_table.c.left_at.is_(None))
    out_of_proportion = sa.or_(
        staged.c.price_cents > price_table.c.price_cents * MAX_PRICE_RATIO,
        staged.c.price_cents * MAX_PRICE_RATIO < price_table.c.price_cents,
    )
    moved = sa.or_(
        price_table.c.available.is_distinct_from(staged.c.available), price_table.c.root_category_id != _place()
    )
    return sa.case(
        (sa.and_(has_offer, price_table.c.sku_id.is_(None)), "new"),
        (sa.and_(has_offer, price_table.c.left_at.is_not(None)), "returned"),
        (sa.and_(has_offer, out_of_proportion), IMPLAUSIBLE),
        (sa.and_(has_offer, offer_differs(price_table, staged)), "changed"),
        (sa.and_(sa.not_(has_offer), on_shelf), "gap"),
        (sa.and_(price_table.c.sku_id.is_not(None), moved), "moved"),
    ).label("kind")


def _place() -> sa.ColumnElement[int]:
    return sa.func.coalesce(staged.c.root_category_id, price_table.c.root_category_id)


def _ends_in_a_gap() -> sa.ColumnElement[bool]:
    """The tombstone only says that the price could not be read; a miss says that the sku has gone."""
    return sa.exists().where(
        history_table.c.store_id == price_table.c.store_id,
        history_table.c.sku_id == price_table.c.sku_id,
        history_table.c.until == price_table.c.left_at,
        history_table.c.reason == "gap",
    )


def _close_intervals(session: Session, store_id: int, kinds: Collection[str]) -> None:
    if not ENDING.intersection(kinds):
        return
    open_months_of(session, changes.c.at, changes.c.kind.in_(ENDING))
    reason = sa.case((changes.c.kind == IMPLAUSIBLE, "gap"), else_=changes.c.kind)
    ended = (
        sa.select(
            price_table.c.store_id,
            price_table.c.sku_id,
            price_table.c.since,
            changes.c.at,
            reason,
            price_table.c.crawl_id,
            *offer_columns(price_table),
        )
        .join(changes, changes.c.sku_id == price_table.c.sku_id)
        .where(
            price_table.c.store_id == store_id,
            price_table.c.left_at.is_(None),
            changes.c.kind.in_(ENDING),
            changes.c.at > price_table.c.since,
        )
    )
    columns = ["store_id", "sku_id", "since", "until", "reason", "crawl_id", *OFFER_COLUMNS]
    session.execute(sa.insert(history_table).from_select(columns, ended))


def _write_changes(session: Session, store_id: int, crawl_id: int, kinds: Collection[str]) -> None:
    """Bring the prices to what the changes say; stock and place are kept as last seen, without history."""
    place = {"available": staged.c.available, "root_category_id": _place()}
    offer = {name: staged.c[name] for name in OFFER_COLUMNS} | place
    shown = {"since": changes.c.at, "left_at": sa.null(), "crawl_id": crawl_id, **offer}
    gone = {"left_at": changes.c.at}
    by_kind: dict[str, dict[str, Any]] = {
        "changed": shown,
        "returned": shown | {"listed_since": changes.c.at},
        "gap": gone | place,
        IMPLAUSIBLE: gone | place,
        "moved": place,
    }
    mine = sa.and_(price_table.c.store_id == store_id, price_table.c.sku_id == changes.c.sku_id)
    for kind in sorted(kinds & by_kind.keys()):
        these = sa.and_(mine, changes.c.kind == kind, staged.c.sku_id == changes.c.sku_id)
        session.execute(sa.update(price_table).where(these).values(by_kind[kind]))
    if "left" in kinds:
        session.execute(sa.update(price_table).where(mine, changes.c.kind == "left").values(gone))
    if "new" in kinds:
        _insert_new(session, store_id, crawl_id)


def _insert_new(session: Session, store_id: int, crawl_id: int) -> None:
    columns = ["store_id", "sku_id", "root_category_id", "available", "since", "listed_since", "crawl_id"]
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
    session.execute(sa.insert(price_table).from_select([*columns, *OFFER_COLUMNS], first_seen))
