"""What one store brought into a list, and another member does not show, was its own: the list takes it back."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grouping.effective import Offer
from grouping.journal import record
from grouping.lists import News, apply_news, offers_before, read_list
from grouping.memberships import unsuspended
from grouping.offers import intervals, list_table, offer_columns, price_table
from splitcart.config import Chain
from splitcart.database.models import OFFER_COLUMNS, Crawl, Sku, StoreGroup


def withdraw_lone_news(
    session: Session, chain: Chain, crawl: Crawl, group: StoreGroup, category_ids: Collection[int]
) -> int:
    """Take back what a crawl of a member contradicts, in root categories that it completed; return how many lines.

    Contradicted is a price that came into the list by another store, at least a roll-out before the crawl, where the
    member stands since before that at what the list said until then; and what another group's list brought in that the
    member does not have. What a second store shows is no store's own any more, and stays.
    """
    brought_by = _brought_lately(session, chain, crawl, group, category_ids)
    if not brought_by:
        return 0
    lines = read_list(session, group.id, brought_by)
    before = offers_before(session, group.id, lines)
    standing = _standing(session, crawl, brought_by)
    members = unsuspended(session, group.id)

    def is_contradicted(sku_id: int) -> bool:
        if sku_id not in before:
            return sku_id not in standing and brought_by[sku_id] not in members
        offer, since = standing.get(sku_id, (None, lines[sku_id].changed_at))
        return offer == before[sku_id] and since <= lines[sku_id].changed_at

    contradicted = [sku_id for sku_id in sorted(brought_by) if is_contradicted(sku_id)]
    voices = _shown_by(session, members, {sku_id: lines[sku_id].offer for sku_id in contradicted})
    alone = [sku_id for sku_id in contradicted if not voices[sku_id] - {brought_by[sku_id]}]
    news = [News(sku_id, before.get(sku_id), crawl.observed_from, crawl.id) for sku_id in alone]
    changed = apply_news(session, group.id, news)
    if changed:
        record(
            session,
            group.company_id,
            "withdrawn",
            crawl.observed_to,
            group_id=group.id,
            store_id=crawl.store_id,
            candidate=crawl.id,
            figures={
                "lines": changed,
                "skus": alone,
                "foreign": [sku for sku in alone if brought_by[sku] not in members],
            },
        )
    return changed


def _brought_lately(
    session: Session, chain: Chain, crawl: Crawl, group: StoreGroup, category_ids: Collection[int]
) -> dict[int, int]:
    """Which other store brought which sku's line (row ids), where every store had the time to show it."""
    source = sa.orm.aliased(Crawl)
    rows = session.execute(
        sa.select(list_table.c.sku_id, source.store_id)
        .join(Sku, Sku.id == list_table.c.sku_id)
        .join(source, source.id == list_table.c.crawl_id)
        .where(
            list_table.c.group_id == group.id,
            list_table.c.left_at.is_(None),
            list_table.c.changed_at > crawl.observed_from - timedelta(days=chain.bracket_days),
            list_table.c.changed_at <= crawl.observed_from - timedelta(hours=chain.roll_out_hours),
            source.store_id != crawl.store_id,
            Sku.root_category_id.in_(category_ids),
        )
    )
    return {sku_id: store_id for sku_id, store_id in rows if store_id is not None}


def _shown_by(session: Session, store_ids: Collection[int], offers: Mapping[int, Offer]) -> dict[int, set[int]]:
    """Which of the stores have these offers on the shelf, by sku (row ids)."""
    found: dict[int, set[int]] = {sku_id: set() for sku_id in offers}
    rows = session.execute(
        sa.select(price_table.c.sku_id, price_table.c.store_id, *offer_columns(price_table)).where(
            price_table.c.store_id.in_(store_ids), price_table.c.sku_id.in_(offers), price_table.c.left_at.is_(None)
        )
    )
    for sku_id, store_id, *offer in rows:
        if Offer(*offer) == offers[sku_id]:
            found[sku_id].add(store_id)
    return found


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
