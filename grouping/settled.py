"""What can be told from the dates of a list's lines alone: a difference that no news explains is one of place.

A line that stood unchanged since before a store was looked at, and still stood when the list was seen after that, is
*settled*: if the store showed another price there, time is no reason. So most pairs that are not one list are known to
be apart without a look at any crawl. What is settled proves nothing else: whether a store belongs, crawls decide.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from grouping.choosing import AROUND_HOURS
from grouping.overlap import Mask, PriceList, compare
from grouping.references import Step, read_references, references
from grouping.verdict import PROMOTED_OVERLAP, Snapshot, binomial_tail, match
from splitcart.database.models import StoreGroup

SLACK = timedelta(hours=AROUND_HOURS)  # a change takes as long to reach every store of a list


def store_is_apart(step: Step, group: StoreGroup, store: Snapshot) -> bool:
    """Whether a store's standing offers cannot be the group's list, whatever happened since."""
    listed = step.snapshots.of_list(group.id, step.now)
    settled = ~step.snapshots.changed_since(group.id, store.observed_from - SLACK)
    return _seen_after(step, group, store, store.observed_to) and _differ(step, store.prices, listed.prices, settled)


def groups_are_apart(step: Step, one: StoreGroup, other: StoreGroup) -> bool:
    """Whether two groups' lists cannot be one, whatever the one was told and the other not yet."""
    settled = _settled_in_both(step, one, other)
    if settled is None:
        return False
    lists = [step.snapshots.of_list(group.id, step.now) for group in (one, other)]
    return _differ(step, lists[0].prices, lists[1].prices, settled)


def members_second(step: Step, one: StoreGroup, other: StoreGroup, stores: Sequence[Snapshot]) -> bool:
    """Whether members of ``other`` show together, in some category, that its list is not that of ``one``.

    A store's own deviations are its own: in how many settled lines two stores have the same ones by chance, the square
    of ``category_error_rate`` says.
    """
    settled = _settled_in_both(step, one, other) if len(stores) > 1 else None
    if settled is None:
        return False
    a, b = (step.snapshots.of_list(group.id, step.now).prices for group in (one, other))
    alike = a.regular == b.regular
    for store in stores:
        settled &= alike | (store.prices.regular == b.regular)
    found = compare(a, b, only=settled)
    return any(
        different >= step.chain.category_min_different
        and binomial_tail(different, shared, step.chain.category_error_rate**2) < step.chain.category_tail
        for different, shared in zip(found.regular_different_in.tolist(), found.shared_in.tolist(), strict=True)
    )


def _settled_in_both(step: Step, one: StoreGroup, other: StoreGroup) -> Mask | None:
    """The lines that stood in each list since before the other was seen last; None: one was not seen lately."""
    seen = [_last_seen(step, group) for group in (one, other)]
    if seen[0] is None or seen[1] is None:
        return None
    settled = ~step.snapshots.changed_since(one.id, seen[1] - SLACK)
    settled &= ~step.snapshots.changed_since(other.id, seen[0] - SLACK)
    return settled


class PlainlyApart:
    """Which of many groups' lists are so far apart that no clause of the match rule can hold; all at once.

    It says less than ``groups_are_apart`` of each pair (nothing of single categories), and nothing else.
    """

    def __init__(self, step: Step, groups: Sequence[StoreGroup]) -> None:
        """Read the lists of the groups: prices, when each line last changed, and when all of it was last seen."""
        self._chain = step.chain
        self._ids = np.array([group.id for group in groups])
        lists = step.snapshots.of_lists(self._ids.tolist())
        self._price = np.array([lists[group.id].prices.price for group in groups])
        read_references(step, groups, step.now - step.bracket)
        seen = [_last_seen(step, group) for group in groups]
        since = min((at for at in seen if at is not None), default=step.now) - SLACK
        self._changed = step.snapshots.changes_since(self._ids.tolist(), since)
        self._seen = np.array([np.nan if at is None else (at - SLACK).timestamp() for at in seen])

    def later_than(self, i: int) -> frozenset[int]:
        """Return the groups (row ids) after the one at ``i`` from which it is plainly apart."""
        price, changed, seen, chain = self._price[i + 1 :], self._changed[i + 1 :], self._seen[i + 1 :], self._chain
        both = (price >= 0) & (self._price[i] >= 0)
        different = both & (price != self._price[i])
        settled = both & (changed <= self._seen[i]) & (self._changed[i] <= seen[:, None])
        shared, on_settled = both.sum(axis=1), settled.sum(axis=1)
        least = np.maximum(chain.min_stable_share * shared, np.minimum(chain.min_stable_skus, shared / 2))
        told = on_settled >= np.maximum(least, chain.min_shared_skus)
        apart = told & self._too_many(different.sum(axis=1), shared)
        apart &= self._too_many((different & settled).sum(axis=1), on_settled)
        return frozenset(self._ids[i + 1 :][apart].tolist())

    def _too_many(self, different: NDArray[np.int64], shared: NDArray[np.int64]) -> Mask:
        least_overlap = min(PROMOTED_OVERLAP, self._chain.true_overlap)
        found: Mask = (different >= self._chain.category_min_different) & (shared - different < least_overlap * shared)
        return found


def _differ(step: Step, a: PriceList, b: PriceList, settled: Mask) -> bool:
    """Whether the match rule fails on what is settled, and that is enough to tell."""
    shared = int((a.shown & b.shown).sum())
    found = match(compare(a, b, only=settled), step.chain)
    least = max(step.chain.min_stable_share * shared, min(step.chain.min_stable_skus, shared / 2))
    return found.enough and found.comparison.shared >= least and not found.holds


def _seen_after(step: Step, group: StoreGroup, store: Snapshot, at: datetime) -> bool:
    """Whether later crawls speak for the group in every category that the store's offers are of."""
    moments = references(step, group, at)
    later = [moment.category_ids for moment in moments if moment.observed_from >= at]
    return store.prices.completed <= frozenset().union(*later)


def _last_seen(step: Step, group: StoreGroup) -> datetime | None:
    """When the list was last seen in each of its categories; None: not within the bracket."""
    newest: dict[int, datetime] = {}
    for moment in references(step, group, step.now - step.bracket):
        for category_id in moment.category_ids:
            newest[category_id] = max(newest.get(category_id, moment.observed_from), moment.observed_from)
    wanted = step.snapshots.of_list(group.id, step.now).prices.completed
    if not newest.keys() >= wanted:
        return None
    return min((newest[category_id] for category_id in wanted), default=None)
