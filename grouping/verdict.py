"""The match rule, and the verdict on a candidate crawl: time against place; pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from math import ceil, exp, lgamma, log
from typing import Any, Literal

import numpy as np

from grouping.overlap import Comparison, Counts, Mask, PriceList, compare
from splitcart.config import Chain

PROMOTED_OVERLAP = 0.95  # of ticket prices, where regular prices agree to REGULAR_OVERLAP: local promotions
REGULAR_OVERLAP = 0.995
MIN_COMPARABLE_SHARE = 0.5  # of all that is known of either side: a crawl of one department does not place a store

Kind = Literal["confirmed", "rogue", "pending"]
Span = tuple[datetime, datetime, float]  # the interval in which prices moved, and the share of skus that did


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What one crawl showed (or, ``crawl_id`` None, what a group's list said) and when. Ids are row ids.

    ``known`` is all that is known of a store's shelf, of whatever date, where that is more than ``prices``.
    """

    prices: PriceList
    observed_from: datetime
    observed_to: datetime
    store_id: int | None = None
    crawl_id: int | None = None
    known: PriceList | None = None

    @property
    def whole(self) -> PriceList:
        """All that is known of the shelf or the list."""
        return self.known or self.prices

    def without(self, category_ids: Collection[int]) -> "Snapshot":
        """The same snapshot, silent on these root categories."""
        if not category_ids:
            return self
        known = self.known and self.known.without(category_ids)
        return replace(self, prices=self.prices.without(category_ids), known=known)

    def completed_by(self, others: Iterable["Snapshot"]) -> "Snapshot":
        """One reference of several: what this one lacks is taken from the first of the others that completed it."""
        prices = self.prices
        for other in others:
            prices = prices.completed_by(other.prices)
        return self if prices is self.prices else replace(self, prices=prices)


@dataclass(frozen=True)
class Match:
    """The match rule's answer with its figures; ``rule`` says which of its two clauses holds."""

    rule: Literal["ticket", "regular"] | None
    enough: bool
    failing_categories: tuple[int, ...]
    comparison: Comparison

    @property
    def holds(self) -> bool:
        """Whether the two lists are one."""
        return self.rule is not None

    def figures(self) -> dict[str, Any]:
        """What a verdict keeps: figures, and which categories and skus differed."""
        found = self.comparison
        return {
            "true_overlap": round(found.true_overlap, 5),
            "range_overlap": round(found.range_overlap, 5),
            "shared": found.shared,
            "equal": found.equal,
            "regular_equal": found.regular_equal,
            "rule": self.rule,
            "failing_categories": list(self.failing_categories),
            "categories": {str(key): list(counts) for key, counts in found.differing_categories().items()},
            "skus": list(found.differing_skus),
        }


@dataclass(frozen=True, eq=False)
class Testimony:
    """What could testify in a bracket: ``stable`` of the ``shared`` skus kept their offer from ``before`` to ``after``.

    ``needed`` is how many stable skus a verdict takes; counts of skus. ``mask`` says which are stable.
    """

    before: tuple[Snapshot, ...]
    after: tuple[Snapshot, ...]
    shared: int
    stable: int
    needed: int
    mask: Mask


@dataclass(frozen=True)
class Verdict:
    """What a candidate crawl proves. ``reference`` is the crawl (None: the group's list) that decided.

    Where a bracket decided, ``testimony`` says on what, and ``moved_within`` is the narrowest interval in which prices
    moved between its crawls, with the share of skus that did. ``heard`` are all the crawls (row ids) that were asked.
    """

    kind: Kind
    by: Literal["near", "bracket"] | None
    match: Match | None
    reference: Snapshot | None
    moved_within: Span | None = None
    testimony: Testimony | None = None
    heard: tuple[int, ...] = ()

    @property
    def later(self) -> tuple[Snapshot, ...]:
        """The crawls after the candidate's that decided, where a bracket did."""
        return self.testimony.after if self.testimony else ()

    def figures(self) -> dict[str, Any]:
        """What the log keeps of it: how it was decided, on which crawls, and the match rule's figures."""
        kept: dict[str, Any] = {"by": self.by, "heard": list(self.heard)}
        if self.testimony:
            kept["bracket"] = {
                "before": [crawl.crawl_id for crawl in self.testimony.before],
                "after": [crawl.crawl_id for crawl in self.testimony.after],
                "shared": self.testimony.shared,
                "stable": self.testimony.stable,
                "needed": self.testimony.needed,
            }
        return kept | (self.match.figures() if self.match else {})


@lru_cache(maxsize=65536)
def binomial_tail(different: int, shared: int, rate: float) -> float:
    """P(M >= different) for M ~ Binomial(shared, rate), 0 < rate < 1."""
    if different <= 0:
        return 1.0
    if different > shared:
        return 0.0
    odds = rate / (1 - rate)
    if different <= shared * rate:  # the tail is the larger part: sum the other one, downwards from its largest term
        rest = term = _binomial_term(different - 1, shared, rate)
        for m in range(different - 1, 0, -1):
            term *= m / (shared - m + 1) / odds
            rest += term
        return 1.0 - rest
    total = term = _binomial_term(different, shared, rate)
    for m in range(different, shared):
        term *= (shared - m) / (m + 1) * odds
        total += term
        if term < total * 1e-16:
            break
    return total


def _binomial_term(m: int, n: int, rate: float) -> float:
    return exp(lgamma(n + 1) - lgamma(m + 1) - lgamma(n - m + 1) + m * log(rate) + (n - m) * log(1 - rate))


