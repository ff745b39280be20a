"""The check of one group: verdicts on its candidates, and what follows from them for its members and its Ambassador."""

from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from grouping.divergence import resolve_divergence
from grouping.effects import demand_verdict, dissolve, eject, end_exceptions, learn_price_events, take_news
from grouping.memberships import confirm, make_ambassador, members
from grouping.references import Step, exceptions, judge_crawl, references
from grouping.verdict import Moment, Snapshot, Verdict
from splitcart.database.models import Candidate, Crawl, GroupEvent, Membership, StoreCategory, StoreGroup


@dataclass
class GroupReport:
    """What one check came to; stores by the chain's own ids."""

    group_id: int
    name: str
    status: str = ""
    ambassador: str | None = None
    confirmed_matches: list[str] = field(default_factory=list)
    potential_rogues: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    expired: list[str] = field(default_factory=list)
    ejected: list[str] = field(default_factory=list)
    news: int = 0
    dissolved: bool = False

    @property
    def has_decided(self) -> bool:
        """Whether any candidate got its verdict, or the group ended."""
        return bool(self.confirmed_matches or self.potential_rogues or self.expired or self.ejected or self.dissolved)

    def continued(self, later: "GroupReport") -> "GroupReport":
        """This check and a later one of the same run as one; what is pending or expired, the later one tells."""

        def both(earlier: list[str], then: list[str]) -> list[str]:
            return list(dict.fromkeys([*earlier, *then]))

        return replace(
            later,
            confirmed_matches=both(self.confirmed_matches, later.confirmed_matches),
            potential_rogues=both(self.potential_rogues, later.potential_rogues),
            expired=both(self.expired, later.expired),
            ejected=both(self.ejected, later.ejected),
            news=self.news + later.news,
        )


@dataclass
class Sorted:
    """The verdicts of one check by store (row id), each with the crawl that it is about."""

    confirmed: dict[int, Snapshot] = field(default_factory=dict)
    rogues: dict[int, Snapshot] = field(default_factory=dict)
    verdicts: dict[int, Verdict] = field(default_factory=dict)  # by crawl


def check_group(step: Step, group: StoreGroup) -> GroupReport:
    """Check one active whole-list group in the step's transaction."""
    report = GroupReport(group.id, group.name)
    places = {place.store_id: place for place in members(step.session, group.id)}
    candidates = _waiting(step, group, places) if len(places) > 1 else []
    if candidates:
        oldest = min(candidate.observed_from for candidate in candidates)
        moments = references(step.session, group, oldest - step.bracket)
        verdicts = _judge_all(step, group, candidates, moments)
        found = _sort(step, group, candidates, verdicts, report)
        learn_price_events(step, group, found.verdicts.values())
        _conclude(step, group, places, moments, found, report)
    if group.is_active and len(members(step.session, group.id)) < 2:
        dissolve(step, group, "no other member is left")
    report.dissolved = not group.is_active
    _set_status(step, group)
    report.status = group.status
    report.ambassador = step.names.get(group.ambassador_id or 0)
    return report


def _waiting(step: Step, group: StoreGroup, places: dict[int, Membership]) -> list[Snapshot]:
    """The candidate crawls to judge; drops those of stores that left, of the Ambassador, and those judged before."""
    judged = sa.select(GroupEvent.candidate_crawl_id).where(
        GroupEvent.group_id == group.id, GroupEvent.kind == "verdict", GroupEvent.candidate_crawl_id.is_not(None)
    )
    others = [store_id for store_id in places if store_id != group.ambassador_id]
    step.session.execute(
        sa.delete(Candidate).where(
            Candidate.group_id == group.id,
            sa.or_(Candidate.store_id.not_in(others), Candidate.crawl_id.in_(judged)),
        )
    )
    crawl_ids = step.session.scalars(
        sa.select(Candidate.crawl_id)
        .join(Crawl, Crawl.id == Candidate.crawl_id)
        .where(Candidate.group_id == group.id)
        .order_by(Crawl.observed_to, Crawl.crawl_id)
    ).all()
    silent = exceptions(step.session, others)
    snapshots = [step.snapshots.of_crawl(crawl_id) for crawl_id in crawl_ids]
    return [
        step.snapshots.of_crawl(found.crawl_id, silent.get(found.store_id, frozenset()))
        for found in snapshots
        if found.crawl_id is not None and found.store_id is not None
    ]


def _judge_all(step: Step, group: StoreGroup, candidates: list[Snapshot], moments: list[Moment]) -> dict[int, Verdict]:
    """Judge by rounds: what a round confirms is a reference in the next, so the order of candidates does not matter."""
    verdicts: dict[int, Verdict] = {}
    known = list(moments)
    open_ones = candidates
    while open_ones:
        for candidate in open_ones:
            verdicts[candidate.crawl_id or 0] = judge_crawl(step, group.id, candidate, known)
        newly = [one for one in open_ones if verdicts[one.crawl_id or 0].kind == "confirmed"]
        if not newly:
            break
        known += [_moment(one) for one in newly]
        open_ones = [one for one in open_ones if one not in newly]
    return verdicts


def _moment(snapshot: Snapshot) -> Moment:
    complete = snapshot.prices.catalogue.category_ids[snapshot.prices.complete].tolist()
    return Moment(
        snapshot.crawl_id or 0,
        snapshot.store_id or 0,
        snapshot.observed_from,
        snapshot.observed_to,
        frozenset(complete),
    )


