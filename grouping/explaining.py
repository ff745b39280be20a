"""Why a store was confirmed, a rogue or left pending; and what two stores have in common.

The step says of what: of whole lists, or (its scope) of one root category and the groups of it. Nothing here judges:
the rules are asked again, on the crawls that the log names or on those that wait, and what they answer is put into
words.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from grouping.crawl_verdict import judge_crawl
from grouping.differing import list_skus
from grouping.explanation import (
    Decision,
    Explanation,
    describe_comparison,
    describe_snapshot,
    describe_testimony,
)
from grouping.judging import judge_waiting
from grouping.memberships import active_groups, members, open_membership, root_categories
from grouping.overlap import compare
from grouping.placing import fits
from grouping.reasons import NO_GROUPS, why, why_no_place, why_pair, why_recorded
from grouping.references import Step, read_moments, references, same_list
from grouping.standing import describe_standing
from grouping.verdict import Match, Snapshot, Verdict, judge, match
from splitcart.database.models import Crawl, GroupEvent, Membership, Store, StoreGroup
from splitcart.errors import InputError

VERDICTS = ("verdict", "pending", "ambassador_rogue", "cleared", "unseeded")
PLACES = ("founded", "joined", "merged", "seeded", "excepted")
MAX_DECISIONS = 6


def explain_store(step: Step, store: Store, most_skus: int) -> Explanation:
    """Explain a store's newest candidate crawl, or else its newest verdict, or else why it has no place.

    ``most_skus`` limits the list of differing skus. Raises InputError for a store that no crawl covered.
    """
    standing = _standing_offers(step, store)
    explanation = Explanation(
        company=step.chain.slug,
        store_id=store.store_id,
        name=store.name,
        category=_scope_name(step),
        standing=describe_standing(step, store),
        decisions=_decisions(step, store),
    )
    if waiting := _waiting_verdict(step, store):
        group, candidate, verdict = waiting
        return _tell(step, explanation, group, candidate, verdict, most_skus)
    event = _newest_event(step, store, VERDICTS) or _newest_event(step, store, PLACES)
    if event is not None:
        return _tell_event(step, explanation, event, most_skus)
    return _tell_nearest(step, store, explanation, standing, most_skus)


def explain_pair(step: Step, store: Store, other: Store, most_skus: int) -> Explanation:
    """Compare what two stores of one company show now; raise InputError where one of them shows nothing yet."""
    if store.id == other.id:
        raise InputError(f"{store.store_id} is one store; name another one to compare it with")
    a, b = _standing_offers(step, store), _standing_offers(step, other)
    verdict = judge_pair(step, a, b)
    explanation = Explanation(
        company=step.chain.slug,
        store_id=store.store_id,
        name=store.name,
        category=_scope_name(step),
        standing=[*describe_standing(step, store), *describe_standing(step, other)],
        other_id=other.store_id,
    )
    found = match(compare(a.prices, b.prices), step.chain)
    told = _with_comparison(step, explanation, (a, b), found, None, most_skus)
    reasons = why_pair(step, a, b, found, verdict, same_list(step, a, b) is not None)
    return replace(told, kind=verdict.kind, reasons=reasons, bracket=describe_testimony(step, verdict))


def judge_pair(step: Step, a: Snapshot, b: Snapshot) -> Verdict:
    """Judge the older of two stores' standing offers by the crawls of the other store, as a run does for founders."""
    older, newer = sorted((a, b), key=lambda store: store.observed_to)
    since = older.observed_from - step.bracket
    own = sa.and_(Crawl.store_id == newer.store_id, Crawl.observed_to >= since)
    return judge_crawl(
        step, None, older, read_moments(step.session, own, step.scope), replace(newer, prices=newer.whole)
    )


def _standing_offers(step: Step, store: Store) -> Snapshot:
    if (found := step.snapshots.of_store(store.id)) is None:
        where = f" in {_scope_name(step)}" if step.scope is not None else ""
        raise InputError(
            f"{step.chain.slug}/{store.store_id} was never crawled completely{where}; there is nothing to compare"
        )
    return found


def _scope_name(step: Step) -> str | None:
    return None if step.scope is None else root_categories(step.session, step.company_id)[step.scope]


def _waiting_verdict(step: Step, store: Store) -> tuple[StoreGroup, Snapshot, Verdict] | None:
    """What the next run would say of the store's newest waiting crawl."""
    place = open_membership(step.session, store.id, step.scope)
    group = step.session.get(StoreGroup, place.group_id) if place and place.group_id else None
    if group is None:
        return None
    candidates, _, verdicts = judge_waiting(
        step, group, {each.store_id: each for each in members(step.session, group.id)}
    )
    own = [candidate for candidate in candidates if candidate.store_id == store.id]
    return (group, own[-1], verdicts[own[-1].crawl_id or 0]) if own else None


def _newest_event(step: Step, store: Store, kinds: Collection[str]) -> GroupEvent | None:
    return step.session.scalar(
        sa.select(GroupEvent)
        .join(StoreGroup, StoreGroup.id == GroupEvent.group_id)
        .where(
            GroupEvent.store_id == store.id,
            GroupEvent.kind.in_(kinds),
            GroupEvent.candidate_crawl_id.is_not(None),
            StoreGroup.category_id.is_not_distinct_from(step.scope),
        )
        .order_by(GroupEvent.at.desc(), GroupEvent.id.desc())
        .limit(1)
    )


