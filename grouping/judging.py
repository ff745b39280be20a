"""The candidates of one group get their verdicts: confirmed, rogue, or pending until later crawls tell."""

from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from grouping.choosing import Moment
from grouping.crawl_verdict import judge_crawl
from grouping.effects import last_rogue_verdict
from grouping.references import Step, references, speak_for_most
from grouping.verdict import Snapshot, Verdict
from splitcart.database.models import Candidate, Crawl, GroupEvent, Membership, StoreGroup


@dataclass
class Judged:
    """The verdicts of one check by store (row id), each with the crawl that it is about.

    ``moments`` are the crawls that spoke for the group before the check.
    """

    moments: list[Moment] = field(default_factory=list)
    confirmed: dict[int, Snapshot] = field(default_factory=dict)
    rogues: dict[int, Snapshot] = field(default_factory=dict)
    pending: list[int] = field(default_factory=list)
    expired: list[int] = field(default_factory=list)
    open_crawls: list[int] = field(default_factory=list)  # of the pending, oldest first
    verdicts: dict[int, Verdict] = field(default_factory=dict)  # by crawl

    def freshest_first(self, step: Step) -> list[int]:
        """The confirmed stores, the one with the newest crawl in front."""
        by_name = sorted(self.confirmed, key=lambda store_id: step.names[store_id])
        return sorted(by_name, key=lambda store_id: self.confirmed[store_id].observed_to, reverse=True)


def judge_candidates(step: Step, group: StoreGroup, places: dict[int, Membership]) -> Judged:
    """Judge all waiting candidate crawls, log the verdicts, and clear the candidates that got one.

    Of each store the newest decided crawl counts; but a crawl does not speak against an older one on categories that
    it does not contain.
    """
    step.session.execute(sa.delete(Candidate).where(Candidate.group_id == group.id, sa.not_(_to_judge(group, places))))
    candidates, moments, verdicts = judge_waiting(step, group, places)
    judged = Judged(moments)
    cleared: list[int] = []
    for candidate in candidates:  # oldest first, so that the newest remains
        crawl_id, store_id = candidate.crawl_id or 0, candidate.store_id or 0
        verdict = verdicts[crawl_id]
        expired = verdict.kind == "pending" and step.now - candidate.observed_to > step.bracket
        if verdict.kind != "pending":
            _add(judged, candidate, verdict)
        waiting = judged.expired if expired else judged.pending
        if verdict.kind == "pending" and store_id not in waiting:
            waiting.append(store_id)
        (cleared if verdict.kind != "pending" or expired else judged.open_crawls).append(crawl_id)
        step.log(
            "pending" if verdict.kind == "pending" and not expired else "verdict",
            group,
            store_id,
            verdict="expired" if expired else verdict.kind,
            candidate=crawl_id,
            reference=verdict.reference.crawl_id if verdict.reference else None,
            figures=verdict.figures(),
        )
    step.session.execute(sa.delete(Candidate).where(Candidate.group_id == group.id, Candidate.crawl_id.in_(cleared)))
    return judged


def judge_waiting(
    step: Step, group: StoreGroup, places: dict[int, Membership]
) -> tuple[list[Snapshot], list[Moment], dict[int, Verdict]]:
    """Judge the waiting candidates and write nothing: their crawls, what speaks for the group, verdicts by crawl."""
    candidates = _waiting(step, group, places)
    if not candidates:
        return [], [], {}
    oldest = min(candidate.observed_from for candidate in candidates)
    moments = references(step, group, oldest - step.bracket)
    return candidates, moments, _judge_all(step, group, places, candidates, moments)


def _to_judge(group: StoreGroup, places: dict[int, Membership]) -> sa.ColumnElement[bool]:
    """The condition that a candidate is of a member that is not the Ambassador, and was not judged before."""
    judged = sa.select(GroupEvent.candidate_crawl_id).where(
        GroupEvent.group_id == group.id, GroupEvent.kind == "verdict", GroupEvent.candidate_crawl_id.is_not(None)
    )
    others = [store_id for store_id in places if store_id != group.ambassador_id]
    return sa.and_(Candidate.store_id.in_(others), Candidate.crawl_id.not_in(judged))


