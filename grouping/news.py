"""An Ambassador's own news: what its crawl changed against its previous one enters the list of its group."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grouping.effective import Offer
from grouping.journal import record
from grouping.lists import ListLine, News, apply_news, read_lines_of, worth_telling
from grouping.offers import list_table
from grouping.pace import changes_between
from grouping.withdrawing import withdraw_markdowns
from splitcart.config import Chain
from splitcart.database.models import Coverage, Crawl, Sku, Store, StoreCategory, StoreGroup


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
    category that it never covered before is no news.
    """
    groups = session.scalars(
        sa.select(StoreGroup)
        .where(StoreGroup.ambassador_id == store.id, StoreGroup.is_active.is_(True))
        .order_by(StoreGroup.id)
    ).all()
    changes = read_changes() if groups else []
    completed = set(session.scalars(sa.select(Coverage.category_id).where(Coverage.crawl_id == crawl.id)))
    changed = 0
    for group in groups:
        speaks_for = sa.select(StoreCategory.category_id).where(
            StoreCategory.store_id == store.id, StoreCategory.group_id == group.id
        )
        roots = set(session.scalars(speaks_for)) & seen_before.keys()
        scope = set(session.scalars(sa.select(Sku.id).where(Sku.root_category_id.in_(roots))))
        changed += withdraw_markdowns(session, chain, crawl, group, roots & completed)
        told = [item for item in changes if item.sku_id in scope]
        if told:
            since = min(seen_before[root] for root in roots)
            changed += take_news_of_one(session, chain, store, crawl, group, told, since, {"categories": sorted(roots)})
    return changed


def take_news_of_one(
    session: Session,
    chain: Chain,
    store: Store,
    crawl: Crawl,
    group: StoreGroup,
    changes: Sequence[News],
    since: datetime,
    figures: Mapping[str, object],
) -> int:
    """Apply what one store's crawl changed since an earlier look to its group's list; return how many lines changed.

    A change of more than ``chain.max_solo_change`` of the list waits for a second store. Across one of the chain's
    change times promotions do not count, and the bound of all is ``chain.max_flip_change``. A markdown at no change
    time may be this store's clearance and always waits. ``figures`` say for the log which of the crawl's changes these
    are.
    """
    flipped = changes_between(chain, store.state, since, crawl.observed_from)
    standing = read_lines_of(session, group.id, changes)
    news = news_of_one(changes, standing, flipped=flipped)
    if not news:
        return 0
    length = session.scalar(
        sa.select(sa.func.count()).where(list_table.c.group_id == group.id, list_table.c.left_at.is_(None))
    )
    share = len(news) / max(length or 0, 1)
    lasting = _lasting(news, standing) if flipped else len(news)
    waits = share > chain.max_flip_change or lasting > chain.max_solo_change * (length or 0)
    waits = waits and len(news) >= chain.category_min_different  # fewer are no other list, however short this one is
    changed = 0 if waits else apply_news(session, group.id, news, standing)
    record(
        session,
        group.company_id,
        "news_waiting" if waits else "news",
        crawl.observed_to,
        group_id=group.id,
        store_id=store.id,
        candidate=crawl.id,
        figures={
            "lines": len(news) if waits else changed,
            "share": round(share, 4),
            "flipped": flipped,
            **figures,
        },
    )
    return changed


def news_of_one(changes: Iterable[News], standing: Mapping[int, ListLine], *, flipped: bool) -> list[News]:
    """Return what of one store's changes the list (its lines ``standing``) does not say.

    What is a markdown is among them only across a change time.
    """
    news = worth_telling(changes, standing)
    if flipped:
        return news
    return [item for item in news if not is_markdown(item, standing.get(item.sku_id))]


def _lasting(news: list[News], standing: Mapping[int, ListLine]) -> int:
    """How much of the news is more than a promotion that begins or ends: the regular price, or the shelf, changes."""
    lines = ((item.offer, standing.get(item.sku_id)) for item in news)
    return sum(
        offer is None or line is None or line.left_at is not None or _regular(offer) != _regular(line.offer)
        for offer, line in lines
    )


def _regular(offer: Offer) -> int:
    return offer.price_cents if offer.was_cents is None else offer.was_cents


def is_markdown(item: News, line: ListLine | None) -> bool:
    """Whether the news is a reduction from what the list says, marked as one."""
    if line is None or line.left_at is not None or item.offer is None or item.offer.was_cents is None:
        return False
    return item.offer.price_cents < line.offer.price_cents
