"""A group's list: what the group shows, how it is founded, and how news is written into it.

News is what a crawl of the Ambassador changed against that store's own previous crawl (grouping.news), or what most of
the comparable confirmed crawls of a check agree on (grouping.voting). A change of Ambassador alone changes nothing.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grouping.effective import Offer
from grouping.offers import BEFORE_ALL, list_history_table, list_table, price_table
from splitcart.database.bulk import padded
from splitcart.database.models import OFFER_COLUMNS, Coverage, Sku

MAX_ASKED = 500  # skus by name; of more, the whole list is read


class News(NamedTuple):
    """One line of a list changes at ``at``: to ``offer``, or (None) off the shelf; seen in the crawl ``crawl_id``."""

    sku_id: int
    offer: Offer | None
    at: datetime
    crawl_id: int


@dataclass(frozen=True, slots=True)
class ListLine:
    """One line of a group's list as it stands; ``left_at`` set: off the shelf since then."""

    offer: Offer
    changed_at: datetime
    listed_from: datetime
    left_at: datetime | None
    crawl_id: int

    @property
    def news_at(self) -> datetime:
        """When the line last changed in any way."""
        return max(self.changed_at, self.left_at) if self.left_at else self.changed_at


def read_list(session: Session, group_id: int, sku_ids: Collection[int] | None = None) -> dict[int, ListLine]:
    """Return a group's list by sku id, tombstones included; ``sku_ids`` restricts it."""
    query = sa.select(list_table).where(list_table.c.group_id == group_id)
    asked = None if sku_ids is None else set(sku_ids)
    if asked is not None and len(asked) < MAX_ASKED:
        query = query.where(list_table.c.sku_id.in_(padded(asked)))
    return {
        row["sku_id"]: ListLine(
            Offer(*(row[name] for name in OFFER_COLUMNS)),
            row["changed_at"],
            row["listed_from"],
            row["left_at"],
            row["crawl_id"],
        )
        for row in session.execute(query).mappings()
        if asked is None or row["sku_id"] in asked
    }


def offers_before(
    session: Session, group_id: int, lines: Mapping[int, ListLine], unheard: Collection[int] = ()
) -> dict[int, Offer]:
    """What a group's list said of each of its lines until it changed, where it said anything.

    What it said by the crawls ``unheard`` (row ids) counts for nothing: of these lines it is what stood before that.
    """
    rows = session.execute(
        sa.select(list_history_table).where(
            list_history_table.c.group_id == group_id, list_history_table.c.sku_id.in_(lines)
        )
    )
    ended = {(row["sku_id"], row["until"]): row for row in rows.mappings()}
    found = {}
    for sku_id, line in lines.items():
        row = ended.get((sku_id, line.news_at))
        while row is not None and row["crawl_id"] in unheard:
            row = ended.get((sku_id, row["since"]))
        if row is not None:
            found[sku_id] = Offer(*(row[name] for name in OFFER_COLUMNS))
    return found


def read_lines_of(session: Session, group_id: int, news: Iterable[News]) -> dict[int, ListLine]:
    """Return the lines of a group's list that some news speaks of, by sku id."""
    sku_ids = {item.sku_id for item in news}
    return read_list(session, group_id, sku_ids) if sku_ids else {}


def worth_telling(news: Iterable[News], standing: Mapping[int, ListLine]) -> list[News]:
    """Return, of each sku's last news, what says something else than the list (its lines ``standing``) says already."""
    latest = {item.sku_id: item for item in sorted(news, key=lambda item: (item.at, item.crawl_id))}
    return [item for sku_id, item in sorted(latest.items()) if is_news(item, standing.get(sku_id))]


def apply_news(
    session: Session, group_id: int, news: Collection[News], standing: Mapping[int, ListLine] | None = None
) -> int:
    """Write news into the list and close the intervals that it ends; return how many lines changed.

    News that is older than the line it speaks of, or says what the line says already, changes nothing. ``standing`` are
    the lines that the news speaks of, where they were read just now.
    """
    if standing is None:
        standing = read_lines_of(session, group_id, news)
    changes = worth_telling(news, standing)
    if not changes:
        return 0
    closed = [
        _history_row(group_id, item, line)
        for item in changes
        if (line := standing.get(item.sku_id)) and line.left_at is None and line.changed_at < item.at
    ]
    if closed:
        session.execute(sa.insert(list_history_table), closed)
    gone = [{"at": item.at, "sku": item.sku_id, "crawl": item.crawl_id} for item in changes if item.offer is None]
    if gone:
        session.execute(
            sa.update(list_table)
            .where(list_table.c.group_id == group_id, list_table.c.sku_id == sa.bindparam("sku"))
            .values(left_at=sa.bindparam("at"), crawl_id=sa.bindparam("crawl")),
            gone,
        )
    shown = [item for item in changes if item.offer is not None]
    if shown:
        session.execute(
            sa.delete(list_table).where(list_table.c.group_id == group_id, list_table.c.sku_id == sa.bindparam("sku")),
            [{"sku": item.sku_id} for item in shown],
        )
        session.execute(sa.insert(list_table), [_list_row(group_id, item, standing.get(item.sku_id)) for item in shown])
    return len(changes)


