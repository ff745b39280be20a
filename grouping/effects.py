"""What follows from verdicts: news for the list, ejections, dissolution, new candidates, learnt price events."""

from collections.abc import Collection, Iterable
from datetime import datetime

import sqlalchemy as sa

from grouping.choosing import Moment
from grouping.departures import follow_whole_list, whole_list_group
from grouping.memberships import exceptions, leave_group, make_ambassador, members, open_membership
from grouping.overlap import compare
from grouping.references import Step
from grouping.verdict import Snapshot, Span, Verdict, match
from grouping.voting import Ballot, hold_vote
from grouping.withdrawing import withdraw_word_of
from splitcart.database.models import Candidate, Crawl, GroupEvent, PriceEvent, StoreGroup

Bracket = tuple[Snapshot, tuple[Snapshot, ...]]  # a candidate that was confirmed, and the crawls after it that did so


def take_news(
    step: Step,
    group: StoreGroup,
    confirmed: list[Snapshot],
    ambassador: Moment | None,
    brackets: Iterable[Bracket] = (),
) -> int:
    """Let the comparable confirmed crawls of a check vote on the list; return how many lines changed.

    Comparable is what lies within the window of the freshest; the Ambassador's newest crawl votes with them. So are a
    candidate and the crawls that confirmed it from after it: two stores that show the same.
    """
    changed = 0
    for candidate, later in sorted(brackets, key=lambda bracket: bracket[0].observed_to):
        changed += _vote(step, group, [_ballot(step, [candidate]), _ballot(step, later)])
    freshest = max(snapshot.observed_to for snapshot in confirmed)
    voters = {
        snapshot.store_id or 0: snapshot for snapshot in confirmed if freshest - snapshot.observed_to <= step.window
    }
    if ambassador and ambassador.store_id not in voters and abs(freshest - ambassador.observed_to) <= step.window:
        voters[ambassador.store_id] = step.snapshots.of_crawl(ambassador.crawl_id)
    order = sorted(voters, key=lambda store_id: step.names[store_id])
    return changed + _vote(step, group, [_ballot(step, [voters[store_id]]) for store_id in order])


def _vote(step: Step, group: StoreGroup, ballots: list[Ballot]) -> int:
    changed = hold_vote(step.session, group.id, ballots)
    if changed:
        step.snapshots.forget_list(group.id)
        step.log("voted", group, figures={"ballots": ballots, "lines": changed})
    return changed


def _ballot(step: Step, crawls: Iterable[Snapshot]) -> Ballot:
    """For what these crawls speak: the first that completed a category has the word, where the store follows."""
    ballot: Ballot = []
    heard: set[int] = set()
    for crawl in crawls:
        store_id, crawl_id = crawl.store_id or 0, crawl.crawl_id or 0
        speaks_for = crawl.prices.completed - step.exceptions([store_id]).get(store_id, frozenset()) - heard
        ballot.append((store_id, crawl_id, sorted(speaks_for)))
        heard |= speaks_for
    return ballot


def eject(
    step: Step, group: StoreGroup, store_id: int, crawl: Snapshot | None, reference: Snapshot | None = None
) -> None:
    """Outcast a rogue, and take its word back; without ``crawl`` the verdict that suspended it is the reason."""
    candidate, against = (crawl.crawl_id if crawl else None), (reference.crawl_id if reference else None)
    if crawl is None:
        row = last_rogue_verdict(step, group, store_id)
        candidate, against = (row.candidate_crawl_id, row.reference_crawl_id) if row else (None, None)
    place = open_membership(step.session, store_id, step.scope)
    proven = place.confirmed_at if place else None
    leave_group(step.session, store_id, step.now, "ejected", category_id=step.scope)
    step.session.execute(sa.delete(Candidate).where(Candidate.group_id == group.id, Candidate.store_id == store_id))
    witness = step.session.get(Crawl, against) if against is not None else None
    if proven is not None and witness is not None:
        for group_id in withdraw_word_of(step.session, step.company_id, store_id, proven, witness):
            step.snapshots.forget_list(group_id)
    step.log("ejected", group, store_id, verdict="rogue", candidate=candidate, reference=against)


def last_rogue_verdict(step: Step, group: StoreGroup, store_id: int) -> GroupEvent | None:
    """Return the newest verdict of this group that found the store a rogue."""
    return step.session.scalar(
        sa.select(GroupEvent)
        .where(
            GroupEvent.group_id == group.id,
            GroupEvent.store_id == store_id,
            GroupEvent.kind == "verdict",
            GroupEvent.verdict == "rogue",
        )
        .order_by(GroupEvent.at.desc(), GroupEvent.id.desc())
        .limit(1)
    )


