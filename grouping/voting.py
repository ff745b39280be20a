"""The vote of a check: what most of the comparable confirmed crawls agree on enters the group's list."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grouping.effective import Offer
from grouping.lists import ListLine, News, apply_news, first_looks, is_news, read_list
from grouping.offers import BEFORE_ALL, intervals, list_table, offer_differs
from splitcart.database.bulk import padded
from splitcart.database.models import OFFER_COLUMNS, Coverage, Sku

MAX_ASKED = 1_000  # skus by name; of more, all are read

Voice = tuple[int, int, list[int]]  # a store, a crawl of it, and the categories that it speaks for; row ids
Ballot = list[Voice]  # of a store, or of several that are as good as one


@dataclass(frozen=True, slots=True)
class Sight:
    """What one store's crawl showed of one sku: an offer, or (None) that it is gone though the store had it before.

    ``saw_begin``: the store had been covered before ``since``, so the offer really began there.
    """

    store_id: int
    offer: Offer | None
    since: datetime
    saw_begin: bool
    seen_at: datetime
    crawl_id: int


def read_sights(session: Session, voices: Collection[Voice], sku_ids: Collection[int]) -> list[dict[int, Sight]]:
    """Return what crawls showed of some skus in the categories that each speaks for: by voice, and by sku id."""
    heard = {crawl_id: store_id for store_id, crawl_id, _ in voices}
    asked = {"store_ids": list(heard.values()), "crawl_ids": list(heard)}
    named = len(sku_ids) <= MAX_ASKED
    rows = session.execute(_shown_of(named=named), asked | ({"sku_ids": padded(sku_ids)} if named else {}))
    by_crawl: dict[int, list[Mapping[Any, Any]]] = {crawl_id: [] for crawl_id in heard}
    for row in rows.mappings():
        if row["sku_id"] in sku_ids:
            by_crawl[row["seen_in"]].append(row)
    return [
        _sights(row for row in by_crawl[crawl_id] if row["root_category_id"] in category_ids)
        for _, crawl_id, category_ids in voices
    ]


def _sights(rows: Iterable[Mapping[Any, Any]]) -> dict[int, Sight]:
    """What intervals that had begun, the latest of each sku last, were at the end of their crawl."""
    sights: dict[int, Sight] = {}
    for row in rows:
        gone = row["until"] is not None and row["until"] <= row["observed_to"]
        if gone and row["reason"] == "gap":
            sights.pop(row["sku_id"], None)  # it was there, at a price that nobody could read
            continue
        sights[row["sku_id"]] = Sight(
            store_id=row["store_id"],
            offer=None if gone else Offer(*(row[name] for name in OFFER_COLUMNS)),
            since=row["until"] if gone else row["since"],
            saw_begin=gone or row["since"] > row["looked_at"],
            seen_at=row["observed_to"],
            crawl_id=row["seen_in"],
        )
    return sights


def _when_looked_at(begun: sa.CTE) -> sa.ColumnElement[bool]:
    """The condition that joins intervals with the coverage by the crawls ``crawl_ids``."""
    return sa.and_(
        Coverage.store_id == begun.c.store_id,
        Coverage.category_id == begun.c.root_category_id,
        Coverage.crawl_id.in_(sa.bindparam("crawl_ids", expanding=True)),
        Coverage.observed_to >= begun.c.since,
    )


def _by_itself(rows: sa.Select[Any], name: str) -> sa.CTE:
    """Rows to be made before they are joined: with coverage at once, PostgreSQL would take all of it to be few."""
    return rows.cte(name).prefix_with("MATERIALIZED", dialect="postgresql")


@cache
def _shown_of(*, named: bool) -> sa.Select[Any]:
    """The intervals that had begun when crawls ended, with these; made once, which takes longer than to run it."""
    stores: sa.BindParameter[list[int]] = sa.bindparam("store_ids", expanding=True)
    skus: sa.BindParameter[list[int]] = sa.bindparam("sku_ids", expanding=True)
    every, first = intervals(store_ids=stores), first_looks(stores)
    chosen = sa.select(every, Sku.root_category_id).join(Sku, Sku.id == every.c.sku_id)
    begun = _by_itself(chosen.where(every.c.sku_id.in_(skus)) if named else chosen, "begun")
    first_of = sa.and_(first.c.store_id == begun.c.store_id, first.c.category_id == begun.c.root_category_id)
    return (
        sa.select(begun, first.c.looked_at, Coverage.crawl_id.label("seen_in"), Coverage.observed_to)
        .join_from(begun, Coverage, _when_looked_at(begun))
        .join(first, first_of)
        .order_by(begun.c.sku_id, begun.c.since)
    )


def hold_vote(session: Session, group_id: int, ballots: Sequence[Ballot]) -> int:
    """Let crawls vote on a group's list; return how many lines changed.

    Only the lines on which some voice differs from the list are read, a few of thousands.
    """
    voices = [voice for ballot in ballots for voice in ballot]
    differing = _find_differing(session, group_id, voices) if voices else set()
    if not differing:
        return 0
    sights = iter(read_sights(session, voices, differing))
    shown: list[dict[int, Sight]] = []
    for ballot in ballots:
        shown.append({})
        for _ in ballot:
            shown[-1] |= next(sights)
    standing = read_list(session, group_id, differing)
    return apply_news(session, group_id, vote(standing, shown), standing)


def _find_differing(session: Session, group_id: int, voices: Collection[Voice]) -> set[int]:
    """The skus of which some crawl showed something else than the list says now, or that they are gone."""
    speaks_for: dict[int, set[int]] = {}
    for _, crawl_id, category_ids in voices:
        speaks_for.setdefault(crawl_id, set()).update(category_ids)
    asked = {"group": group_id, "store_ids": [store_id for store_id, _, _ in voices], "crawl_ids": list(speaks_for)}
    rows = session.execute(_differing(), asked)
    return {sku_id for crawl_id, sku_id, category_id in rows if category_id in speaks_for[crawl_id]}


@cache
def _differing() -> sa.Select[Any]:
    """Crawl, sku and root category of what had begun when crawls ended, and was not then what the list says now."""
    every = intervals(store_ids=sa.bindparam("store_ids", expanding=True))
    of_group = sa.and_(list_table.c.group_id == sa.bindparam("group"), list_table.c.sku_id == every.c.sku_id)
    listed = sa.and_(list_table.c.sku_id.is_not(None), list_table.c.left_at.is_(None))
    begun = _by_itself(
        sa.select(
            *(every.c.store_id, every.c.sku_id, every.c.since, every.c.until, Sku.root_category_id),
            sa.and_(listed, sa.not_(offer_differs(every, list_table))).label("is_listed"),
        )
        .join(Sku, Sku.id == every.c.sku_id)
        .join(list_table, of_group, isouter=True),
        "begun",
    )
    other = begun.alias("other")

    def agrees(line: sa.CTE | sa.Alias) -> sa.ColumnElement[bool]:
        stood = sa.or_(line.c.until.is_(None), line.c.until > Coverage.observed_to)
        return sa.and_(line.c.is_listed, line.c.since <= Coverage.observed_to, stood)

    same_sku = other.c.store_id == begun.c.store_id, other.c.sku_id == begun.c.sku_id
    return (
        sa.select(Coverage.crawl_id, begun.c.sku_id, begun.c.root_category_id)
        .join_from(begun, Coverage, _when_looked_at(begun))
        .where(sa.not_(agrees(begun)), ~sa.exists().where(*same_sku, agrees(other)))
    )


def vote(standing: Mapping[int, ListLine], ballots: Iterable[Mapping[int, Sight]]) -> list[News]:
    """Return the news on which most of the comparable confirmed crawls of a check agree.

    A crawl has no say on a line that changed after it looked. A change needs two voices and more than any other offer
    has; a tie keeps the list. The news is dated by the earliest voice for it; what the list lacks and nobody saw begin
    is dated BEFORE_ALL.
    """
    voices: dict[int, list[Sight]] = {}
    for ballot in ballots:
        for sku_id, sight in ballot.items():
            line = standing.get(sku_id)
            if line is None or sight.seen_at >= line.news_at:
                voices.setdefault(sku_id, []).append(sight)
    news = []
    for sku_id, sights in sorted(voices.items()):
        counted = Counter(sight.offer for sight in sights).most_common(2)
        offer, voices_for = counted[0]
        if voices_for < 2 or (len(counted) > 1 and counted[1][1] == voices_for):
            continue
        line = standing.get(sku_id)
        agreeing = [sight for sight in sights if sight.offer == offer]
        first = min(agreeing, key=lambda sight: (not sight.saw_begin, sight.since, sight.crawl_id))
        at = first.since if first.saw_begin else BEFORE_ALL
        if line is not None:
            at = max(min(sight.since for sight in agreeing), line.news_at)
        if is_news(item := News(sku_id, offer, at, first.crawl_id), line):
            news.append(item)
    return news