def is_news(item: News, line: ListLine | None) -> bool:
    """Whether news says something else, and not earlier, than a line of the list as it stands (None: no line)."""
    if line is None:
        return item.offer is not None
    if item.at < line.news_at:
        return False
    if item.offer is None:
        return line.left_at is None
    return line.left_at is not None or line.offer != item.offer


def _history_row(group_id: int, item: News, line: ListLine) -> dict[str, Any]:
    return {
        "group_id": group_id,
        "sku_id": item.sku_id,
        "since": line.changed_at,
        "until": item.at,
        "listed_from": line.listed_from,
        "reason": "left" if item.offer is None else "changed",
        "crawl_id": line.crawl_id,
        **line.offer._asdict(),
    }


def _list_row(group_id: int, item: News, line: ListLine | None) -> dict[str, Any]:
    if item.offer is None:
        raise ValueError(f"sku {item.sku_id} has no offer to list")
    return {
        "group_id": group_id,
        "sku_id": item.sku_id,
        "changed_at": item.at,
        "listed_from": line.listed_from if line and line.left_at is None else item.at,
        "left_at": None,
        "crawl_id": item.crawl_id,
        **item.offer._asdict(),
    }


def found_list(session: Session, group_id: int, founders: list[int], category_id: int | None = None) -> int:
    """Start a group's list from what most of its founders (row ids, Ambassador first) show; return its length.

    ``category_id``: the root category that the group is about (None: all).
    Absence is no vote, since no founder's past is asked; a tie goes to the earlier founder. Each line takes the
    earliest ``since`` and ``listed_since`` of the founders that saw it begin. What all of them found standing when they
    were first looked at is dated BEFORE_ALL: where a member differs from it, that is no news but its own deviation.
    """
    first = first_looks(founders)
    rows = session.execute(
        sa.select(price_table, first.c.looked_at)
        .join(Sku, Sku.id == price_table.c.sku_id)
        .join(first, sa.and_(first.c.store_id == price_table.c.store_id, first.c.category_id == Sku.root_category_id))
        .where(price_table.c.store_id.in_(founders), price_table.c.left_at.is_(None))
        .where(sa.true() if category_id is None else Sku.root_category_id == category_id)
    )
    return write_founded(session, group_id, founders, rows.mappings())


def write_founded(session: Session, group_id: int, founders: list[int], rows: Iterable[Mapping[Any, Any]]) -> int:
    """Write the first list of a group from rows of its founders' offers, each with when its category was looked at."""
    shown: dict[int, list[Any]] = {}
    for row in rows:
        shown.setdefault(row["sku_id"], []).append(row)
    lines = [_founded_line(group_id, sku_id, rows, founders) for sku_id, rows in sorted(shown.items())]
    if lines:
        session.execute(sa.insert(list_table), lines)
    return len(lines)


def copy_list(session: Session, group_id: int, other_id: int, category_id: int) -> None:
    """Start a category group's list as another group's stands in that root category (row ids), with its history."""
    for table in (list_table, list_history_table):
        columns = [column for column in table.c if column.name != "group_id"]
        lines = sa.select(sa.literal(group_id), *columns).join(Sku, Sku.id == table.c.sku_id)
        lines = lines.where(table.c.group_id == other_id, Sku.root_category_id == category_id)
        session.execute(sa.insert(table).from_select(["group_id", *columns], lines))


def first_looks(store_ids: list[int] | sa.BindParameter[Any], until: datetime | None = None) -> sa.Subquery:
    """When each store's (row id) categories were first covered: what stood there then, nobody saw begin."""
    return (
        sa.select(Coverage.store_id, Coverage.category_id, sa.func.min(Coverage.observed_from).label("looked_at"))
        .where(Coverage.store_id.in_(store_ids), sa.true() if until is None else Coverage.observed_to <= until)
        .group_by(Coverage.store_id, Coverage.category_id)
        .subquery("first_looks")
    )


def _founded_line(group_id: int, sku_id: int, rows: list[Any], founders: list[int]) -> dict[str, Any]:
    rows.sort(key=lambda row: founders.index(row["store_id"]))
    votes = Counter(tuple(row[name] for name in OFFER_COLUMNS) for row in rows)
    offer = votes.most_common(1)[0][0]  # of equals the one counted first, which is the earliest founder's
    agreeing = [row for row in rows if tuple(row[name] for name in OFFER_COLUMNS) == offer]
    return {
        "group_id": group_id,
        "sku_id": sku_id,
        "changed_at": _begin(agreeing, "since"),
        "listed_from": _begin(agreeing, "listed_since"),
        "left_at": None,
        "crawl_id": agreeing[0]["crawl_id"],
        **dict(zip(OFFER_COLUMNS, offer, strict=True)),
    }


def _begin(rows: list[Any], column: str) -> datetime:
    return min((row[column] for row in rows if row[column] > row["looked_at"]), default=BEFORE_ALL)
