"""Where a member contradicts an Ambassador's news, which is more than lists change by at a time, one other is too few.

Stores that changed their list are those that nobody has looked at for long, and these are asked first. So an Ambassador
that moved meets another one that did sooner than chance would have it, and the two look like a list that changed.
"""

from collections.abc import Collection

import sqlalchemy as sa

from grouping.judging import Judged
from grouping.overlap import compare
from grouping.pace import usual_change
from grouping.references import Step
from grouping.verdict import match
from splitcart.database.models import GroupEvent, StoreGroup

VOICES = 2


def lacks_a_voice(step: Step, group: StoreGroup, found: Judged, members: Collection[int]) -> bool:
    """Whether all that a check of a divergence confirmed rests on an Ambassador's news that needs one store more.

    ``members`` are row ids.

    If so the news is logged as waiting again, with the voices that it has, so that the queue asks a further member.
    """
    if not found.confirmed or not (found.rogues or group.status == "DIVERGENCE_DETECTED"):
        return False
    if (news := _large_news(step, group)) is None:
        return False
    first = step.snapshots.of_crawl(news.candidate_crawl_id or 0)
    own = [moment for moment in found.moments if moment.store_id == group.ambassador_id]
    later = [step.snapshots.of_crawl(moment.crawl_id) for moment in own if moment.observed_from > first.observed_to]
    for candidate in found.confirmed.values():
        alike = (match(compare(candidate.prices, crawl.prices), step.chain).holds for crawl in (first, *later))
        if not any(alike):
            return False  # this one knows better, and the check goes on
    voices = set(news.figures.get("voices", ())) | set(found.confirmed)
    others = set(members) - voices - set(found.rogues) - {group.ambassador_id}
    if len(voices) >= VOICES or not others:
        return False
    newest = max(found.confirmed.values(), key=lambda crawl: crawl.observed_to)
    step.log(
        "news_waiting",
        group,
        group.ambassador_id,
        candidate=news.candidate_crawl_id,
        reference=newest.crawl_id,
        figures={**news.figures, "voices": sorted(voices)},
    )
    return True


def _large_news(step: Step, group: StoreGroup) -> GroupEvent | None:
    """The Ambassador's last news that waits, if it is more than a list changes by at a time."""
    news = step.session.scalar(
        sa.select(GroupEvent)
        .where(
            GroupEvent.group_id == group.id,
            GroupEvent.kind == "news_waiting",
            GroupEvent.store_id == group.ambassador_id,
            GroupEvent.at > step.now - step.bracket,
        )
        .order_by(GroupEvent.id.desc())
        .limit(1)
    )
    if news is None:
        return None
    return news if news.figures["share"] > usual_change(step.chain, flipped=news.figures["flipped"]) else None
