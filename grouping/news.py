"""An Ambassador's own news: what its crawl changed against its previous one enters the list of its group."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grouping.effective import Offer
from grouping.journal import record
from grouping.lists import ListLine, News, apply_news, read_lines_of, worth_telling
from grouping.moved import count_lines, shows_another_list, stands_apart
from grouping.pace import changes_between
from grouping.withdrawing import withdraw_contradicted
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
        changed += withdraw_contradicted(session, chain, crawl, group, roots & completed)
        told = [item for item in changes if item.sku_id in scope]
        if told:
            since = min(seen_before[root] for root in roots)
            figures = {"categories": sorted(roots)}
            changed += take_news_of_one(session, chain, store, crawl, group, told, since, roots & completed, figures)
    return changed


def take_news_of_one(
    session: Session,
    chain: Chain,
    store: Store,
    crawl: Crawl,
    group: StoreGroup,
    changes: Sequence[News],
    since: datetime,
    completed: Collection[int],
    figures: Mapping[str, object],
    *,
    or_wait: bool = True,
) -> int:
    """Apply what one store's crawl changed since an earlier look to its group's list; return how many lines changed.

    What is more than ``chain.max_solo_change`` of the list in the root categories that the crawl ``completed`` (row
    ids) waits for a second store; across one of the chain's change times promotions do not count, and the bound of all
    is ``chain.max_flip_change``. So does whatever a store tells that may have moved to another list. A markdown may be
    this store's clearance and always waits, but for those of a change time. ``figures`` say for the log which of the
    crawl's changes these are. Unless it is ``or_wait``, what would wait is not logged.
    """
    flipped = changes_between(chain, store.state, since, crawl.observed_from)
    standing = read_lines_of(session, group.id, changes)
    root_of = read_roots(session, changes)
    news = news_of_one(changes, standing, root_of, flipped=flipped)
    if not news:
        return 0
    length = count_lines(session, group.id, {*completed, *(root_of[item.sku_id] for item in news)})
    share = len(news) / max(length, 1)
    lasting = _lasting(news, standing) if flipped else len(news)
    waits = len(news) >= chain.category_min_different and (  # fewer are no other list, however short this one is
        share > chain.max_flip_change
        or lasting > chain.max_solo_change * length
        or shows_another_list(session, group, news, since - timedelta(hours=chain.roll_out_hours))
        or stands_apart(session, chain, store.id, group, news, completed)
    )
    if waits and not or_wait:
        return 0
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


def read_roots(session: Session, changes: Iterable[News]) -> dict[int, int]:
    """The root category of each sku that changes speak of; row ids."""
    sku_ids = [item.sku_id for item in changes]
    return dict(session.execute(sa.select(Sku.id, Sku.root_category_id).where(Sku.id.in_(sku_ids))).all())


def news_of_one(
    changes: Sequence[News], standing: Mapping[int, ListLine], root_of: Mapping[int, int], *, flipped: bool
) -> list[News]:
    """Return what of one store's changes the list (its lines ``standing``) does not say.

    What is a markdown is among them only across a change time, and not in a root category of which the list says most
    of the changes already: whoever told these did not show it.
    """
    news = worth_telling(changes, standing)
    changed = Counter(root_of[sku_id] for sku_id in {item.sku_id for item in changes})
    untold = Counter(root_of[item.sku_id] for item in news)
    silent = {root for root in untold if not flipped or 2 * untold[root] < changed[root]}
    return [
        item for item in news if root_of[item.sku_id] not in silent or not is_markdown(item, standing.get(item.sku_id))
    ]


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
