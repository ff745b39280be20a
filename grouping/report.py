"""What ``splitcart group report`` shows of one company: groups and their sizes, overlaps, accuracy over time."""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.orm import Session

from grouping.accuracy import Tally, in_steps, read_tallies, total
from grouping.heatmap import HeatMap, read_heat_map
from grouping.overview import GroupLine, list_groups
from grouping.references import Step
from grouping.snapshots import read_catalogue
from splitcart.config import Chain
from splitcart.database.models import Company, Crawl, Membership, Store, StoreCategory
from splitcart.errors import InputError


@dataclass(frozen=True, slots=True)
class Kinship:
    """Of one block of the heat map: True Overlap within it, and with the nearest other one; None: no pair is known."""

    name: str | None
    shown: int
    stores: int
    lowest_within: float | None
    median_within: float | None
    nearest: str | None
    nearest_overlap: float | None


@dataclass(frozen=True, slots=True)
class CompanyReport:
    """A company's groups as pictures and tables need them. ``as_of`` is the end of the newest crawl."""

    slug: str
    name: str
    written_at: datetime
    as_of: datetime
    true_overlap: float
    min_stable_share: float
    window_hours: float
    groups: list[GroupLine]
    ungrouped: int
    never_covered: int
    heat_map: HeatMap
    accuracy: dict[tuple[int, date], Tally]
    step_days: int

    @property
    def by_step(self) -> dict[date, Tally]:
        """The accuracy of all groups together, by day or week."""
        days = sorted({day for _, day in self.accuracy})
        return {day: total(tally for (_, each), tally in self.accuracy.items() if each == day) for day in days}

    def kinships(self) -> list[Kinship]:
        """What the heat map shows, block by block, as figures."""
        starts = np.cumsum([0, *(len(block.store_ids) for block in self.heat_map.blocks)]).tolist()
        rows = [slice(begin, end) for begin, end in pairwise(starts)]
        return [self._kinship(position, rows) for position in range(len(rows))]

    def _kinship(self, position: int, rows: list[slice]) -> Kinship:
        overlap, blocks = self.heat_map.overlap, self.heat_map.blocks
        square = overlap[rows[position], rows[position]]
        within = square[np.triu_indices(len(square), 1)]
        within = within[~np.isnan(within)]
        others = {
            other: float(np.median(known))
            for other, columns in enumerate(rows)
            if other != position
            and blocks[other].name is not None
            and len(known := overlap[rows[position], columns][~np.isnan(overlap[rows[position], columns])])
        }
        nearest = max(others, key=lambda other: others[other], default=None)
        return Kinship(
            blocks[position].name,
            len(square),
            blocks[position].stores,
            float(within.min()) if len(within) else None,
            float(np.median(within)) if len(within) else None,
            None if nearest is None else blocks[nearest].name,
            None if nearest is None else others[nearest],
        )

    def as_dict(self) -> dict[str, Any]:
        """The figures as JSON takes them."""
        names = {line.id: line.name for line in self.groups}
        return {
            "company": self.slug,
            "written_at": self.written_at,
            "as_of": self.as_of,
            "groups": [asdict(line) for line in self.groups],
            "ungrouped": self.ungrouped,
            "never_covered": self.never_covered,
            "overlap": [asdict(line) for line in self.kinships()],
            "accuracy": [
                {"group": names.get(group_id, str(group_id)), "from": day, "days": self.step_days, **asdict(tally)}
                for (group_id, day), tally in sorted(self.accuracy.items())
            ],
        }


def read_report(session: Session, chain: Chain, now: datetime) -> CompanyReport:
    """Read a company's report; raise InputError while no crawl of it is stored."""
    company_id = session.scalar(sa.select(Company.id).where(Company.slug == chain.slug))
    as_of = session.scalar(sa.select(sa.func.max(Crawl.observed_to)).where(Crawl.company_id == company_id))
    if company_id is None or as_of is None:
        raise InputError(f"no crawl of {chain.slug} is stored yet; run: splitcart update products")
    step = Step(session, chain, company_id, read_catalogue(session, company_id), now)
    groups = list_groups(session, chain.slug)
    whole = [line for line in groups if line.category is None]
    places = _places(session, company_id)
    covered = set(session.scalars(sa.select(StoreCategory.store_id).distinct()))
    active = session.execute(
        sa.select(Store.id, Store.store_id)
        .where(Store.company_id == company_id, Store.is_active.is_(True))
        .order_by(Store.store_id)
    ).all()
    alone = [store_id for store_id, _ in active if store_id in covered and store_id not in places]
    ambassadors = {line.ambassador for line in whole}
    members: dict[int, list[int]] = {}
    for row in sorted(active, key=lambda row: (row.store_id not in ambassadors, row.store_id)):
        if row.id in places and row.id in covered:
            members.setdefault(places[row.id], []).append(row.id)
    order: list[tuple[str | None, list[int]]] = [(line.name, members.get(line.id, [])) for line in whole]
    accuracy, step_days = in_steps(read_tallies(session, company_id=company_id))
    return CompanyReport(
        slug=chain.slug,
        name=chain.name,
        written_at=now,
        as_of=as_of,
        true_overlap=chain.true_overlap,
        min_stable_share=chain.min_stable_share,
        window_hours=chain.window_hours,
        groups=groups,
        ungrouped=len(alone),
        never_covered=sum(store_id not in covered for store_id, _ in active),
        heat_map=read_heat_map(step, [*order, (None, alone)]),
        accuracy=accuracy,
        step_days=step_days,
    )


def _places(session: Session, company_id: int) -> dict[int, int]:
    """The whole-list group of each store (row ids)."""
    rows = session.execute(
        sa.select(Membership.store_id, Membership.group_id)
        .join(Store, Store.id == Membership.store_id)
        .where(Store.company_id == company_id, Membership.until.is_(None), Membership.category_id.is_(None))
    )
    return {store_id: group_id for store_id, group_id in rows if group_id is not None}
