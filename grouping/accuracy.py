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


def total(tallies: Iterable[Tally]) -> Tally:
    """Add tallies up."""
    return sum(tallies, Tally())


def in_steps(tallies: Mapping[tuple[int, date], Tally]) -> tuple[dict[tuple[int, date], Tally], int]:
    """Return tallies by group and step, and the days of a step: 1, or 7 (named by its Monday) for a long time."""
    days = [day for _, day in tallies]
    if not days or (max(days) - min(days)).days < MOST_DAYS:
        return dict(tallies), 1
    weekly: dict[tuple[int, date], Tally] = {}
    for (group_id, day), tally in tallies.items():
        key = group_id, day - timedelta(days=day.weekday())
        weekly[key] = weekly.get(key, Tally()) + tally
    return weekly, 7
