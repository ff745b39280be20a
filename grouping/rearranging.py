"""From the present groups to what the stars show: stores that leave, join, move, found; each with its proof.

A store leaves its group only on proof: its star's leader is a rogue there by a bracket, or shows the list of another
group and not this one's. What is undecided stays where it is.
"""

from collections import Counter
from dataclasses import dataclass, field

import sqlalchemy as sa

from grouping.crawl_verdict import judge_crawl
from grouping.departures import replace_ambassador
from grouping.effects import dissolve, eject
from grouping.history import read_bans
from grouping.memberships import members
from grouping.merging import merge_groups
from grouping.novelty import Vain
from grouping.placing import Placed, enter_group, fits, found_group, groups_in_scope
from grouping.references import Step, references
from grouping.verdict import Snapshot
from splitcart.database.models import Membership, StoreGroup

DIVERGENCE = "DIVERGENCE_DETECTED"  # left to its tie-breaker


@dataclass
class Arrangement:
    """What was done; groups by name, stores by the chain's own ids."""

    merged: dict[str, str] = field(default_factory=dict)
    undecided: list[str] = field(default_factory=list)


def rearrange(step: Step, stars: list[list[int]]) -> Arrangement:
    """Give each store (row id) the place that its star shows; the larger stars choose their groups first."""
    done = Arrangement()
    places = _places(step)
    groups = {group.id: group for group in groups_in_scope(step)}
    claimed: set[int] = set()
    for star in stars:
        here = [store_id for store_id in star if not _diverged(groups, places.get(store_id))]
        home = _home(groups, here, places, claimed) if len(star) > 1 else None
        if home is not None:
            claimed.add(home.id)
        leader = _snapshot(step, star[0])
        if here and leader is not None:
            _settle(step, groups, here, places, home, leader, done)
    done.merged = merge_groups(step, Vain())
    for group in groups_in_scope(step):
        if len(members(step.session, group.id)) < step.min_founders:
            dissolve(step, group, "reanalysed: no other member is left")
    return done


def _places(step: Step) -> dict[int, int]:
    rows = step.session.execute(
        sa.select(Membership.store_id, sa.type_coerce(Membership.group_id, sa.Integer)).where(
            Membership.until.is_(None),
            Membership.category_id.is_(None),
            Membership.group_id.is_not(None),
            Membership.store_id.in_(list(step.names)),
        )
    )
    return dict(rows.all())


def _diverged(groups: dict[int, StoreGroup], group_id: int | None) -> bool:
    return group_id is not None and groups[group_id].status == DIVERGENCE


def _home(
    groups: dict[int, StoreGroup], star: list[int], places: dict[int, int], claimed: set[int]
) -> StoreGroup | None:
    """The group that most of a star's stores are in and no larger star has claimed."""
    votes = Counter(places[store_id] for store_id in star if store_id in places)
    ranked = sorted(votes, key=lambda group_id: (-votes[group_id], groups[group_id].name))
    return next((groups[group_id] for group_id in ranked if group_id not in claimed), None)


def _snapshot(step: Step, store_id: int) -> Snapshot | None:
    return step.snapshots.of_store(store_id, step.exceptions([store_id]).get(store_id, frozenset()))


def _settle(
    step: Step,
    groups: dict[int, StoreGroup],
    star: list[int],
    places: dict[int, int],
    home: StoreGroup | None,
    leader: Snapshot,
    done: Arrangement,
) -> None:
    """Let the stores of one star leave other groups on proof, then join their own or found one."""
    free = [store_id for store_id in star if store_id not in places]
    others = sorted({places[store_id] for store_id in star if store_id in places} - {home.id if home else 0})
    for group in (groups[group_id] for group_id in others):
        inside = [store_id for store_id in star if places.get(store_id) == group.id]
        leaving = _leaving(step, group, home, leader)
        if leaving is None:
            done.undecided += [step.names[store_id] for store_id in inside]
        elif leaving:
            free += [store_id for store_id in inside if _leave(step, group, home, store_id, leader)]
    snapshots = [snapshot for store_id in sorted(free, key=star.index) if (snapshot := _snapshot(step, store_id))]
    if home is not None:
        _enter_home(step, home, snapshots)
    elif len(snapshots) >= step.min_founders:
        found_group(step, snapshots, Placed())


def _leaving(step: Step, group: StoreGroup, home: StoreGroup | None, leader: Snapshot) -> bool | None:
    """Whether a star's stores are in the wrong group; None: nothing proves it, nor that they are in the right one."""
    if fits(step, group, leader):
        return False
    if home is not None and fits(step, home, leader):
        return True
    verdict = judge_crawl(step, group.id, leader, references(step, group, leader.observed_from - step.bracket))
    return True if verdict.kind == "rogue" else None


def _leave(step: Step, group: StoreGroup, home: StoreGroup | None, store_id: int, leader: Snapshot) -> bool:
    store = _snapshot(step, store_id)
    if store is None or fits(step, group, store) or (home is not None and not fits(step, home, store)):
        return False
    eject(step, group, store_id, store, None if leader.store_id == store_id else leader)
    if group.ambassador_id == store_id:
        replace_ambassador(step, group)
    return True


def _enter_home(step: Step, home: StoreGroup, stores: list[Snapshot]) -> None:
    bans = read_bans(step)
    for store in stores:
        store_id = store.store_id or 0
        ban, found = bans.get((store_id, home.id)), fits(step, home, store)
        if found is None or (ban and ban.holds(step, home, store)):
            continue
        enter_group(step, home, store)
        step.log("joined", home, store_id, verdict="confirmed", candidate=store.crawl_id, figures=found.figures())