def _sort(
    step: Step, group: StoreGroup, candidates: list[Snapshot], verdicts: dict[int, Verdict], report: GroupReport
) -> Sorted:
    """Log the verdicts, clear the candidates that got one, and keep the newest decided crawl of each store."""
    found = Sorted()
    cleared = []
    for candidate in candidates:  # oldest first, so that the newest remains
        crawl_id, store_id = candidate.crawl_id or 0, candidate.store_id or 0
        verdict = verdicts[crawl_id]
        expired = verdict.kind == "pending" and step.now - candidate.observed_to > step.bracket
        if verdict.kind != "pending":
            found.confirmed.pop(store_id, None)
            found.rogues.pop(store_id, None)
            (found.confirmed if verdict.kind == "confirmed" else found.rogues)[store_id] = candidate
            found.verdicts[crawl_id] = verdict
        if verdict.kind != "pending" or expired:
            cleared.append(crawl_id)
        waiting = report.expired if expired else report.pending
        if verdict.kind == "pending" and step.names[store_id] not in waiting:
            waiting.append(step.names[store_id])
        step.log(
            "pending" if verdict.kind == "pending" and not expired else "verdict",
            group,
            store_id,
            verdict="expired" if expired else verdict.kind,
            candidate=crawl_id,
            reference=verdict.reference.crawl_id if verdict.reference else None,
            figures={"by": verdict.by, **(verdict.match.figures() if verdict.match else {})},
        )
    step.session.execute(sa.delete(Candidate).where(Candidate.group_id == group.id, Candidate.crawl_id.in_(cleared)))
    report.confirmed_matches = [step.names[store_id] for store_id in _freshest_first(step, found.confirmed)]
    report.potential_rogues = sorted(step.names[store_id] for store_id in found.rogues)
    return found


def _freshest_first(step: Step, crawls: dict[int, Snapshot]) -> list[int]:
    by_name = sorted(crawls, key=lambda store_id: step.names[store_id])
    return sorted(by_name, key=lambda store_id: crawls[store_id].observed_to, reverse=True)


def _conclude(
    step: Step,
    group: StoreGroup,
    places: dict[int, Membership],
    moments: list[Moment],
    found: Sorted,
    report: GroupReport,
) -> None:
    if not found.confirmed and not found.rogues:
        return
    group.last_checked_at = step.now
    if not found.confirmed:
        report.ejected, report.news = resolve_divergence(step, group, places, moments, found.rogues)
        return
    old_ambassador = group.ambassador_id
    for store_id, snapshot in found.confirmed.items():
        confirm(step.session, store_id, group.id, snapshot.observed_to)
    _confirm_ambassador(step, group, found)
    _promote(step, group, found)
    report.news = take_news(step, group, list(found.confirmed.values()), _newest_of(old_ambassador, moments))
    for snapshot in found.confirmed.values():
        end_exceptions(step, group, snapshot)
    if old_ambassador is not None and old_ambassador != group.ambassador_id:
        demand_verdict(step, group, _newest_of(old_ambassador, moments))
    doubted = {place.store_id for place in places.values() if place.suspended_at} - set(found.confirmed)
    for store_id in sorted(doubted | set(found.rogues), key=lambda store_id: step.names[store_id]):
        rogue = found.rogues.get(store_id)
        verdict = found.verdicts.get(rogue.crawl_id or 0) if rogue else None
        eject(step, group, store_id, rogue, verdict.reference if verdict else None)
        report.ejected.append(step.names[store_id])
    if group.status == "DIVERGENCE_DETECTED":
        step.log("healed", group)
    group.status = "HEALTHY"


def _confirm_ambassador(step: Step, group: StoreGroup, found: Sorted) -> None:
    """A candidate that matches a crawl of the Ambassador proves the Ambassador's place too."""
    for verdict in found.verdicts.values():
        reference = verdict.reference
        if verdict.kind == "confirmed" and reference and reference.store_id == group.ambassador_id is not None:
            confirm(step.session, group.ambassador_id, group.id, reference.observed_to)


def _promote(step: Step, group: StoreGroup, found: Sorted) -> None:
    """The freshest confirmed store becomes Ambassador; one with category exceptions never does."""
    silent = exceptions(step.session, found.confirmed)
    fit = [store_id for store_id in _freshest_first(step, found.confirmed) if store_id not in silent]
    if fit and fit[0] != group.ambassador_id:
        make_ambassador(step.session, group, fit[0], step.now)
        step.log("promoted", group, fit[0], candidate=found.confirmed[fit[0]].crawl_id)


def _newest_of(store_id: int | None, moments: list[Moment]) -> Moment | None:
    own = [moment for moment in moments if moment.store_id == store_id]
    return max(own, key=lambda moment: (moment.observed_to, moment.crawl_id), default=None)


def _set_status(step: Step, group: StoreGroup) -> None:
    """An Ambassador older than ``current_pricing_hours`` is stale; a divergence stays until it is resolved."""
    if not group.is_active:
        return
    if group.status == "DIVERGENCE_DETECTED":
        if any(place.suspended_at for place in members(step.session, group.id)):
            return
        step.log("healed", group)
    seen = step.session.scalar(
        sa.select(sa.func.max(StoreCategory.covered_at)).where(StoreCategory.store_id == group.ambassador_id)
    )
    stale = seen is None or (step.now - seen).total_seconds() > step.chain.current_pricing_hours * 3600
    group.status = "AMBASSADOR_STALE" if stale else "HEALTHY"
    step.session.flush()
