"""A markdown that another member does not show was a store's own clearance: the list takes it back."""

from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grouping.effective import Offer
from grouping.journal import record
from grouping.lists import News, apply_news, offers_before, read_list
from grouping.offers import intervals, list_table
from splitcart.config import Chain
from splitcart.database.models import OFFER_COLUMNS, Crawl, Sku, StoreGroup


def withdraw_markdowns(
    session: Session, chain: Chain, crawl: Crawl, group: StoreGroup, category_ids: Collection[int]
) -> int:
    """Take back what a crawl of a member contradicts, in root categories that it completed; return how many lines.

    Contradicted is a markdown that came into the list by another store, at least a roll-out before the crawl, where
    the member stands since before that at what the list said until then.
    """
    source = sa.orm.aliased(Crawl)
    doubtful = session.scalars(
        sa.select(list_table.c.sku_id)
        .join(Sku, Sku.id == list_table.c.sku_id)
        .join(source, source.id == list_table.c.crawl_id)
        .where(
            list_table.c.group_id == group.id,
            list_table.c.was_cents > list_table.c.price_cents,
            list_table.c.left_at.is_(None),
            list_table.c.changed_at > crawl.observed_from - timedelta(days=chain.bracket_days),
            list_table.c.changed_at <= crawl.observed_from - timedelta(hours=chain.roll_out_hours),
            source.store_id != crawl.store_id,
            Sku.root_category_id.in_(category_ids),
        )
    ).all()
    if not doubtful:
        return 0
    lines = read_list(session, group.id, doubtful)
    before = offers_before(session, group.id, lines)
    standing = _standing(session, crawl, before)
    contradicted = [
        sku_id
        for sku_id, (offer, since) in standing.items()
        if offer == before[sku_id] and since <= lines[sku_id].changed_at
    ]
    news = [News(sku_id, before[sku_id], crawl.observed_from, crawl.id) for sku_id in sorted(contradicted)]
    changed = apply_news(session, group.id, news, lines)
    if changed:
        record(
            session,
            group.company_id,
            "withdrawn",
            crawl.observed_to,
            group_id=group.id,
            store_id=crawl.store_id,
            candidate=crawl.id,
            figures={"lines": changed, "skus": sorted(contradicted)},
        )
    return changed


def _standing(session: Session, crawl: Crawl, sku_ids: Collection[int]) -> dict[int, tuple[Offer, datetime]]:
    every = intervals(store_ids=[crawl.store_id or 0])
    rows = session.execute(
        sa.select(every).where(
            every.c.sku_id.in_(sku_ids),
            every.c.since <= crawl.observed_to,
            sa.or_(every.c.until.is_(None), every.c.until > crawl.observed_to),
        )
    )
    return {row["sku_id"]: (Offer(*(row[name] for name in OFFER_COLUMNS)), row["since"]) for row in rows.mappings()}
