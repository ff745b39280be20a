"""The parts of an explanation: figures, categories, skus and crawls by the names that people use."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from grouping.references import Step
from grouping.verdict import CategoryTest, Match, Snapshot, Verdict, category_tests
from splitcart.config import Chain
from splitcart.database.models import Crawl


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was compared: a store's crawl, or (``store_id`` None) the list of a group as it was at that time."""

    store_id: str | None
    crawl_id: str | None
    group: str | None
    observed_from: datetime
    observed_to: datetime


@dataclass(frozen=True, slots=True)
class CategoryLine:
    """A root category of a comparison, counts of skus; ``tail``: how likely chance shows so many differences."""

    category: str
    shared: int
    different: int
    tail: float
    testable: bool
    fails: bool


@dataclass(frozen=True, slots=True)
class SkuLine:
    """A sku whose price differs, in cents on both sides, with the instant since when each side is known to show it."""

    code: str
    name: str
    category: str
    price_cents: int
    since: datetime | None
    other_cents: int
    other_since: datetime | None


@dataclass(frozen=True, slots=True)
class Figures:
    """A comparison by the match rule; ``rule`` is the clause that holds, None: the two are not one list."""

    range_overlap: float
    true_overlap: float
    regular_overlap: float | None
    shared: int
    equal: int
    different: int
    range_a: int
    range_b: int
    rule: str | None
    enough: bool
    categories: list[CategoryLine]


@dataclass(frozen=True, slots=True)
class BracketLine:
    """The crawls before and after the candidate's, and how many of the shared skus stood still between them.

    ``moved_within``: between these instants prices moved; ``moved_share``: of how many of the shared skus.
    """

    before: list[Sighting]
    after: list[Sighting]
    shared: int
    stable: int
    needed: int
    moved_within: tuple[datetime, datetime] | None
    moved_share: float | None


@dataclass(frozen=True, slots=True)
class Decision:
    """One entry of the log about a store."""

    at: datetime
    kind: str
    verdict: str | None
    group: str | None
    true_overlap: float | None
    shared: int | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that ``splitcart group explain`` tells, of whole lists or of one root ``category``.

    ``decided_at`` None: nothing was decided yet, the answer is what the rules say now. ``logged``: the log's figures,
    where they are not today's.
    """

    company: str
    store_id: str
    name: str
    standing: list[str]
    category: str | None = None
    other_id: str | None = None
    group: str | None = None
    kind: str | None = None
    decided_at: datetime | None = None
    decided_as: str | None = None
    reasons: list[str] = field(default_factory=list)
    candidate: Sighting | None = None
    reference: Sighting | None = None
    figures: Figures | None = None
    bracket: BracketLine | None = None
    skus: list[SkuLine] = field(default_factory=list)
    logged: dict[str, Any] | None = None
    decisions: list[Decision] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The explanation as JSON takes it."""
        return asdict(self)


def describe_snapshot(step: Step, snapshot: Snapshot, group: str | None = None) -> Sighting:
    """Name what a snapshot is of; ``group`` names the list, where it is one."""
    crawl_id = None
    if snapshot.crawl_id is not None:
        crawl_id = step.session.scalar(sa.select(Crawl.crawl_id).where(Crawl.id == snapshot.crawl_id))
    store_id = step.names.get(snapshot.store_id) if snapshot.store_id is not None else None
    listed = group if store_id is None else None
    return Sighting(store_id, crawl_id, listed, snapshot.observed_from, snapshot.observed_to)


def describe_testimony(step: Step, verdict: Verdict) -> BracketLine | None:
    """Describe what a bracket's verdict stands on; None where no bracket was asked."""
    found = verdict.testimony
    if found is None:
        return None
    begun, ended, share = verdict.moved_within or (None, None, None)
    return BracketLine(
        [describe_snapshot(step, crawl) for crawl in found.before],
        [describe_snapshot(step, crawl) for crawl in found.after],
        found.shared,
        found.stable,
        found.needed,
        (begun, ended) if begun and ended and share else None,
        share,
    )


def describe_comparison(found: Match, chain: Chain, names: Mapping[int, str]) -> Figures:
    """Describe a match by figures; categories with the least likely difference first."""
    comparison = found.comparison
    tests = sorted(category_tests(comparison, chain), key=lambda test: (not test.fails, test.tail, -test.shared))
    return Figures(
        range_overlap=round(comparison.range_overlap, 5),  # as the log keeps them
        true_overlap=round(comparison.true_overlap, 5),
        regular_overlap=None if comparison.regular_equal is None else round(comparison.regular_overlap, 5),
        shared=comparison.shared,
        equal=comparison.equal,
        different=comparison.shared - comparison.equal,
        range_a=comparison.range_a,
        range_b=comparison.range_b,
        rule=found.rule,
        enough=found.enough,
        categories=[_category_line(test, names) for test in tests],
    )


def _category_line(test: CategoryTest, names: Mapping[int, str]) -> CategoryLine:
    name = names.get(test.category_id, str(test.category_id))
    return CategoryLine(name, test.shared, test.different, test.tail, test.testable, test.fails)
