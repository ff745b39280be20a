"""The match rule, and the verdict on a candidate crawl: time against place; pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from math import exp, lgamma, log
from typing import Any, Literal

import numpy as np

from grouping.overlap import Comparison, Counts, Mask, PriceList, compare
from splitcart.config import Chain

PROMOTED_OVERLAP = 0.95  # of ticket prices, where regular prices agree to REGULAR_OVERLAP: local promotions
REGULAR_OVERLAP = 0.995
AROUND_HOURS = 24.0

Kind = Literal["confirmed", "rogue", "pending"]
Span = tuple[datetime, datetime, float]  # the interval in which prices moved, and the share of skus that did


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What one crawl showed (or, ``crawl_id`` None, what a group's list said) and when. Ids are row ids."""

    prices: PriceList
    observed_from: datetime
    observed_to: datetime
    store_id: int | None = None
    crawl_id: int | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """When a reference crawl was made and which root categories it completed, before its prices are read."""

    crawl_id: int
    store_id: int
    observed_from: datetime
    observed_to: datetime
    category_ids: frozenset[int]


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


@dataclass(frozen=True)
class Verdict:
    """What a candidate crawl proves. ``reference`` is the crawl (None: the group's list) that decided.

    ``moved_within`` is known when a bracket decided: the narrowest interval in which prices moved between its crawls,
    and the share of skus that did.
    """

    kind: Kind
    by: Literal["near", "bracket"] | None
    match: Match | None
    reference: Snapshot | None
    moved_within: Span | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """The reference crawls that a verdict needs."""

    near: Moment | None
    before: Moment | None
    after: Moment | None
    around: tuple[Moment, ...]


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

    Where regular prices exist, 95 % equal ticket prices are a match too, if 99.5 % of the regular prices are equal and
    every testable category holds in them.
    """
    enough = comparison.shared >= chain.min_shared_skus
    failing = _failing(comparison, comparison.different_in, chain)
    rule: Literal["ticket", "regular"] | None = None
    if enough and comparison.true_overlap >= chain.true_overlap and not failing:
        rule = "ticket"
    elif (
        enough
        and comparison.true_overlap >= PROMOTED_OVERLAP
        and comparison.regular_overlap >= REGULAR_OVERLAP
        and not _failing(comparison, comparison.regular_different_in, chain)
    ):
        rule = "regular"
    return Match(rule, enough, failing, comparison)


def _failing(comparison: Comparison, different_in: Counts, chain: Chain) -> tuple[int, ...]:
    testable = (comparison.shared_in >= chain.category_min_shared) & (different_in >= chain.category_min_different)
    return tuple(
        int(comparison.category_ids[i])
        for i in np.flatnonzero(testable).tolist()
        if binomial_tail(int(different_in[i]), int(comparison.shared_in[i]), chain.category_error_rate)
        < chain.category_tail
    )


def choose(candidate: Snapshot, categories: Collection[int], moments: Sequence[Moment], chain: Chain) -> Choice:
    """Choose the comparable crawls among those of the Ambassador and of confirmed stores, as section 9 orders them.

    Comparable is what shares a completed category with the candidate. Ties go to the lower crawl id.
    """
    others = [
        moment
        for moment in moments
        if moment.crawl_id != candidate.crawl_id and not moment.category_ids.isdisjoint(categories)
    ]
    window, bracket = timedelta(hours=chain.window_hours), timedelta(days=chain.bracket_days)
    near = min(others, key=lambda moment: (_distance(candidate, moment), moment.crawl_id), default=None)
    before = max(
        (moment for moment in others if moment.observed_to <= candidate.observed_from),
        key=lambda moment: (moment.observed_to, -moment.crawl_id),
        default=None,
    )
    after = min(
        (moment for moment in others if moment.observed_from >= candidate.observed_to),
        key=lambda moment: (moment.observed_from, moment.crawl_id),
        default=None,
    )
    if before and after and after.observed_from - before.observed_to > bracket:
        before = after = None
    around = tuple(
        moment
        for moment in others
        if _distance(candidate, moment) <= timedelta(hours=AROUND_HOURS) and moment not in {before, after}
    )
    return Choice(near if near and _distance(candidate, near) <= window else None, before, after, around)


def _distance(candidate: Snapshot, moment: Moment) -> timedelta:
    """The gap between two crawls; none when they overlap."""
    return max(moment.observed_from - candidate.observed_to, candidate.observed_from - moment.observed_to, timedelta(0))


def judge(
    candidate: Snapshot,
    near: Sequence[Snapshot],
    before: Snapshot | None,
    after: Snapshot | None,
    chain: Chain,
    around: Sequence[Snapshot] = (),
) -> Verdict:
    """Return the verdict on a candidate crawl; ``near`` holds what it may be compared with directly.

    A direct match confirms. A mismatch counts only between two crawls, on the skus that were stable from the one to the
    other; without them the verdict is pending.
    """
    best: Verdict | None = None
    for reference in near:
        found = match(compare(candidate.prices, reference.prices), chain)
        if found.holds:
            return Verdict("confirmed", "near", found, reference)
        if best is None or best.match is None or found.comparison.true_overlap > best.match.comparison.true_overlap:
            best = Verdict("pending", "near", found, reference)
    if before is None or after is None:
        return best or Verdict("pending", None, None, after or before)
    return _judge_bracketed(candidate, before, after, around, chain)


def _judge_bracketed(
    candidate: Snapshot, before: Snapshot, after: Snapshot, around: Sequence[Snapshot], chain: Chain
) -> Verdict:
    common: Mask = candidate.prices.shown & before.prices.shown & after.prices.shown
    stable = common & before.prices.same_offer(after.prices)
    for other in around:
        stable &= ~other.prices.shown | before.prices.same_offer(other.prices)
    found = match(compare(candidate.prices, after.prices, only=stable), chain)
    shared, kept = int(common.sum()), int(stable.sum())
    # A list too short to have min_stable_skus is judged by the share alone.
    least = min(chain.min_stable_skus, chain.min_stable_share * candidate.prices.size)
    kind: Kind = "confirmed" if found.holds else "rogue"
    if kept < chain.min_stable_share * shared or kept < least or not found.enough:
        kind = "pending"
    return Verdict(kind, "bracket", found, after, _moved_within(candidate, before, after, common))


def _moved_within(candidate: Snapshot, before: Snapshot, after: Snapshot, common: Mask) -> Span:
    """Whether the candidate showed the later prices already tells on which side of it they moved."""
    moved = common & (before.prices.price != after.prices.price)
    count, later = int(moved.sum()), int((moved & (candidate.prices.price == after.prices.price)).sum())
    share = count / max(int(common.sum()), 1)
    if later * 2 > count:
        return before.observed_to, candidate.observed_from, share
    return candidate.observed_to, after.observed_from, share
