"""Optimization: what keeps the groups' lists current and the memberships proven, at the fewest crawls."""

from collections.abc import Collection, Iterator
from itertools import zip_longest

from scheduler.doubts import ambassador, second_voice, tie_breakers
from scheduler.entry import QueueEntry
from scheduler.groups import CAME_TO_NOTHING, DIVERGED, HEALTHY, GroupStanding
from scheduler.roster import StoreStanding
from scheduler.selection import Selection

PAIR = 2
ERROR_WEIGHT = 50  # with 2 % of its inferences wrong, a group's turn comes as if it had waited twice as long
TURNS = {"outlier", "check"}


def optimization_entries(
    selection: Selection, groups: Collection[GroupStanding], placed: Collection[int]
) -> Iterator[QueueEntry]:
    """Yield stores in the order to scrape them, each once. ``placed``: row ids with a whole-list membership.

    First all that is in doubt, whole-list groups before category groups and large ones before small ones; then by
    turns one outlier, or one Ambassador of a category group, and the pair of one group, beginning where the last leases
    left off.
    """
    in_play = [group for group in groups if _is_in_play(selection, group)]
    in_play.sort(key=lambda group: (group.category is not None, -len(group.members), group.id))
    yield from _doubts(selection, in_play)
    half_given = _half_given(selection)
    for group in in_play:
        if group.id == half_given and group.status == HEALTHY:
            yield from _pair(selection, group, PAIR - 1)
    of_categories = [group for group in in_play if group.category is not None]
    singles = _by_turns(
        (entry for group in of_categories for entry in ambassador(selection, group)), _outliers(selection, placed)
    )
    pairs = _pairs(selection, [group for group in in_play if group.id != half_given])
    if _was_single(selection, {group.id for group in of_categories}):
        yield from next(pairs, [])
    while True:
        single, pair = next(singles, None), next(pairs, [])
        if single is not None:
            yield single
        yield from pair
        if single is None and not pair:
            return


def _doubts(selection: Selection, in_play: Collection[GroupStanding]) -> Iterator[QueueEntry]:
    """What a group waits for; only a category group's Ambassador can wait: it speaks for a part of a few stores."""
    for group in in_play:
        if group.status == DIVERGED:
            yield from tie_breakers(selection, group)
    for group in in_play:
        yield from second_voice(selection, group)
    for group in in_play:
        if group.category is None:
            yield from ambassador(selection, group)


def _by_turns(first: Iterator[QueueEntry], second: Iterator[QueueEntry]) -> Iterator[QueueEntry]:
    for one, other in zip_longest(first, second):
        yield from (entry for entry in (one, other) if entry is not None)


def _was_single(selection: Selection, of_categories: Collection[int]) -> bool:
    """Whether of the last leases that took turns the very last was no check."""
    turns = [
        lease.kind
        for lease in selection.roster.leases
        if lease.kind in TURNS or (lease.kind == "ambassador" and lease.group_id in of_categories)
    ]
    return bool(turns) and turns[-1] != "check"


def _is_in_play(selection: Selection, group: GroupStanding) -> bool:
    """A group is kept current as soon as one of its members' clusters is through with discovery.

    A category group without an Ambassador is told its list by others: its stores have their turn as a whole.
    """
    if group.category is not None and group.ambassador is None:
        return False
    roster = selection.roster
    stores = (roster.stores[store] for store in group.members if store in roster.stores)
    return any(roster.phase(store) == "optimization" for store in stores)


def _outliers(selection: Selection, placed: Collection[int]) -> Iterator[QueueEntry]:
    stores = selection.roster.stores.values()
    outliers = [store for store in stores if store.id not in placed and _is_due(selection, store)]
    for store in sorted(outliers, key=lambda store: (-selection.hours_since(store.covered_at), store.id)):
        if selection.is_free(store.id):
            days = selection.hours_since(store.covered_at) / 24
            yield selection.choose(store.id, "outlier", f"outlier with the oldest data, {days:.1f} days old")


def _is_due(selection: Selection, store: StoreStanding) -> bool:
    if store.covered_at is None or store.observed_from is None or selection.roster.phase(store) != "optimization":
        return False
    change = selection.last_change(store.id, reached=0.5)
    return selection.now - store.covered_at >= selection.pause or (change is not None and store.observed_from < change)


def _pairs(selection: Selection, groups: Collection[GroupStanding]) -> Iterator[list[QueueEntry]]:
    waiting = [group for group in groups if group.status == HEALTHY and not _is_checked(selection, group)]

    def rank(group: GroupStanding) -> tuple[float, int]:
        return -selection.hours_since(group.last_checked_at) * (1 + ERROR_WEIGHT * group.wrong_share), group.id

    for group in sorted(waiting, key=rank):
        if pair := list(_pair(selection, group, PAIR)):
            yield pair


def _is_checked(selection: Selection, group: GroupStanding) -> bool:
    recently = selection.now - selection.pause
    run = group.last_checked_at is not None and group.last_checked_at > recently
    return run or bool(group.leased("check", since=recently))


def _pair(selection: Selection, group: GroupStanding, size: int) -> Iterator[QueueEntry]:
    members = selection.least_recent(group, [store for store in group.unsuspended if store != group.ambassador])
    covered_at, _ = selection.seen(group, group.ambassador)
    comparable = covered_at is not None and selection.now - covered_at <= selection.window
    if members and not comparable and group.ambassador is not None and selection.is_free(group.ambassador):
        members.insert(0, group.ambassador)
    days = selection.hours_since(group.last_checked_at) / 24
    last = f"last checked {days:.1f} days ago" if group.last_checked_at else "never checked"
    for row_id in members[:size]:
        role = "its Ambassador, too old to compare with" if row_id == group.ambassador else "least recently scraped"
        yield selection.choose(row_id, "check", f"check of {group.name}, {last}: {role}", group)


def _half_given(selection: Selection) -> int | None:
    """Return the group of whose pair a call for a single store took the first half."""
    recently = selection.now - selection.window
    turns = [
        lease
        for lease in selection.roster.leases
        if lease.kind in TURNS and lease.leased_at >= recently and lease.outcome not in CAME_TO_NOTHING
    ]
    last = [lease.group_id for lease in turns[-PAIR:] if lease.kind == "check"]
    return last[-1] if turns and turns[-1].kind == "check" and last.count(last[-1]) < PAIR else None