def _waiting(step: Step, group: StoreGroup, places: dict[int, Membership]) -> list[Snapshot]:
    """The candidate crawls to judge, oldest first."""
    crawl_ids = step.session.scalars(
        sa.select(Candidate.crawl_id)
        .join(Crawl, Crawl.id == Candidate.crawl_id)
        .where(Candidate.group_id == group.id, _to_judge(group, places))
        .order_by(Crawl.observed_to, Crawl.crawl_id)
    ).all()
    silent = step.exceptions(places)
    snapshots = [step.snapshots.of_crawl(crawl_id) for crawl_id in crawl_ids]
    return [snapshot.without(silent.get(snapshot.store_id or 0, frozenset())) for snapshot in snapshots]


def _judge_all(
    step: Step,
    group: StoreGroup,
    places: dict[int, Membership],
    candidates: list[Snapshot],
    moments: list[Moment],
) -> dict[int, Verdict]:
    """Judge by rounds: what a round confirms is a reference in the next, so the order of candidates does not matter."""
    verdicts: dict[int, Verdict] = {}
    known = list(moments)
    open_ones = candidates
    while open_ones:
        for candidate in open_ones:
            verdict = judge_crawl(step, group.id, candidate, known)
            if verdict.kind == "confirmed" and not _shows_enough(step, group, places, candidate):
                verdict = replace(verdict, kind="pending")
            verdicts[candidate.crawl_id or 0] = verdict
        newly = [one for one in open_ones if verdicts[one.crawl_id or 0].kind == "confirmed"]
        if not newly:
            break
        known += [_moment(one) for one in newly]
        open_ones = [one for one in open_ones if one not in newly]
    return verdicts


def _shows_enough(step: Step, group: StoreGroup, places: dict[int, Membership], candidate: Snapshot) -> bool:
    """A few departments prove no store that nothing proved before, nor clear one whose other departments failed."""
    place = places[candidate.store_id or 0]
    in_doubt = place.confirmed_at is None or place.suspended_at is not None
    if in_doubt and not speak_for_most(candidate, step.snapshots.of_list(group.id, step.now)):
        return False
    verdict = last_rogue_verdict(step, group, place.store_id) if place.suspended_at else None
    return verdict is None or set(verdict.figures["failing_categories"]) <= _completed(candidate)


def _add(judged: Judged, candidate: Snapshot, verdict: Verdict) -> None:
    store_id = candidate.store_id or 0
    judged.verdicts[candidate.crawl_id or 0] = verdict
    if verdict.kind == "confirmed":
        earlier = judged.rogues.get(store_id)
        if earlier is None or _decisive(earlier, judged) <= _completed(candidate):
            judged.rogues.pop(store_id, None)
            judged.confirmed[store_id] = candidate
        return
    needed = _decisive(candidate, judged)
    if any(
        moment.store_id == store_id and moment.observed_from >= candidate.observed_to and needed <= moment.category_ids
        for moment in judged.moments
    ):
        return  # a later crawl was confirmed already, in just these categories
    judged.confirmed.pop(store_id, None)
    judged.rogues[store_id] = candidate


def _decisive(rogue: Snapshot, judged: Judged) -> set[int]:
    """The categories that made a crawl a rogue's; all of them, where it was the whole."""
    verdict: Any = judged.verdicts[rogue.crawl_id or 0]
    return set(verdict.match.failing_categories) or _completed(rogue)


def _completed(snapshot: Snapshot) -> set[int]:
    return set(snapshot.prices.catalogue.category_ids[snapshot.prices.complete].tolist())


def _moment(snapshot: Snapshot) -> Moment:
    return Moment(
        snapshot.crawl_id or 0,
        snapshot.store_id or 0,
        snapshot.observed_from,
        snapshot.observed_to,
        frozenset(_completed(snapshot)),
    )
