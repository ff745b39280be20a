"""No candidate was confirmed: suspend, wait for the tie-breaker, or find that the Ambassador is the rogue."""

from grouping.choosing import Moment
from grouping.effects import dissolve, eject, last_rogue_verdict, take_news
from grouping.judging import Judged
from grouping.memberships import confirm, make_ambassador, suspend
from grouping.overlap import compare
from grouping.references import Step, speak_for_most
from grouping.verdict import Snapshot, match
from splitcart.database.models import Membership, StoreGroup


def resolve_divergence(
    step: Step,
    group: StoreGroup,
    places: dict[int, Membership],
    moments: list[Moment],
    rogues: dict[int, Snapshot],
) -> tuple[list[str], int]:
    """Decide on a group whose check confirmed nobody; return the ejected stores' own ids and the lines of news.

    ``rogues`` are this check's, by store; members that are suspended already are doubted with them. Two of these that
    match each other overrule the Ambassador once the tie-breaker has spoken, or where nobody is left to ask.
    """
    doubted = {**_suspended(step, group, places), **rogues}
    untested = set(places) - set(doubted) - {group.ambassador_id}
    if group.status == "DIVERGENCE_DETECTED" or not untested:
        order = sorted(doubted, key=lambda store_id: step.names[store_id])
        order.sort(key=lambda store_id: doubted[store_id].observed_to, reverse=True)
        if pair := _agreeing_pair(step, group, [doubted[store_id] for store_id in order]):
            return _overrule_ambassador(step, group, moments, doubted, pair)
    if untested:
        if group.status != "DIVERGENCE_DETECTED":
            group.status = "DIVERGENCE_DETECTED"
            step.log("diverged", group)
        for store_id, snapshot in rogues.items():
            suspend(step.session, store_id, group.id, step.now)
            step.log("suspended", group, store_id, candidate=snapshot.crawl_id)
        return [], 0
    gone = sorted(doubted, key=lambda store_id: step.names[store_id])
    for store_id in gone:
        eject(step, group, store_id, None)
    dissolve(step, group, "nobody agrees with the Ambassador")
    return [step.names[store_id] for store_id in gone], 0


def clear_if_alike(step: Step, group: StoreGroup, store_id: int, found: Judged) -> bool:
    """Clear a doubted member (row id) whose crawl shows what a confirmed one shows, whatever the Ambassador showed."""
    crawl = found.rogues.get(store_id)
    if crawl is None:
        verdict = last_rogue_verdict(step, group, store_id)
        if verdict is None or verdict.candidate_crawl_id is None:
            return False
        crawl = step.snapshots.of_crawl(verdict.candidate_crawl_id)
    for other in found.confirmed.values():
        if speak_for_most(crawl, other) and match(compare(crawl.prices, other.prices), step.chain).holds:
            confirm(step.session, store_id, group.id, crawl.observed_to)
            step.log(
                "cleared", group, store_id, verdict="confirmed", candidate=crawl.crawl_id, reference=other.crawl_id
            )
            return True
    return False


def _suspended(step: Step, group: StoreGroup, places: dict[int, Membership]) -> dict[int, Snapshot]:
    found = {}
    for store_id, place in places.items():
        verdict = last_rogue_verdict(step, group, store_id) if place.suspended_at else None
        if verdict and verdict.candidate_crawl_id is not None:
            found[store_id] = step.snapshots.of_crawl(verdict.candidate_crawl_id)
    return found


def _agreeing_pair(step: Step, group: StoreGroup, crawls: list[Snapshot]) -> tuple[Snapshot, Snapshot] | None:
    """The freshest two that match each other in most of the list; the first can be an Ambassador."""
    listed = step.snapshots.of_list(group.id, step.now)
    crawls = [crawl for crawl in crawls if speak_for_most(crawl, listed)]
    silent = step.exceptions({crawl.store_id or 0 for crawl in crawls})
    for position, fresher in enumerate(crawls):
        for other in crawls[position + 1 :]:
            if match(compare(fresher.prices, other.prices), step.chain).holds:
                if fresher.store_id not in silent:
                    return fresher, other
                if other.store_id not in silent:
                    return other, fresher
    return None


def _overrule_ambassador(
    step: Step,
    group: StoreGroup,
    moments: list[Moment],
    doubted: dict[int, Snapshot],
    pair: tuple[Snapshot, Snapshot],
) -> tuple[list[str], int]:
    """The fresher of the pair takes the Ambassador's place; the list keeps its values except where the two agree."""
    fresher = pair[0]
    old = group.ambassador_id
    mine = [moment for moment in moments if moment.store_id == old]
    last = max(mine, key=lambda moment: (moment.observed_to, moment.crawl_id), default=None)
    make_ambassador(step.session, group, fresher.store_id, step.now)
    ejected = []
    if old is not None:
        crawl = step.snapshots.of_crawl(last.crawl_id) if last else None
        figures = match(compare(crawl.prices, fresher.prices), step.chain).figures() if crawl else {}
        step.log(
            "ambassador_rogue",
            group,
            old,
            verdict="rogue",
            candidate=last.crawl_id if last else None,
            reference=fresher.crawl_id,
            figures=figures,
        )
        eject(step, group, old, crawl, fresher)
        ejected.append(step.names[old])
    for store_id in sorted(doubted, key=lambda store_id: step.names[store_id]):
        crawl = doubted[store_id]
        if crawl in pair or match(compare(crawl.prices, fresher.prices), step.chain).holds:
            confirm(step.session, store_id, group.id, crawl.observed_to)
            step.log(
                "cleared", group, store_id, verdict="confirmed", candidate=crawl.crawl_id, reference=fresher.crawl_id
            )
        else:
            eject(step, group, store_id, None)
            ejected.append(step.names[store_id])
    group.status = "HEALTHY"
    step.log("healed", group)
    return ejected, take_news(step, group, list(pair), None)
