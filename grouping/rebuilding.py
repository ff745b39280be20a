"""Group lists made again from nothing but crawls and decisions, in the order in which these were taken."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grouping.effective import Offer
from grouping.lists import News, apply_news, copy_list, first_looks, read_lines_of, read_list, write_founded
from grouping.news import news_of_one, read_roots
from grouping.offers import history_table, intervals, list_history_table, list_table
from grouping.promoting import promoted_changes
from grouping.sharing import as_news
from grouping.voting import hold_vote
from grouping.withdrawing import take_back
from splitcart.database.models import OFFER_COLUMNS, Coverage, Crawl, GroupEvent, Sku, StoreGroup

LIST_EVENTS = ("listed", "news", "voted", "shared", "withdrawn")


def rebuild_lists(session: Session, company_id: int) -> int:
    """Write the lists of all groups of a company anew, with their history; return how many decisions they took."""
    of_company = sa.select(StoreGroup.id).where(StoreGroup.company_id == company_id)
    for table in (list_table, list_history_table):
        session.execute(sa.delete(table).where(table.c.group_id.in_(of_company)))
    events = session.scalars(
        sa.select(GroupEvent)
        .where(GroupEvent.company_id == company_id, GroupEvent.kind.in_(LIST_EVENTS))
        .order_by(GroupEvent.id)
    ).all()
    for event in events:
        _apply(session, event)
    return len(events)


def _apply(session: Session, event: GroupEvent) -> None:
    group_id, figures = event.group_id or 0, event.figures
    if event.kind == "listed":
        group = session.get_one(StoreGroup, group_id)
        if "from" in figures:
            copy_list(session, group_id, figures["from"], group.category_id or 0)
            return
        seen = {store_id: datetime.fromisoformat(at) for store_id, at in figures["founders"]}
        write_founded(session, group_id, list(seen), _founders_offers(session, seen, group.category_id))
    elif event.kind == "voted":
        hold_vote(session, group_id, figures["ballots"])
    elif event.kind == "shared":
        lines = read_list(session, figures["from"], figures["skus"])
        apply_news(session, group_id, [as_news(sku_id, line) for sku_id, line in lines.items()])
    elif event.kind == "withdrawn":
        crawl = session.get_one(Crawl, event.candidate_crawl_id)
        arrived, unheard = figures.get("arrived", ()), figures.get("unheard", ())
        apply_news(session, group_id, take_back(session, group_id, crawl, figures["skus"], arrived, unheard))
    else:
        crawl = session.get_one(Crawl, event.candidate_crawl_id)
        if still := figures.get("promoted_still"):
            found = promoted_changes(session, group_id, crawl, figures["categories"], datetime.fromisoformat(still))
        else:
            found = _changes_of(session, crawl, figures["categories"])
        standing = read_lines_of(session, group_id, found)
        news = news_of_one(found, standing, read_roots(session, found), flipped=figures["flipped"])
        apply_news(session, group_id, news, standing)


def _founders_offers(session: Session, seen: dict[int, datetime], category_id: int | None) -> Iterable[dict[str, Any]]:
    """The founders' standing offers when each had last been ``seen`` (by row id), as the table of prices had them."""
    for store_id, at in seen.items():
        every = intervals(store_ids=[store_id])
        first = first_looks([store_id], at)
        rows = session.execute(
            sa.select(every, first.c.looked_at)
            .join(Sku, Sku.id == every.c.sku_id)
            .join(first, first.c.category_id == Sku.root_category_id)
            .where(every.c.since <= at)
            .where(sa.true() if category_id is None else Sku.root_category_id == category_id)
            .order_by(every.c.sku_id, every.c.since)
        )
        run: dict[str, Any] | None = None
        for row in rows.mappings():
            goes_on = run is not None and run["sku_id"] == row["sku_id"] and run["until"] == row["since"]
            begun = run["listed_since"] if run is not None and goes_on and run["reason"] == "changed" else row["since"]
            run = {**row, "listed_since": begun}
            if row["until"] is None or row["until"] > at:
                yield run


def _changes_of(session: Session, crawl: Crawl, category_ids: list[int]) -> list[News]:
    """What a crawl changed at its store in some root categories: what it was the first to show, and departures."""
    every = intervals(store_ids=[crawl.store_id or 0])
    shown = session.execute(
        sa.select(every)
        .join(Sku, Sku.id == every.c.sku_id)
        .where(every.c.crawl_id == crawl.id, Sku.root_category_id.in_(category_ids))
    )
    news = [
        News(row["sku_id"], Offer(*(row[name] for name in OFFER_COLUMNS)), row["since"], crawl.id)
        for row in shown.mappings()
    ]
    gone = session.execute(_departures(crawl, category_ids))
    return news + [News(sku_id, None, at, crawl.id) for sku_id, at in gone]


def _departures(crawl: Crawl, category_ids: list[int]) -> sa.Select[Any]:
    return (
        sa.select(history_table.c.sku_id, history_table.c.until)
        .join(Sku, Sku.id == history_table.c.sku_id)
        .join(Coverage, Coverage.category_id == Sku.root_category_id)
        .where(
            history_table.c.store_id == crawl.store_id,
            history_table.c.reason == "left",
            Coverage.crawl_id == crawl.id,
            Coverage.category_id.in_(category_ids),
            history_table.c.until == Coverage.observed_from,
        )
    )