def _tell_event(step: Step, explanation: Explanation, event: GroupEvent, most_skus: int) -> Explanation:
    """Ask the rules again on the crawls that the event names."""
    group = step.session.get_one(StoreGroup, event.group_id)
    candidate = step.snapshots.of_crawl(event.candidate_crawl_id or 0)
    candidate = candidate.without(_exceptions_at(step, event) if step.scope is None else ())
    if event.kind in PLACES:
        listed = step.snapshots.of_list(group.id, step.now, event.at)
        verdict = judge(candidate, [listed], [], [], step.chain)
    elif "heard" in event.figures:
        heard = read_moments(step.session, Crawl.id.in_(event.figures["heard"]))
        # What a bracket cleared has entered the list by now, dated back: today it would match the list of then.
        listed = step.snapshots.of_list(group.id, step.now, candidate.observed_to)
        asks_list = event.figures["by"] != "bracket"
        verdict = judge_crawl(step, group.id if asks_list else None, candidate, heard, None if asks_list else listed)
    else:
        other = step.snapshots.of_crawl(event.reference_crawl_id or 0)
        verdict = judge(candidate, [other], [], [], step.chain)
    told = replace(explanation, decided_at=event.at, decided_as=event.kind, logged=_logged(event, verdict))
    told = _tell(step, told, group, candidate, verdict, most_skus)
    if "heard" not in event.figures and verdict.match is not None:
        told = replace(told, reasons=why_recorded(step, event.kind, verdict.match))
    return replace(told, kind=event.verdict or verdict.kind)


def _logged(event: GroupEvent, verdict: Verdict) -> dict[str, Any] | None:
    """The figures that the log keeps, where the same question has another answer today (a list was corrected)."""
    kept: dict[str, Any] = {
        name: event.figures[name] for name in ("true_overlap", "shared", "equal") if name in event.figures
    }
    now = verdict.match.figures() if verdict.match else {}
    return kept if any(now.get(name) != value for name, value in kept.items()) else None


def _exceptions_at(step: Step, event: GroupEvent) -> set[int]:
    """The categories in which the store did not follow its group when the event was decided."""
    rows = step.session.scalars(
        sa.select(Membership.category_id).where(
            Membership.store_id == event.store_id,
            Membership.category_id.is_not(None),
            Membership.since < event.at,
            sa.or_(Membership.until.is_(None), Membership.until >= event.at),
        )
    )
    return {category_id for category_id in rows if category_id is not None}


def _tell_nearest(
    step: Step, store: Store, explanation: Explanation, standing: Snapshot, most_skus: int
) -> Explanation:
    """Explain a store that nothing was decided about by the group whose list is most like what it shows."""
    groups = _comparable_groups(step)
    best: tuple[tuple[float, int], StoreGroup, Snapshot] | None = None
    for group in groups:
        listed = step.snapshots.of_list(group.id, step.now)
        likeness = compare(standing.prices, listed.prices)
        if best is None or (likeness.true_overlap, likeness.shared) > best[0]:
            best = (likeness.true_overlap, likeness.shared), group, listed
    if best is None:
        return replace(explanation, reasons=[NO_GROUPS])
    _, group, listed = best
    moments = references(step, group, standing.observed_from - step.bracket)
    verdict = judge_crawl(step, group.id, standing, moments)
    found = match(compare(standing.prices, listed.prices), step.chain)
    told = _with_comparison(step, explanation, (standing, listed), found, group, most_skus)
    home = open_membership(step.session, store.id)
    due = (home is None or group.id != home.group_id) and fits(step, group, standing) is not None
    return replace(
        told,
        bracket=describe_testimony(step, verdict),
        reasons=why_no_place(step, standing, listed, group, len(groups), verdict, due=due),
    )


def _comparable_groups(step: Step) -> list[StoreGroup]:
    """The groups of the step's scope; of one category those of whole lists, too."""
    return [group for group in active_groups(step.session, step.company_id) if group.category_id in {None, step.scope}]


def _tell(
    step: Step, explanation: Explanation, group: StoreGroup, candidate: Snapshot, verdict: Verdict, most_skus: int
) -> Explanation:
    """Put a verdict into words and figures."""
    told = replace(
        explanation,
        kind=verdict.kind,
        reasons=why(step, candidate, verdict),
        bracket=describe_testimony(step, verdict),
    )
    return _with_comparison(step, told, (candidate, verdict.reference), verdict.match, group, most_skus)


def _with_comparison(
    step: Step,
    explanation: Explanation,
    sides: tuple[Snapshot, Snapshot | None],
    found: Match | None,
    group: StoreGroup | None,
    most_skus: int,
) -> Explanation:
    candidate, reference = sides
    told = replace(explanation, group=group.name if group else None, candidate=describe_snapshot(step, candidate))
    if reference is None or found is None:
        return told
    names = root_categories(step.session, step.company_id)
    return replace(
        told,
        reference=describe_snapshot(step, reference, told.group),
        figures=describe_comparison(found, step.chain, names),
        skus=list_skus(step, (candidate, reference), found, names, group.id if group else None, most_skus),
    )


def _decisions(step: Step, store: Store) -> list[Decision]:
    """What was last decided about a store, newest first."""
    rows = step.session.execute(
        sa.select(GroupEvent, StoreGroup.name)
        .join(StoreGroup, StoreGroup.id == GroupEvent.group_id, isouter=True)
        .where(
            GroupEvent.store_id == store.id,
            GroupEvent.kind.not_in(("news", "news_waiting")),
            sa.true() if step.scope is None else StoreGroup.category_id == step.scope,
        )
        .order_by(GroupEvent.at.desc(), GroupEvent.id.desc())
        .limit(MAX_DECISIONS)
    )
    return [
        Decision(
            event.at,
            event.kind,
            event.verdict,
            group,
            event.figures.get("true_overlap"),
            event.figures.get("shared"),
        )
        for event, group in rows
    ]
