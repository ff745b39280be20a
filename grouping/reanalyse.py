"""All groups anew from the latest coverage: what that changes in the present ones, shown or applied."""

from dataclasses import asdict, dataclass, field
from typing import Any

import sqlalchemy as sa

from grouping.answering import Answering, answer_here
from grouping.placing import groups_in_scope
from grouping.rearranging import rearrange
from grouping.references import Step
from grouping.run import find_company
from grouping.snapshots import read_catalogue
from grouping.stars import read_sky
from splitcart.config import Chain
from splitcart.database import only_one, transaction
from splitcart.database.locks import lock_company
from splitcart.database.models import Membership, Store
from splitcart.measures.clock import Clock

State = tuple[dict[str, int], dict[int, str]]  # group by store, name by group


@dataclass
class Reanalysis:
    """What a reanalysis found, and the difference to the groups before it; stores by own ids, groups by name."""

    company: str
    applied: bool
    stores: int = 0
    distinct_lists: int = 0
    stars: int = 0  # of two stores or more
    moved: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)  # store: from, to (None: no group)
    founded: dict[str, list[str]] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    dissolved: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)  # stores that stay, though nothing proves their place

    @property
    def changes(self) -> bool:
        """Whether the groups change at all."""
        return bool(self.moved or self.founded or self.merged or self.dissolved)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON takes it."""
        return asdict(self)


def reanalyse(
    engine: sa.Engine, chain: Chain, clock: Clock, *, apply: bool = False, answering: Answering = answer_here
) -> Reanalysis:
    """Group a company's stores by their latest coverage alone, and bring the present groups to it by their difference.

    Without ``apply`` the same is done and taken back. Ingestion of the company waits meanwhile. BusyError: a group run
    is at it; InputError: the company is unknown.
    """
    with transaction(engine) as session:
        company_id = find_company(session, chain)
    with only_one(engine, f"group run of {chain.slug}"), transaction(engine) as session:
        lock_company(session, company_id, alone=True)
        step = Step(session, chain, company_id, read_catalogue(session, company_id), clock())
        sky = read_sky(step, answering)
        before = _places(step), _groups(step)
        attempt = session.begin_nested()
        done = rearrange(step, sky.stars)
        report = _difference(Reanalysis(chain.slug, apply), before, (_places(step), _groups(step)))
        report.stores, report.distinct_lists = sum(map(len, sky.stars)), sky.distinct
        report.stars = sum(len(star) > 1 for star in sky.stars)
        report.merged, report.undecided = done.merged, sorted(done.undecided)
        report.dissolved = [name for name in report.dissolved if name not in done.merged]
        if not apply:
            attempt.rollback()
            return report
        attempt.commit()
        if report.changes:
            counts: dict[str, object] = {"stores": report.stores, "stars": report.stars, "moved": len(report.moved)}
            step.log("reanalysed", None, figures=counts)
    return report


def _difference(report: Reanalysis, before: State, after: State) -> Reanalysis:
    (had, groups_before), (has, groups_after) = before, after
    for store_id in sorted(had.keys() | has.keys()):
        left, joined = had.get(store_id, 0), has.get(store_id, 0)
        if left != joined:
            report.moved[store_id] = groups_before.get(left), groups_after.get(joined)
    for group_id in sorted(groups_after.keys() - groups_before.keys()):
        founders = sorted(store_id for store_id, place in has.items() if place == group_id)
        report.founded[groups_after[group_id]] = founders
    report.dissolved = sorted(groups_before[group_id] for group_id in groups_before.keys() - groups_after.keys())
    return report


def _places(step: Step) -> dict[str, int]:
    """The whole-list group (row id) of each placed store, by the chain's own store id."""
    rows = step.session.execute(
        sa.select(Store.store_id, sa.type_coerce(Membership.group_id, sa.Integer))
        .join(Membership, Membership.store_id == Store.id)
        .where(
            Store.company_id == step.company_id,
            Membership.until.is_(None),
            Membership.category_id.is_(None),
            Membership.group_id.is_not(None),
        )
    )
    return dict(rows.all())


def _groups(step: Step) -> dict[int, str]:
    return {group.id: group.name for group in groups_in_scope(step)}
