"""How right inference was, told by audits: by group and by day or week."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.database.models import Crawl, InferenceAudit

MOST_DAYS = 45  # a longer time is told by weeks


@dataclass(frozen=True, slots=True)
class Tally:
    """Audits added up; counts of prices.

    ``compared`` are all effective prices of the audited stores and ``equal`` those that were right; ``inferred`` are
    the ones among them that other stores' crawls had told, and ``inferred_equal`` the right ones of these. Of what was
    wrong, ``stale`` was only late, ``deviating`` was the store's own, and ``unsettled`` nobody can tell yet.
    """

    audits: int = 0
    compared: int = 0
    equal: int = 0
    inferred: int = 0
    inferred_equal: int = 0
    stale: int = 0
    deviating: int = 0
    unsettled: int = 0

    @property
    def accuracy(self) -> float | None:
        """The share of inferred prices that were right; None where none was audited."""
        return self.inferred_equal / self.inferred if self.inferred else None

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(Tally)))


def read_tallies(
    session: Session, group_ids: Collection[int] | None = None, company_id: int | None = None
) -> dict[tuple[int, date], Tally]:
    """Return the audits by group (row id) and day (UTC) of the audited crawl, of some groups or of a company."""
    query = sa.select(InferenceAudit, Crawl.observed_to).join(Crawl, Crawl.id == InferenceAudit.crawl_id)
    if group_ids is not None:
        query = query.where(InferenceAudit.group_id.in_(group_ids))
    if company_id is not None:
        query = query.where(Crawl.company_id == company_id)
    found: dict[tuple[int, date], Tally] = {}
    for audit, seen_at in session.execute(query.order_by(Crawl.observed_to, InferenceAudit.id)):
        wrong = audit.compared - audit.equal
        tally = Tally(
            1,
            audit.compared,
            audit.equal,
            audit.inferred_compared,
            audit.inferred_equal,
            audit.stale or 0,
            audit.deviating or 0,
            wrong if audit.settled_at is None else 0,
        )
        key = audit.group_id, seen_at.date()
        found[key] = found.get(key, Tally()) + tally
    return found


@dataclass(frozen=True, slots=True)
class AccuracyLine:
    """The audits of a step from ``begins`` on, of one group or of several; ``accuracy`` None: nothing was inferred."""

    begins: date
    audits: int
    inferred: int
    accuracy: float | None
    stale: int
    deviating: int
    unsettled: int


def total(tallies: Iterable[Tally]) -> Tally:
    """Add tallies up."""
    return sum(tallies, Tally())


def step_days(days: Collection[date]) -> int:
    """Return of how many days a step is in which such a time is told: 1, or 7 for a long one."""
    return 7 if days and (max(days) - min(days)).days >= MOST_DAYS else 1


def begin_of_step(day: date, days: int) -> date:
    """Return the first day of the step of 1 or 7 ``days`` that a day belongs to; a week begins on Monday."""
    return day if days == 1 else day - timedelta(days=day.weekday())


def in_steps(tallies: Mapping[tuple[int, date], Tally]) -> tuple[dict[tuple[int, date], Tally], int]:
    """Return tallies by group and step, and the days of a step."""
    days = step_days([day for _, day in tallies])
    found: dict[tuple[int, date], Tally] = {}
    for (group_id, day), tally in tallies.items():
        key = group_id, begin_of_step(day, days)
        found[key] = found.get(key, Tally()) + tally
    return found, days


def tell_accuracy(tallies: Mapping[tuple[int, date], Tally], days: int) -> list[AccuracyLine]:
    """Return accuracy over time in steps of 1 or 7 ``days``, oldest first, all groups together."""
    found: dict[date, Tally] = {}
    for (_, day), tally in tallies.items():
        begin = begin_of_step(day, days)
        found[begin] = found.get(begin, Tally()) + tally
    return [
        AccuracyLine(begin, each.audits, each.inferred, each.accuracy, each.stale, each.deviating, each.unsettled)
        for begin, each in sorted(found.items())
    ]
