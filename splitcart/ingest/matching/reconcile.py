"""Duplicates become one: products and brands, by one mechanism.

Proposals say which rows are the same. They are taken strongest first; a group of rows becomes the one that goes before
the others, so chains and mutual pairs have one end. A merge re-points rows, deletes nothing, and leaves an event from
which it can be undone; one that a person has undone is not proposed again.
"""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.database.models import Base, MergeEvent

product_table = Base.metadata.tables["products"]
brand_table = Base.metadata.tables["brands"]
sku_table = Base.metadata.tables["skus"]


@dataclass(frozen=True, slots=True)
class Proposal:
    """Two rows are one thing, by a rule that has a ``strength`` and with a score of 100."""

    one: int
    other: int
    rule: str
    score: float
    strength: int
    order: tuple[Any, ...]  # among equals, the same for the same facts


class Reconciler(ABC):
    """Merges rows of one table."""

    kind: ClassVar[str]

    def run(self, session: Session, proposals: Iterable[Proposal], at: datetime) -> int:
        """Merge what the proposals allow; return how many rows became another one."""
        groups = _Groups(_undone_pairs(session, self.kind))
        because: dict[int, Proposal] = {}
        ordered = sorted(proposals, key=lambda each: (-each.strength, -each.score, each.order))
        for proposal in ordered:
            one, other = groups.of(proposal.one), groups.of(proposal.other)
            if one is not other and groups.may_join(one, other) and self.may_join(one, other, proposal):
                winner, loser = sorted((one, other), key=lambda group: min(map(self.rank, group)))
                groups.join(winner, loser)
                because[min(loser, key=self.rank)] = proposal
        merged = 0
        for group in groups.all():
            into = min(group, key=self.rank)
            for row in sorted(group - {into}, key=self.rank):
                reason = because.get(row) or next(each for each in because.values() if row in (each.one, each.other))
                self._record(session, row, into, reason, at)
                merged += 1
        return merged

    def _record(self, session: Session, row: int, into: int, reason: Proposal, at: datetime) -> None:
        moved = self.move(session, row, into, reason)
        session.add(
            MergeEvent(
                kind=self.kind, from_id=row, into_id=into, rule=reason.rule, score=reason.score, moved=moved, at=at
            )
        )

    @abstractmethod
    def rank(self, row: int) -> tuple[Any, ...]:
        """Return what decides which row of a group stays: the smallest does."""

    @abstractmethod
    def may_join(self, one: set[int], other: set[int], proposal: Proposal) -> bool:
        """Tell whether two groups of rows can be one thing."""

    @abstractmethod
    def move(self, session: Session, row: int, into: int, reason: Proposal) -> list[Any]:
        """Re-point what hangs on ``row``; return what ``undo`` needs to put it back."""


class _Groups:
    """Disjoint groups of rows; pairs that were undone stay apart."""

    def __init__(self, apart: set[frozenset[int]]) -> None:
        self._group: dict[int, set[int]] = {}
        self._apart: dict[int, set[int]] = defaultdict(set)
        for one, other in map(tuple, apart):
            self._apart[one].add(other)
            self._apart[other].add(one)

    def of(self, row: int) -> set[int]:
        return self._group.setdefault(row, {row})

    def may_join(self, one: set[int], other: set[int]) -> bool:
        return not any(self._apart[row] & other for row in one if row in self._apart)

    def join(self, winner: set[int], loser: set[int]) -> None:
        winner |= loser
        for row in loser:
            self._group[row] = winner

    def all(self) -> list[set[int]]:
        groups = {id(group): group for group in self._group.values() if len(group) > 1}
        return sorted(groups.values(), key=min)


def _undone_pairs(session: Session, kind: str) -> set[frozenset[int]]:
    events = sa.select(MergeEvent.from_id, MergeEvent.into_id).where(
        MergeEvent.kind == kind, MergeEvent.undone_at.is_not(None)
    )
    return {frozenset(row) for row in session.execute(events)}


@dataclass(slots=True)
class ProductFacts:
    """What decides whether two products can be one, and which stays."""

    gtin: str | None
    created_at: datetime
    companies: frozenset[int]
    first: tuple[str, str]  # company and code of its first sku


class ProductReconciler(Reconciler):
    """Products with equal keys, or with names alike. One with a GTIN stays before one without, then the older."""

    kind = "product"

    def __init__(self, facts: dict[int, ProductFacts]) -> None:
        self.facts = facts

    def rank(self, row: int) -> tuple[Any, ...]:
        facts = self.facts[row]
        return facts.gtin is None, facts.created_at, facts.first, row

    def may_join(self, one: set[int], other: set[int], proposal: Proposal) -> bool:
        """Never two GTINs in one, and a chain does not list one thing under two names."""
        if len({gtin for row in one | other if (gtin := self.facts[row].gtin)}) > 1:
            return False
        if proposal.rule != "fuzzy":
            return True
        return self._companies(one).isdisjoint(self._companies(other))

    def _companies(self, rows: set[int]) -> set[int]:
        return {company for row in rows for company in self.facts[row].companies}

    def move(self, session: Session, row: int, into: int, reason: Proposal) -> list[Any]:
        columns = sku_table.c
        mine = sa.select(columns.id, columns.match_rule, columns.match_score).where(columns.product_id == row)
        moved = [list(each) for each in session.execute(mine.order_by(columns.id))]
        session.execute(
            sa.update(sku_table)
            .where(columns.product_id == row)
            .values(product_id=into, match_rule=reason.rule, match_score=reason.score)
        )
        session.execute(sa.update(product_table).where(product_table.c.id == row).values(merged_into_id=into))
        return moved


@dataclass(slots=True)
class BrandFacts:
    """What decides which of two brands stays."""

    key: str
    company_id: int | None
    skus: int
    created_at: datetime


class BrandReconciler(Reconciler):
    """Brands of which one turned out to be an alias. The one with more skus stays, then the older."""

    kind = "brand"

    def __init__(self, facts: dict[int, BrandFacts]) -> None:
        self.facts = facts

    def rank(self, row: int) -> tuple[Any, ...]:
        facts = self.facts[row]
        return -facts.skus, facts.created_at, facts.key

    def may_join(self, one: set[int], other: set[int], proposal: Proposal) -> bool:  # noqa: ARG002 - of the base
        """A chain's own brand is nobody else's."""
        return all(self.facts[row].company_id is None for row in one | other)

    def move(self, session: Session, row: int, into: int, reason: Proposal) -> list[Any]:  # noqa: ARG002 - of the base
        mine = sa.select(product_table.c.id).where(product_table.c.brand_id == row).order_by(product_table.c.id)
        moved = list(session.scalars(mine))
        session.execute(sa.update(product_table).where(product_table.c.brand_id == row).values(brand_id=into))
        session.execute(sa.update(brand_table).where(brand_table.c.id == row).values(merged_into_id=into))
        return moved