def match(comparison: Comparison, chain: Chain) -> Match:
    """Apply the match rule: True Overlap, enough shared skus, and every testable category holds.

    Of a list so short that the share would not allow it, fewer than ``category_min_different`` skus may differ: a local
    clearance among forty skus of one category is no other list.
    Where regular prices exist, 95 % equal ticket prices are a match too, if 99.5 % of the regular prices are equal and
    every testable category holds in them.
    """
    enough = comparison.shared >= chain.min_shared_skus
    failing = _failing(comparison, comparison.different_in, chain)
    rule: Literal["ticket", "regular"] | None = None
    few = comparison.shared - comparison.equal < chain.category_min_different
    if enough and (few or comparison.true_overlap >= chain.true_overlap) and not failing:
        rule = "ticket"
    elif (
        enough
        and comparison.true_overlap >= PROMOTED_OVERLAP
        and comparison.regular_overlap >= REGULAR_OVERLAP
        and not _failing(comparison, comparison.regular_different_in, chain)
    ):
        rule = "regular"
    return Match(rule, enough, failing, comparison)


@dataclass(frozen=True, slots=True)
class CategoryTest:
    """One root category of a comparison: counts of skus, and how likely chance shows so many differences."""

    category_id: int
    shared: int
    different: int
    tail: float
    testable: bool
    fails: bool


def category_tests(comparison: Comparison, chain: Chain, *, regular: bool = False) -> list[CategoryTest]:
    """Test each category in which skus are shared by its ticket prices, or by its ``regular`` ones."""
    different_in = comparison.regular_different_in if regular else comparison.different_in
    return [_test(comparison, different_in, i, chain) for i in np.flatnonzero(comparison.shared_in).tolist()]


def _test(comparison: Comparison, different_in: Counts, i: int, chain: Chain) -> CategoryTest:
    shared, different = int(comparison.shared_in[i]), int(different_in[i])
    tail = binomial_tail(different, shared, chain.category_error_rate)
    testable = shared >= chain.category_min_shared and different >= chain.category_min_different
    fails = testable and tail < chain.category_tail
    return CategoryTest(int(comparison.category_ids[i]), shared, different, tail, testable, fails)


def _failing(comparison: Comparison, different_in: Counts, chain: Chain) -> tuple[int, ...]:
    at = np.flatnonzero(different_in >= chain.category_min_different).tolist()
    tests = [_test(comparison, different_in, i, chain) for i in at]
    return tuple(test.category_id for test in tests if test.fails)


def judge(
    candidate: Snapshot,
    near: Sequence[Snapshot],
    before: Sequence[Snapshot],
    after: Sequence[Snapshot],
    chain: Chain,
    around: Sequence[Snapshot] = (),
    rest: Snapshot | None = None,
) -> Verdict:
    """Return the verdict on a candidate crawl.

    ``near`` holds what it may be compared with directly; each must speak for all the categories that anything does. A
    direct match confirms. A mismatch counts only between crawls ``before`` and ``after``, on the skus that were stable
    from the one to the other; without them the verdict is pending. So it is where the categories that are held in a
    bracket match, but another one does not match ``rest``, which speaks for those.
    """
    best: Verdict | None = None
    for reference in near:
        found = match(compare(candidate.prices, reference.prices), chain)
        if found.holds:
            return Verdict("confirmed", "near", found, reference)
        if best is None or best.match is None or found.comparison.true_overlap > best.match.comparison.true_overlap:
            best = Verdict("pending", "near", found, reference)
    if not before or not after:
        return best or Verdict("pending", None, None, next(iter((*after, *before)), None))
    return _judge_bracketed(candidate, before, after, around, rest, chain)


def _judge_bracketed(
    candidate: Snapshot,
    before: Sequence[Snapshot],
    after: Sequence[Snapshot],
    around: Sequence[Snapshot],
    rest: Snapshot | None,
    chain: Chain,
) -> Verdict:
    earlier, later = before[0].completed_by(before[1:]), after[0].completed_by(after[1:])
    common: Mask = candidate.prices.shown & earlier.prices.shown & later.prices.shown
    stable = common & earlier.prices.same_offer(later.prices)
    for other in around:
        stable &= ~other.prices.shown | earlier.prices.same_offer(other.prices)
    found = match(compare(candidate.prices, later.prices, only=stable), chain)
    shared, kept = int(common.sum()), int(stable.sum())
    # A list too short to have min_stable_skus is judged by the share alone.
    least = min(chain.min_stable_skus, chain.min_stable_share * candidate.prices.size)
    needed = ceil(max(chain.min_stable_share * shared, least, chain.min_shared_skus))
    kind: Kind = "confirmed" if found.holds else "rogue"
    if kept < needed:
        kind = "pending"
    if (
        kind == "confirmed" and rest is not None
    ):  # over what is held in the bracket and, as the rest shows it, what is not
        held = later.prices.complete[candidate.prices.catalogue.roots]
        later = later.completed_by([rest])
        found = match(compare(candidate.prices, later.prices, only=np.where(held, stable, True)), chain)
        kind = "confirmed" if found.holds else "pending"
    testimony = Testimony(tuple(before), tuple(after), shared, kept, needed, stable)
    return Verdict(kind, "bracket", found, later, _moved_within(candidate, before[0], after[0]), testimony)


def _moved_within(candidate: Snapshot, before: Snapshot, after: Snapshot) -> Span:
    """Whether the candidate showed the later prices already tells on which side of it they moved."""
    common: Mask = candidate.prices.shown & before.prices.shown & after.prices.shown
    moved = common & (before.prices.price != after.prices.price)
    count, later = int(moved.sum()), int((moved & (candidate.prices.price == after.prices.price)).sum())
    share = count / max(int(common.sum()), 1)
    if later * 2 > count:
        return before.observed_to, candidate.observed_from, share
    return candidate.observed_to, after.observed_from, share
