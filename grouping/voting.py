"""The vote of a check: what most of the comparable confirmed crawls agree on enters the group's list."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grouping.effective import Offer
from grouping.lists import ListLine, News, apply_news, first_looks, is_news, read_list
from grouping.offers import BEFORE_ALL, intervals, list_table, offer_differs
from splitcart.database.models import OFFER_COLUMNS, Coverage, Sku

MAX_ASKED = 1_000  # skus by name; of more, all are read

# One voice of a check: crawls of a store, or of several that are as good as one, as (store, crawl, categories that it
# speaks for); row ids.
Ballot = list[tuple[int, int, list[int]]]


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


def read_sights(
    session: Session, store_id: int, crawl_id: int, category_ids: Collection[int], sku_ids: Collection[int]
) -> dict[int, Sight]:
    """Return what a crawl (row id) of a store showed of some skus in categories that it completed, by sku id."""
    window = _window(crawl_id, category_ids)
    first = first_looks([store_id])
    every = intervals(store_ids=[store_id])
    rows = session.execute(
        sa.select(every, window.c.observed_to, first.c.looked_at)
        .join(Sku, Sku.id == every.c.sku_id)
        .join(window, window.c.category_id == Sku.root_category_id)
        .join(first, first.c.category_id == Sku.root_category_id)
        .where(every.c.since <= window.c.observed_to)
        .where(every.c.sku_id.in_(sku_ids) if len(sku_ids) <= MAX_ASKED else sa.true())
        .order_by(every.c.sku_id, every.c.since)
    )
    sights: dict[int, Sight] = {}
    for row in rows.mappings():
        if row["sku_id"] not in sku_ids:
            continue
        gone = row["until"] is not None and row["until"] <= row["observed_to"]
        if gone and row["reason"] == "gap":
            sights.pop(row["sku_id"], None)  # it was there, at a price that nobody could read
            continue
        sights[row["sku_id"]] = Sight(
            store_id=store_id,
            offer=None if gone else Offer(*(row[name] for name in OFFER_COLUMNS)),
            since=row["until"] if gone else row["since"],
            saw_begin=gone or row["since"] > row["looked_at"],
            seen_at=row["observed_to"],
            crawl_id=crawl_id,
        )
    return sights


def hold_vote(session: Session, group_id: int, ballots: Sequence[Ballot]) -> int:
    """Let crawls vote on a group's list; return how many lines changed.

    Only the lines on which some voice differs from the list are read, a few of thousands.
    """
    voices = [voice for ballot in ballots for voice in ballot]
    differing = {sku_id for voice in voices for sku_id in session.scalars(_differing(group_id, *voice))}
    if not differing:
        return 0
    shown: list[dict[int, Sight]] = []
    for ballot in ballots:
        shown.append({})
        for store_id, crawl_id, category_ids in ballot:
            shown[-1] |= read_sights(session, store_id, crawl_id, category_ids, differing)
    standing = read_list(session, group_id, differing)
    return apply_news(session, group_id, vote(standing, shown), standing)


def _differing(group_id: int, store_id: int, crawl_id: int, category_ids: Collection[int]) -> sa.CompoundSelect[int]:
    """The skus of which a crawl showed something else than the list says now, or that they are gone."""
    window = _window(crawl_id, category_ids)
    every = intervals(store_ids=[store_id])
    shown = (
        sa.select(every.c.sku_id)
        .join(Sku, Sku.id == every.c.sku_id)
        .join(window, window.c.category_id == Sku.root_category_id)
        .where(every.c.since <= window.c.observed_to)
    )
    of_group = sa.and_(list_table.c.group_id == group_id, list_table.c.sku_id == every.c.sku_id)
    agreeing = shown.join(list_table, of_group).where(
        sa.or_(every.c.until.is_(None), every.c.until > window.c.observed_to),
        list_table.c.left_at.is_(None),
        sa.not_(offer_differs(every, list_table)),
    )
    return sa.except_(shown, agreeing)


def _window(crawl_id: int, category_ids: Collection[int]) -> sa.Subquery:
    return (
        sa.select(Coverage.category_id, Coverage.observed_from, Coverage.observed_to)
        .where(Coverage.crawl_id == crawl_id, Coverage.category_id.in_(category_ids))
        .subquery("window")
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
