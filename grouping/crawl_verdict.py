"""The verdict on one crawl of a store, from the crawls and the list that speak for a group."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

import sqlalchemy as sa

from grouping.choosing import Moment, choose
from grouping.offers import list_history_table, list_table
from grouping.pace import may_be_rolling_out
from grouping.references import Step
from grouping.verdict import Snapshot, Verdict, judge
from splitcart.database.models import Crawl, GroupEvent, Membership


def follows(step: Step, group_id: int, candidate: Snapshot) -> bool:
    """Whether a group's list follows what a candidate's store told since it was proven last: it proves nothing then."""
    place = sa.and_(
        Membership.group_id == GroupEvent.group_id,
        Membership.store_id == GroupEvent.store_id,
        Membership.until.is_(None),
    )
    told = (
        sa.select(GroupEvent.id)
        .join(Crawl, Crawl.id == GroupEvent.candidate_crawl_id)
        .join(Membership, place, isouter=True)
        .where(
            GroupEvent.group_id == group_id,
            GroupEvent.kind == "news",
            GroupEvent.store_id == candidate.store_id,
            Crawl.observed_to <= candidate.observed_to,
            sa.or_(Crawl.id == candidate.crawl_id, Crawl.observed_to > Membership.confirmed_at),
        )
    )
    begun = sa.select(Crawl.observed_from).where(Crawl.id == candidate.crawl_id).scalar_subquery()
    heard = [  # of another group, which shared it
        sa.select(table.c.sku_id).where(
            table.c.group_id == group_id, table.c.crawl_id == candidate.crawl_id, since >= begun
        )
        for table, since in ((list_table, list_table.c.changed_at), (list_history_table, list_history_table.c.since))
    ]
    return any(step.session.scalar(query.limit(1)) is not None for query in (told, *heard))


def judge_crawl(
    step: Step,
    group_id: int | None,
    candidate: Snapshot,
    moments: Iterable[Moment],
    standing: Snapshot | None = None,
) -> Verdict:
    """Judge a snapshot against reference crawls, and against the list of a group at that time if one is given.

    What no reference crawl completed is compared with that list, or (no group) with the offers of ``standing``: a crawl
    has no say on a category that it does not contain. A store does not speak for itself.
    Where a change of prices may have reached one store and not yet the other, a rogue's mismatch must hold between
    crawls that are a roll-out apart from the candidate.
    """
    moments = [moment for moment in moments if moment.store_id != candidate.store_id]
    rest = standing
    if group_id is not None:
        rest = step.snapshots.of_list(group_id, step.now, candidate.observed_to)
    verdict = _judge_by(step, group_id, candidate, moments, rest, timedelta(0))
    own = candidate.store_id or 0
    if verdict.kind != "rogue" or not may_be_rolling_out(step.chain, step.states.get(own), verdict):
        return verdict
    apart = step.roll_out({own, *(moment.store_id for moment in moments)}, candidate.observed_to)
    later = _judge_by(step, group_id, candidate, moments, rest, apart)
    return replace(later, heard=tuple(sorted({*verdict.heard, *later.heard})))


def _judge_by(
    step: Step,
    group_id: int | None,
    candidate: Snapshot,
    moments: Sequence[Moment],
    rest: Snapshot | None,
    apart: timedelta,
) -> Verdict:
    """Judge by what is nearest, and by crawls before and after it that are at least so far apart from it."""
    complete = candidate.prices.catalogue.category_ids[candidate.prices.complete].tolist()
    choice = choose(candidate, complete, moments, step.chain, apart)
    near = _one_reference(step, choice.near, rest)
    before, after = [[_read(step, moment) for moment in side] for side in (choice.before, choice.after)]
    around = [_read(step, moment) for moment in choice.around]
    judged = partial(
        judge,
        candidate,
        before=before,
        after=after,
        chain=step.chain,
        around=around,
        rest=near[0] if near else rest,
    )
    verdict = judged([*near, rest] if group_id is not None and rest else near)
    if group_id is not None and verdict.kind == "confirmed" and verdict.by == "near":
        crawled = _one_reference(step, choice.near, None)
        crawled = [crawl for crawl in crawled if set(complete) <= crawl.prices.completed]
        if (verdict.reference is rest or not crawled) and follows(step, group_id, candidate):
            verdict = judged(crawled)
    asked = [*choice.near, *choice.before, *choice.after, *choice.around, *_neighbours(candidate, moments)]
    return replace(verdict, heard=tuple(sorted({moment.crawl_id for moment in asked})))


def _neighbours(candidate: Snapshot, moments: Collection[Moment]) -> list[Moment]:
    """The last crawl before the candidate's and the first one after it, whether or not they make a bracket."""
    before = [moment for moment in moments if moment.observed_to <= candidate.observed_from]
    after = [moment for moment in moments if moment.observed_from >= candidate.observed_to]
    last = max(before, key=lambda moment: (moment.observed_to, -moment.crawl_id), default=None)
    first = min(after, key=lambda moment: (moment.observed_from, moment.crawl_id), default=None)
    return [moment for moment in (last, first) if moment is not None]


def _one_reference(step: Step, moments: Iterable[Moment], rest: Snapshot | None) -> list[Snapshot]:
    crawls = [_read(step, moment) for moment in moments]
    return [crawls[0].completed_by([*crawls[1:], *([rest] if rest else [])])] if crawls else []


def _read(step: Step, moment: Moment) -> Snapshot:
    snapshot = step.snapshots.of_crawl(moment.crawl_id)
    all_of_it = snapshot.prices.catalogue.category_ids[snapshot.prices.complete].tolist()
    return snapshot.without(set(all_of_it) - moment.category_ids)
