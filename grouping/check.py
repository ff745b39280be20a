"""The check of one group: verdicts on its candidates, and what follows from them for its members and its Ambassador."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import sqlalchemy as sa

from grouping.choosing import Moment
from grouping.divergence import clear_if_alike, resolve_divergence
from grouping.effects import (
    Bracket,
    contradicted_crawl,
    demand_verdict,
    dissolve,
    eject,
    end_exceptions,
    learn_price_events,
    take_news,
)
from grouping.judging import Judged, judge_candidates
from grouping.memberships import make_ambassador, prove
from grouping.offers import BEFORE_ALL
from grouping.overlap import compare
from grouping.promoting import take_open_news, take_promoted_news
from grouping.references import MIN_FOUNDERS, Step, speak_for_most
from grouping.told import check_told, is_told
from grouping.verdict import Snapshot, match
from grouping.voices import lacks_a_voice
from grouping.withdrawing import withdraw_contradicted
from splitcart.database.models import Crawl, GroupEvent, Membership, StoreCategory, StoreGroup


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


def check_group(step: Step, group: StoreGroup, members: Iterable[Membership]) -> GroupReport:
    """Check one active group of the step's scope, whose ``members`` these are, in the step's transaction."""
    report = GroupReport(group.id, group.name)
    places = {place.store_id: place for place in members}
    if is_told(group):
        report.confirmed_matches = [step.names[store_id] for store_id in check_told(step, group, places.values())]
    elif len(places) > 1:
        found = judge_candidates(step, group, places)
        report.confirmed_matches = [step.names[store_id] for store_id in found.freshest_first(step)]
        report.potential_rogues = sorted(step.names[store_id] for store_id in found.rogues)
        report.pending = [step.names[store_id] for store_id in found.pending]
        report.expired = [step.names[store_id] for store_id in found.expired]
        if step.scope is None:
            learn_price_events(step, group, found.verdicts.values())
        _conclude(step, group, places, found, report)
        report.news += _hear(step, group, places, found)
    left = [place for place in places.values() if place.until is None]
    if group.is_active and len(left) < MIN_FOUNDERS and not is_told(group):
        dissolve(step, group, "no other member is left")
    report.dissolved = not group.is_active
    if group.is_active:
        _set_status(step, group, left, _ambassadors_seen(step, [group]).get(group.id))
        step.session.flush()
    report.status = group.status
    report.ambassador = step.names.get(group.ambassador_id or 0)
    return report


def check_idle(
    step: Step, groups: Collection[StoreGroup], places: Mapping[int, Collection[Membership]]
) -> list[GroupReport]:
    """Check active groups without candidates, whose members are ``places``: an Ambassador may have become stale."""
    seen = _ambassadors_seen(step, groups)
    for group in groups:
        _set_status(step, group, places[group.id], seen.get(group.id))
    step.session.flush()
    return [
        GroupReport(group.id, group.name, group.status, step.names.get(group.ambassador_id or 0)) for group in groups
    ]


def _hear(step: Step, group: StoreGroup, places: Mapping[int, Membership], found: Judged) -> int:
    """Let proven members whose crawls are left open tell their news, where nobody was judged; return changed lines."""
    if found.confirmed or found.rogues or not found.pending:
        return 0
    open_ones = [step.snapshots.of_crawl(crawl_id) for crawl_id in found.open_crawls]
    proven = (crawl for crawl in open_ones if _is_proven(places[crawl.store_id or 0]))
    return sum(take_open_news(step, group, crawl, found.moments) for crawl in proven)


def _is_proven(place: Membership) -> bool:
    return place.confirmed_at is not None and place.suspended_at is None


def _conclude(
    step: Step,
    group: StoreGroup,
    places: dict[int, Membership],
    found: Judged,
    report: GroupReport,
) -> None:
    if not found.confirmed and not found.rogues:
        return
    group.last_checked_at = step.now
    if not found.confirmed or lacks_a_voice(step, group, found, places):
        _diverge(step, group, places, found, report)
        return
    old_ambassador = group.ambassador_id
    for store_id, snapshot in found.confirmed.items():
        prove(step.session, places[store_id], snapshot.observed_to)
    _confirm_ambassador(step, group, places, found)
    own = [moment for moment in found.moments if moment.store_id == old_ambassador]
    newest = max(own, key=lambda moment: (moment.observed_to, moment.crawl_id), default=None)
    report.news = take_news(step, group, list(found.confirmed.values()), newest, _brackets(step, found))
    for snapshot in found.confirmed.values():
        report.news += _withdraw(step, group, snapshot)
    report.news += _promote(step, group, found, own)
    for snapshot in found.confirmed.values():
        end_exceptions(step, group, snapshot)
    if old_ambassador is not None and old_ambassador != group.ambassador_id:
        demand_verdict(step, group, own)
    doubted = {place.store_id for place in places.values() if place.suspended_at} - set(found.confirmed)
    for store_id in sorted(doubted | set(found.rogues), key=lambda store_id: step.names[store_id]):
        if not clear_if_alike(step, group, store_id, found):
            rogue = found.rogues.get(store_id)
            verdict = found.verdicts.get(rogue.crawl_id or 0) if rogue else None
            eject(step, group, store_id, rogue, verdict.reference if verdict else None)
            report.ejected.append(step.names[store_id])
    if group.status == "DIVERGENCE_DETECTED":
        step.log("healed", group)
    group.status = "HEALTHY"


def _diverge(step: Step, group: StoreGroup, places: dict[int, Membership], found: Judged, report: GroupReport) -> None:
    """Nobody was confirmed by what may confirm: rogues that were outvoted are outcast, others wait."""
    outvoted = _eject_outvoted(step, group, found) if not found.confirmed else []
    open_ones = {store_id: crawl for store_id, crawl in found.rogues.items() if store_id not in outvoted}
    left = {store_id: place for store_id, place in places.items() if store_id not in outvoted}
    if open_ones:
        report.ejected, report.news = resolve_divergence(step, group, left, found.moments, open_ones)
    report.ejected = sorted([*report.ejected, *(step.names[store_id] for store_id in outvoted)])


def _eject_outvoted(step: Step, group: StoreGroup, found: Judged) -> list[int]:
    """Outcast the rogues after whose crawl another member was confirmed: that was the tie-breaker."""
    crawl = sa.orm.aliased(Crawl)
    confirmed = step.session.execute(
        sa.select(GroupEvent.store_id, crawl.observed_from)
        .join(crawl, crawl.id == GroupEvent.candidate_crawl_id)
        .where(GroupEvent.group_id == group.id, GroupEvent.kind == "verdict", GroupEvent.verdict == "confirmed")
        .where(crawl.observed_from >= step.now - step.bracket)
    ).all()
    outvoted = []
    for store_id in sorted(found.rogues, key=lambda store_id: step.names[store_id]):
        rogue = found.rogues[store_id]
        if any(other != store_id and seen >= rogue.observed_to for other, seen in confirmed):
            verdict = found.verdicts[rogue.crawl_id or 0]
            eject(step, group, store_id, rogue, verdict.reference)
            outvoted.append(store_id)
    return outvoted


def _brackets(step: Step, found: Judged) -> list[Bracket]:
    """The confirmed candidates with the later crawls that cleared them."""
    return [
        (step.snapshots.of_crawl(crawl_id), verdict.later)
        for crawl_id, verdict in found.verdicts.items()
        if verdict.kind == "confirmed" and verdict.later
    ]


def _withdraw(step: Step, group: StoreGroup, shown: Snapshot) -> int:
    """Take markdowns back that a confirmed crawl contradicts, in the categories in which its store follows the list."""
    store_id = shown.store_id or 0
    speaks_for = shown.prices.completed - step.exceptions([store_id]).get(store_id, frozenset())
    crawl = step.session.get_one(Crawl, shown.crawl_id)
    changed = withdraw_contradicted(step.session, step.chain, crawl, group, speaks_for)
    if changed:
        step.snapshots.forget_list(group.id)
    return changed


def _confirm_ambassador(step: Step, group: StoreGroup, places: dict[int, Membership], found: Judged) -> None:
    """A candidate that matches most of what a crawl of the Ambassador showed proves the Ambassador's place too.

    Not so in a bracket: there only what the Ambassador had shown before, too, was compared.
    """
    if (place := places.get(group.ambassador_id or 0)) is None:
        return
    for crawl_id, verdict in found.verdicts.items():
        reference = verdict.reference
        if verdict.kind != "confirmed" or verdict.by != "near" or reference is None or reference.crawl_id is None:
            continue
        own, other = (step.snapshots.of_crawl(row_id) for row_id in (reference.crawl_id, crawl_id))
        if own.store_id == place.store_id and speak_for_most(own, other):
            prove(step.session, place, own.observed_to)


def _promote(step: Step, group: StoreGroup, found: Judged, own: Collection[Moment]) -> int:
    """The freshest confirmed store becomes Ambassador, and tells its news; return changed lines.

    The Ambassador's newest crawl, of its ``own``, is among them: a promotion makes no department of the group's prices
    older, unless the store denies what the Ambassador showed and nobody else. A store with category exceptions tells
    its news where it is the freshest of all, and never becomes Ambassador.
    """
    silent = step.exceptions(found.confirmed)
    standing = step.snapshots.look_at(group.ambassador_id) if group.ambassador_id is not None else None
    needed = standing.recent & set(step.catalogue.category_ids.tolist()) if standing else set()
    order = found.freshest_first(step)
    seen = standing.observed_to if standing else BEFORE_ALL
    fresher = [store_id for store_id in order if found.confirmed[store_id].observed_to > seen]
    able = [store_id for store_id in fresher if store_id not in silent]
    chosen = [store_id for store_id in able if needed <= found.confirmed[store_id].prices.completed]
    if able and not chosen and (doubtful := contradicted_crawl(step, group, own)):
        shown = step.snapshots.of_crawl(doubtful.crawl_id)
        chosen = [store_id for store_id in able if _denies(step, found.confirmed[store_id], shown)]
    changed = 0
    if fresher and fresher[0] in silent:
        changed = take_open_news(step, group, found.confirmed[fresher[0]], found.moments)
    if chosen:
        crawl = found.confirmed[chosen[0]]
        make_ambassador(step.session, group, chosen[0], step.now)
        step.log("promoted", group, chosen[0], candidate=crawl.crawl_id)
        changed += take_promoted_news(step, group, crawl, found.moments)
    return changed


def _denies(step: Step, crawl: Snapshot, doubtful: Snapshot) -> bool:
    """Whether a confirmed crawl shows that the doubtful one is another list: where both look, and at about one time."""
    apart = max(crawl.observed_from - doubtful.observed_to, doubtful.observed_from - crawl.observed_to)
    found = match(compare(crawl.prices, doubtful.prices), step.chain)
    return apart <= step.window and found.enough and not found.holds


def _ambassadors_seen(step: Step, groups: Collection[StoreGroup]) -> dict[int, datetime]:
    """When each group's Ambassador was seen last, where it takes the group's news; by group."""
    seen = (
        sa.select(StoreGroup.id, sa.func.max(StoreCategory.covered_at))
        .join(
            StoreCategory,
            sa.and_(StoreCategory.store_id == StoreGroup.ambassador_id, StoreCategory.group_id == StoreGroup.id),
        )
        .where(StoreGroup.id.in_([group.id for group in groups]))
        .group_by(StoreGroup.id)
    )
    return dict(step.session.execute(seen).all())


def _set_status(step: Step, group: StoreGroup, places: Collection[Membership], seen: datetime | None) -> None:
    """An Ambassador older than ``current_pricing_hours`` is stale; a divergence stays until it is resolved."""
    if group.status == "DIVERGENCE_DETECTED":
        if any(place.suspended_at for place in places):
            return
        step.log("healed", group)
    stale = seen is None or (step.now - seen).total_seconds() > step.chain.current_pricing_hours * 3600
    group.status = "AMBASSADOR_STALE" if stale and not is_told(group) else "HEALTHY"
