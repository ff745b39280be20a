"""The Ambassador's own news: what its crawl changed against its previous one enters the list of its group."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grouping.journal import record
from grouping.lists import News, apply_news, worth_telling
from grouping.offers import list_table
from splitcart.config import Chain
from splitcart.database.models import Crawl, Sku, Store, StoreCategory, StoreGroup
from splitcart.measures.local_time import last_change_before, zone_for_state


def take_ambassador_news(
    session: Session,
    chain: Chain,
    store: Store,
    crawl: Crawl,
    read_changes: Callable[[], Sequence[News]],
    seen_before: Mapping[int, datetime],
) -> int:
    """Apply the news of an Ambassador's crawl to the lists that it stands for; return how many lines changed.

    ``read_changes`` gives what the crawl changed at the store; it is asked only for an Ambassador's.
    ``seen_before`` gives the ends of the store's earlier coverage by root category (row ids): what it shows in a
    category that it never covered before is no news. A change of more than ``chain.max_solo_change`` of the list waits
    for a second store; across one of the chain's change times the bound is ``chain.max_flip_change``.
    """
    groups = session.scalars(
        sa.select(StoreGroup)
        .where(StoreGroup.ambassador_id == store.id, StoreGroup.is_active.is_(True))
        .order_by(StoreGroup.id)
    ).all()
    changes = read_changes() if groups else []
    return sum(_take(session, chain, store, crawl, group, changes, seen_before) for group in groups)


def _take(
    session: Session,
    chain: Chain,
    store: Store,
    crawl: Crawl,
    group: StoreGroup,
    changes: Sequence[News],
    seen_before: Mapping[int, datetime],
) -> int:
    speaks_for = sa.select(StoreCategory.category_id).where(
        StoreCategory.store_id == store.id, StoreCategory.group_id == group.id
    )
    roots = set(session.scalars(speaks_for)) & seen_before.keys()
    scope = set(session.scalars(sa.select(Sku.id).where(Sku.root_category_id.in_(roots))))
    news = worth_telling(session, group.id, [item for item in changes if item.sku_id in scope])
    if not news:
        return 0
    length = session.scalar(
        sa.select(sa.func.count()).where(list_table.c.group_id == group.id, list_table.c.left_at.is_(None))
    )
    share = len(news) / max(length or 0, 1)
    flipped = _change_time_between(chain, store, min(seen_before[root] for root in roots), crawl.observed_from)
    many = len(news) >= chain.category_min_different  # fewer are no other list, however short this one is
    waits = many and share > (chain.max_flip_change if flipped else chain.max_solo_change)
    changed = 0 if waits else apply_news(session, group.id, news)
    record(
        session,
        group.company_id,
        "news_waiting" if waits else "news",
        crawl.observed_to,
        group_id=group.id,
        store_id=store.id,
        candidate=crawl.id,
        figures={"lines": len(news) if waits else changed, "share": round(share, 4)},
    )
    return changed


def _change_time_between(chain: Chain, store: Store, begin: datetime, end: datetime) -> bool:
    times = [(change.weekday, change.at) for change in chain.parsed_change_times()]
    last = last_change_before(end, times, zone_for_state(store.state)) if times else None
    return last is not None and last > begin
