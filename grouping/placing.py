"""Places for stores without one: the best group whose list they show, or a new group with others like them.

The same serves whole lists and, by the scope of the step, the list of one category.

Rogues that were outcast are among them: a place found here is their re-homing. Stores are taken in the order of the
chain's own ids, so that the same crawls give the same groups.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import sqlalchemy as sa

from grouping.beginning import log_founders
from grouping.choosing import Moment
from grouping.crawl_verdict import judge_crawl
from grouping.departures import follow_whole_list
from grouping.history import Ban, read_bans
from grouping.lists import copy_list, found_list
from grouping.memberships import active_groups, join_group, make_ambassador, open_memberships
from grouping.novelty import Novelty, Subject, Vain, read_novelty
from grouping.offers import list_table
from grouping.overlap import Comparison, compare
from grouping.references import Step, read_moments, references, same_list, speak_for_most
from grouping.settled import store_is_apart
from grouping.ungrouped import ungrouped
from grouping.verdict import Match, Snapshot
from splitcart.database.models import Category, Crawl, StoreGroup

MAX_NAME = 120


@dataclass
class Placed:
    """What became of stores without a group, by their own ids, with the name of the group they came into."""

    joined: dict[str, str] = field(default_factory=dict)
    founded: dict[str, list[str]] = field(default_factory=dict)  # group name: founders


class _Fit(NamedTuple):
    """A store's offers that show a group's list."""

    group: StoreGroup
    store: Snapshot
    found: Match


def groups_in_scope(step: Step) -> list[StoreGroup]:
    """The active groups that are about whole lists, or (by the step's scope) about one category; oldest first."""
    return _groups_about(step, step.scope)


def _groups_about(step: Step, category_id: int | None) -> list[StoreGroup]:
    return [group for group in active_groups(step.session, step.company_id) if group.category_id == category_id]


def fits(step: Step, group: StoreGroup, store: Snapshot) -> Match | None:
    """Tell whether a store's standing offers are the group's list: now, as it was then, or between two crawls of it."""
    standing = step.snapshots.of_list(group.id, step.now)
    likeness = compare(store.prices, standing.prices)
    if found := same_list(step, store, standing, likeness):
        return found
    if not _may_be_bracketed(step, store, standing, likeness) or store_is_apart(step, group, store):
        return None
    moments = references(step, group, store.observed_from - step.bracket)
    verdict = judge_crawl(step, group.id, store, moments)
    if verdict.kind != "confirmed" or verdict.reference is None or verdict.match is None:
        return None
    return verdict.match if verdict.by == "bracket" or same_list(step, store, verdict.reference) else None


def place_stores(step: Step, tried: set[str], vain: Vain) -> Placed:
    """Give each ungrouped store the best group that it matches, and found groups among those that are left.

    ``tried`` keeps the names of leaders whose founding failed, so that a repetition ends; ``vain`` what was compared in
    this run without success.
    """
    placed = Placed()
    groups, seekers = sorted(groups_in_scope(step), key=lambda group: group.name), ungrouped(step)
    if not seekers:
        return placed
    novelty = read_novelty(step, groups, vain)
    if novelty.has_news(seekers) or novelty.has_group_news():
        step.snapshots.read_stores(seekers)
        bans, groups = read_bans(step), [group for group in groups if novelty.members.get(group.id)]
        pool = [store_id for store_id in seekers if not _join_best(step, store_id, groups, bans, novelty, placed)]
        for star in _stars(step, pool, novelty) if novelty.has_news(pool) else ():
            name = step.names[star[0].store_id or 0]
            if len(star) >= step.min_founders and name not in tried:
                tried.add(name)
                found_group(step, star, placed)
    if step.scope is not None and not (placed.joined or placed.founded):
        _found_beside(step, seekers, vain, placed)
    return placed


def _found_beside(step: Step, seekers: list[int], vain: Vain, placed: Placed) -> None:
    """Found category groups of stores that show another whole-list group's list there, so that they share its news.

    One store is enough: those whose list it is have a group already.
    """
    groups = _groups_about(step, None)
    novelty = read_novelty(step, groups, vain)
    if not (novelty.has_news(seekers) or novelty.has_group_news()):
        return
    step.snapshots.read_stores(seekers)
    own = {place.store_id: place.group_id for place in open_memberships(step.session, seekers)}
    stars: dict[int, list[_Fit]] = {}
    for store_id in seekers:
        others = [group for group in groups if group.id != own.get(store_id)]
        if best := _best_fit(step, store_id, others, {}, novelty):
            stars.setdefault(best.group.id, []).append(best)
    for beside in groups:
        if star := stars.get(beside.id):
            order = _freshest_first(step, [fit.store for fit in star])
            found = {fit.store.store_id: fit.found for fit in star}
            group = _begin_group(step, order[0])
            copy_list(step.session, group.id, beside.id, step.scope or 0)
            step.log("listed", group, figures={"from": beside.id})
            _enter_founders(step, group, [(store, found[store.store_id]) for store in order], placed)


def _join_best(
    step: Step,
    store_id: int,
    groups: list[StoreGroup],
    bans: dict[tuple[int, int], Ban],
    novelty: Novelty,
    placed: Placed,
) -> bool:
    if (best := _best_fit(step, store_id, groups, bans, novelty)) is None:
        return False
    group, store, found = best
    enter_group(step, group, store)
    step.log("joined", group, store_id, verdict="confirmed", candidate=store.crawl_id, figures=found.figures())
    placed.joined[step.names[store_id]] = group.name
    return True


def _best_fit(
    step: Step, store_id: int, groups: list[StoreGroup], bans: dict[tuple[int, int], Ban], novelty: Novelty
) -> _Fit | None:
    best: tuple[tuple[float, int], _Fit] | None = None
    for group in groups:
        pair: tuple[Subject, Subject] = ("store", store_id), ("group", group.id)
        ban = bans.get((store_id, group.id))
        if (not ban and novelty.is_old(*pair)) or (store := step.snapshots.of_store(store_id)) is None:
            continue
        if ban and ban.holds(step, group, store):
            continue
        if not (found := fits(step, group, store)):
            novelty.was_in_vain(*pair)
            continue
        rank = (found.comparison.true_overlap, found.comparison.shared)
        if best is None or rank > best[0]:
            best = rank, _Fit(group, store, found)
    return best and best[1]


def enter_group(step: Step, group: StoreGroup, store: Snapshot) -> None:
    """Give a store its place; what it shows of the whole list ends its places in category groups."""
    store_id = store.store_id or 0
    join_group(step.session, store_id, group.id, step.now, store.observed_to, category_id=step.scope)
    if step.scope is None:
        follow_whole_lists(step, store)


def follow_whole_lists(step: Step, store: Snapshot, but: Collection[int] = ()) -> None:
    """End a store's exceptions where its crawl shows its whole-list group's list: in all it completed, ``but`` some."""
    store_id = store.store_id or 0
    places = step.exceptions([store_id]).get(store_id, frozenset())
    for category_id in sorted((places & store.prices.completed).difference(but)):
        follow_whole_list(step, store_id, category_id, store.crawl_id)


def _stars(step: Step, store_ids: list[int], novelty: Novelty) -> list[list[Snapshot]]:
    """Each store goes to the leader that it matches best, or becomes a leader; the leader stands first in its star."""
    pool = [store for store in map(step.snapshots.of_store, store_ids) if store is not None]
    moments: dict[int, list[Moment]] = {}
    if pool:
        since = min(store.observed_from for store in pool) - step.bracket
        crawled_by = Crawl.store_id.in_([store.store_id for store in pool])
        for moment in read_moments(step.session, sa.and_(crawled_by, Crawl.observed_to >= since), step.scope):
            moments.setdefault(moment.store_id, []).append(moment)
    stars: list[list[Snapshot]] = []
    for store in pool:
        best: tuple[float, list[Snapshot]] | None = None
        for star in stars:
            pair: tuple[Subject, Subject] = ("store", star[0].store_id or 0), ("store", store.store_id or 0)
            if novelty.is_old(*pair):
                continue
            overlap = agreement(step, star[0], store, moments)
            if overlap is None:
                novelty.was_in_vain(*pair)
            elif best is None or overlap > best[0]:
                best = overlap, star
        if best:
            best[1].append(store)
        else:
            stars.append([store])
    return stars


def agreement(step: Step, a: Snapshot, b: Snapshot, moments: dict[int, list[Moment]]) -> float | None:
    """True Overlap of two stores that show one list, directly or between two crawls of the later one; else None."""
    older, newer = sorted((a, b), key=lambda store: store.observed_to)
    if newer.observed_from - older.observed_to <= step.window:
        found = same_list(step, a, b)
        return found.comparison.true_overlap if found else None
    if not _may_be_bracketed(step, a, b, compare(a.prices, b.prices)):
        return None
    standing = replace(newer, prices=newer.whole)
    verdict = judge_crawl(step, None, older, moments.get(newer.store_id or 0, []), standing)
    return verdict.match.comparison.true_overlap if verdict.kind == "confirmed" and verdict.match else None


def _may_be_bracketed(step: Step, a: Snapshot, b: Snapshot, likeness: Comparison) -> bool:
    """Whether crawls before and after could still prove one list: the range is the same, and enough may be stable."""
    alike = likeness.range_overlap >= step.chain.range_overlap
    return alike and likeness.true_overlap >= step.chain.min_stable_share and speak_for_most(a, b, likeness)


def found_group(step: Step, star: list[Snapshot], placed: Placed) -> None:
    """Found a group: the Ambassador is the freshest complete store; those that do not show the voted list stay out."""
    order = _freshest_first(step, star)
    group = _begin_group(step, order[0])
    founders = [store for store in order if abs(store.observed_to - order[0].observed_to) <= step.window]
    voters = [store.store_id or 0 for store in founders]
    found_list(step.session, group.id, voters, step.scope)
    showing = [(store, found) for store in order if (found := fits(step, group, store))]
    if len(showing) < step.min_founders:
        step.session.execute(sa.delete(list_table).where(list_table.c.group_id == group.id))
        step.snapshots.forget_list(group.id)  # SQLite may give the next group the same id
        step.session.delete(group)
        return
    log_founders(step, group, voters)
    _enter_founders(step, group, showing, placed)
    make_ambassador(step.session, group, showing[0][0].store_id, step.now)


def _freshest_first(step: Step, star: list[Snapshot]) -> list[Snapshot]:
    """Stores by their crawls, the newest of those that saw everything in front."""
    complete = _completely_crawled(step, star)
    order = sorted(star, key=lambda store: step.names[store.store_id or 0])
    return sorted(order, key=lambda store: (store.crawl_id in complete, store.observed_to), reverse=True)


def _begin_group(step: Step, founder: Snapshot) -> StoreGroup:
    group = StoreGroup(
        company_id=step.company_id,
        category_id=step.scope,
        name=_name(step, founder),
        status="HEALTHY",
        created_at=step.now,
        last_checked_at=step.now,
    )
    step.session.add(group)
    step.session.flush()
    return group


def _enter_founders(step: Step, group: StoreGroup, showing: list[tuple[Snapshot, Match]], placed: Placed) -> None:
    """Give the founders their places."""
    for store, found in showing:
        enter_group(step, group, store)
        step.log(
            "founded",
            group,
            store.store_id,
            verdict="confirmed",
            candidate=store.crawl_id,
            figures=found.figures(),
        )
    placed.founded[group.name] = sorted(step.names[store.store_id or 0] for store, _ in showing)


def _name(step: Step, founder: Snapshot) -> str:
    name = f"{step.chain.slug} {step.names[founder.store_id or 0]}"
    if step.scope is None:
        return name
    category = step.session.get_one(Category, step.scope).name
    return f"{name}: {category}"[:MAX_NAME]


def _completely_crawled(step: Step, stores: Iterable[Snapshot]) -> set[int]:
    """The crawls (row ids) that saw all that the step is about."""
    crawl_ids = [store.crawl_id for store in stores if store.crawl_id is not None]
    if step.scope is not None:
        return set(crawl_ids)
    return set(step.session.scalars(sa.select(Crawl.id).where(Crawl.id.in_(crawl_ids), Crawl.complete.is_(True))))
