"""A member's own news: what changed at it while the list stood still, brought as Ambassador or by a crawl left open."""

from collections.abc import Collection, Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grouping.choosing import Moment
from grouping.lists import News, read_list
from grouping.news import take_news_of_one
from grouping.offers import intervals
from grouping.references import Step, has_told
from grouping.verdict import Snapshot
from grouping.voting import read_sights
from splitcart.database.models import Crawl, Store, StoreGroup


def take_promoted_news(step: Step, group: StoreGroup, shown: Snapshot, moments: Collection[Moment]) -> int:
    """Apply what the new Ambassador's crawl was the first of its own to show; return how many lines changed.

    Its next crawl will differ from this one only in what is newer still, so this is heard now or never. ``moments`` are
    the crawls that spoke for the group before it.
    """
    heard = [moment.observed_from for moment in moments if moment.observed_to <= shown.observed_from]
    return _take_own_news(step, group, shown, moments, max(heard), or_wait=True) if heard else 0


def take_open_news(step: Step, group: StoreGroup, shown: Snapshot, moments: Collection[Moment]) -> int:
    """Apply the news of a member's crawl without a verdict, the last that was made of its group; return changed lines.

    What is more than one store may tell is left to the verdict.
    """
    heard = [moment.observed_from for moment in moments if moment.observed_to <= shown.observed_from]
    if len(heard) < len(moments) or not heard or has_told(step, group.id, shown.crawl_id):
        return 0
    return _take_own_news(step, group, shown, moments, max(heard), or_wait=False)


def _take_own_news(
    step: Step, group: StoreGroup, shown: Snapshot, moments: Iterable[Moment], since: datetime, *, or_wait: bool
) -> int:
    """Apply what a crawl was the first of its store to show.

    A line that changed within a roll-out before the crawl is left as it is: there the store may be late.
    """
    store_id = shown.store_id or 0
    speaks_for = sorted(shown.prices.completed - step.exceptions([store_id]).get(store_id, frozenset()))
    stores = {store_id, *(moment.store_id for moment in moments)}
    still = shown.observed_from - step.roll_out(stores, shown.observed_from)
    crawl, store = step.session.get_one(Crawl, shown.crawl_id), step.session.get_one(Store, store_id)
    changes = promoted_changes(step.session, group.id, crawl, speaks_for, still)
    figures = {"categories": speaks_for, "promoted_still": still.isoformat()}
    changed = take_news_of_one(
        step.session, step.chain, store, crawl, group, changes, since, speaks_for, figures, or_wait=or_wait
    )
    if changed:
        step.snapshots.forget_list(group.id)
    return changed


def promoted_changes(
    session: Session, group_id: int, crawl: Crawl, category_ids: Collection[int], still: datetime
) -> list[News]:
    """What a crawl was the first of its store to show, on lines of the list that stand since ``still`` or longer."""
    store_id = crawl.store_id or 0
    every = intervals(store_ids=[store_id])
    changed = sa.select(every.c.sku_id).where(
        sa.or_(every.c.since >= crawl.observed_from, every.c.until >= crawl.observed_from),
        every.c.since <= crawl.observed_to,
    )
    first_shown = set(session.scalars(changed))
    if not first_shown:
        return []
    standing = read_list(session, group_id, first_shown)
    (shown,) = read_sights(session, [(store_id, crawl.id, list(category_ids))], first_shown)
    return [
        News(sku_id, sight.offer, sight.since, crawl.id)
        for sku_id, sight in shown.items()
        if sight.saw_begin
        and sight.since >= crawl.observed_from
        and ((line := standing.get(sku_id)) is None or line.news_at <= still)
    ]