def dissolve(step: Step, group: StoreGroup, reason: str) -> None:
    """End a group; the stores that are left in it are outliers until they find another."""
    for place in members(step.session, group.id):
        leave_group(step.session, place.store_id, step.now, "dissolved", category_id=step.scope)
    step.session.execute(sa.delete(Candidate).where(Candidate.group_id == group.id))
    make_ambassador(step.session, group, None, step.now)
    group.is_active = False
    group.status = "HEALTHY"
    step.log("dissolved", group, figures={"reason": reason})


def end_exceptions(step: Step, group: StoreGroup, crawl: Snapshot) -> None:
    """A confirmed crawl that shows the whole-list group's prices in an excepted category again ends the exception."""
    store_id, crawl_id = crawl.store_id or 0, crawl.crawl_id or 0
    excepted = exceptions(step.session, [store_id]).get(store_id)
    home = group if group.category_id is None or not excepted else whole_list_group(step, store_id)
    if not excepted or home is None:
        return
    shown, listed = step.snapshots.of_crawl(crawl_id).prices, step.snapshots.of_list(home.id, step.now).prices
    roots = step.catalogue.category_ids[step.catalogue.roots]
    for category_id in sorted(excepted):
        found = match(compare(shown, listed, only=roots == category_id), step.chain)
        alike = found.comparison.true_overlap >= step.chain.true_overlap and not found.failing_categories
        if found.holds or (alike and found.comparison.shared >= step.chain.category_min_shared):
            follow_whole_list(step, store_id, category_id, crawl_id, found.figures())


def demand_verdict(step: Step, group: StoreGroup, own: Collection[Moment]) -> None:
    """What a replaced Ambassador showed and nobody else, by its ``own`` crawls, is to be judged in the next run."""
    if (crawl := contradicted_crawl(step, group, own)) is None:
        return
    stamped = sa.select(Candidate.id).where(Candidate.group_id == group.id, Candidate.crawl_id == crawl.crawl_id)
    if step.session.scalar(stamped) is None:
        step.session.add(
            Candidate(group_id=group.id, store_id=crawl.store_id, crawl_id=crawl.crawl_id, stamped_at=step.now)
        )
        step.session.flush()


def contradicted_crawl(step: Step, group: StoreGroup, own: Collection[Moment]) -> Moment | None:
    """Return the newest of a member's ``own`` crawls that is not the list, since it told what waits for another store.

    None where nothing that it told since it was last proven waits, or what it showed last is the list. A crawl of some
    categories says nothing of what an earlier one showed in others.
    """
    newest = max(own, key=lambda moment: (moment.observed_to, moment.crawl_id), default=None)
    since = _news_waits_since(step, group, newest) if newest else None
    if since is None:
        return None
    heard: set[int] = set()
    for moment in sorted(own, key=lambda moment: (moment.observed_to, moment.crawl_id), reverse=True):
        if moment.observed_to >= since and not moment.category_ids <= heard:
            shown, listed = step.snapshots.of_crawl(moment.crawl_id, heard), step.snapshots.of_list(group.id, step.now)
            heard |= moment.category_ids
            if not match(compare(shown.prices, listed.prices), step.chain).holds:
                return moment
    return None


def _news_waits_since(step: Step, group: StoreGroup, newest: Moment) -> datetime | None:
    """When a member first showed what waits for a second store, since it was last proven or by its newest crawl."""
    place = open_membership(step.session, newest.store_id, step.scope)
    proven = place.confirmed_at if place else None
    waiting = (
        sa.select(sa.func.min(Crawl.observed_to))
        .join(GroupEvent, GroupEvent.candidate_crawl_id == Crawl.id)
        .where(
            GroupEvent.group_id == group.id,
            GroupEvent.kind == "news_waiting",
            GroupEvent.store_id == newest.store_id,
        )
    )
    if proven is not None:
        waiting = waiting.where(sa.or_(Crawl.observed_to > proven, Crawl.id == newest.crawl_id))
    return step.session.scalar(waiting)


def learn_price_events(step: Step, group: StoreGroup, verdicts: Iterable[Verdict]) -> None:
    """Record the changes of a large part of the list that cleared candidates, each as narrowly as they tell it."""
    spans: dict[int, Span] = {}
    for verdict in verdicts:
        if verdict.kind != "confirmed" or verdict.moved_within is None or verdict.reference is None:
            continue
        begun, ended, share = verdict.moved_within
        if share < step.chain.price_event_share:
            continue
        key = verdict.reference.crawl_id or 0
        if key in spans:
            begun, ended = max(begun, spans[key][0]), min(ended, spans[key][1])
        spans[key] = (begun, ended, share)
    for begun, ended, share in spans.values():
        known = sa.select(PriceEvent.id).where(
            PriceEvent.group_id == group.id, PriceEvent.observed_from < ended, PriceEvent.observed_to > begun
        )
        if begun < ended and step.session.scalar(known) is None:
            step.session.add(
                PriceEvent(
                    company_id=step.company_id,
                    group_id=group.id,
                    observed_from=begun,
                    observed_to=ended,
                    share_changed=share,
                )
            )
            step.session.flush()
