"""One run for a company: checks of all groups, places for stores without one, merges, audits.

Whole lists come first, then category after category what whole-list groups do not give.

Each step is one transaction and finds its work in the database, so that a run that was killed is continued by the next.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grouping.ahead import reading_ahead
from grouping.check import GroupReport, check_group, check_idle
from grouping.departures import drop_inactive
from grouping.memberships import members_of
from grouping.merging import merge_groups
from grouping.novelty import Vain, Vains
from grouping.outcasts import settle_outcasts
from grouping.placing import Placed, groups_in_scope, place_stores
from grouping.references import MIN_FOUNDERS, Step
from grouping.settling import settle_audits
from grouping.sharing import share_news
from grouping.shelf import Shelf
from grouping.snapshots import read_catalogue
from grouping.told import is_told
from grouping.ungrouped import categories_to_place, category_groups
from splitcart.config import Chain
from splitcart.database import only_one, transaction
from splitcart.database.locks import lock_company
from splitcart.database.models import Candidate, Company, Crawl, GroupEvent, StoreGroup
from splitcart.errors import InputError
from splitcart.measures.clock import Clock

Answer = TypeVar("Answer")
GROUPS_AT_ONCE = 16  # checked in one transaction, for which crawls that come in wait


class Steps(Protocol):
    """Does one piece of work on whole lists, or on one root category (row id), in a transaction of its own."""

    def __call__(self, work: Callable[[Step], Answer], scope: int | None = None) -> Answer: ...


@dataclass
class RunReport:
    """What one run did; stores by the chain's own ids, groups by name."""

    company: str
    groups: list[GroupReport] = field(default_factory=list)
    inactive: list[str] = field(default_factory=list)
    joined: dict[str, str] = field(default_factory=dict)
    category_joined: dict[str, list[str]] = field(default_factory=dict)  # category group: stores
    founded: dict[str, list[str]] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    excepted: dict[str, str] = field(default_factory=dict)
    outliers: list[str] = field(default_factory=list)
    lines_shared: int = 0  # list lines that groups took from others whose list is the same in that category
    audits_settled: int = 0

    def add_check(self, check: GroupReport) -> None:
        """Add what a check came to; a later check of the same group continues the earlier one.

        Groups that this run founded are reported as such, and not again for having nothing to check.
        """
        for position, earlier in enumerate(self.groups):
            if earlier.group_id == check.group_id:
                self.groups[position] = earlier.continued(check)
                return
        if check.has_decided or check.name not in self.founded:
            self.groups.append(check)

    def add_places(self, placed: Placed, *, whole_list: bool) -> None:
        """Add the places that stores found."""
        self.founded.update(placed.founded)
        if whole_list:
            self.joined.update(placed.joined)
            return
        for store_id, name in placed.joined.items():
            self.category_joined.setdefault(name, []).append(store_id)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON takes it."""
        return asdict(self)


def run_groups(engine: sa.Engine, chain: Chain, clock: Clock) -> RunReport:
    """Run grouping once for a company; BusyError: another run is at it, InputError: the company is unknown."""
    report = RunReport(chain.slug)
    with transaction(engine) as session:
        company_id = find_company(session, chain)
        catalogue = read_catalogue(session, company_id)
    with only_one(engine, f"group run of {chain.slug}"):
        shelf = Shelf()

        def step(work: Callable[[Step], Answer], scope: int | None = None) -> Answer:
            with transaction(engine) as session:
                lock_company(session, company_id, alone=True)
                now = Step(session, chain, company_id, catalogue, clock(), scope, shelf)
                shelf.heed(_newest_crawl(now))
                return work(now)

        newest_crawl = step(_newest_crawl)  # what comes in from here on is the next run's
        gone = {store_id for scope in (None, *step(category_groups)) for store_id in step(drop_inactive, scope)}
        report.inactive = sorted(gone)
        vains: Vains = defaultdict(Vain)
        while _decide(report, step, newest_crawl, vains):
            pass
        report.lines_shared = step(partial(_share_news, newest_crawl))
        report.audits_settled = step(settle_audits)
        step(partial(_log_run, newest_crawl))
    return report


def find_company(session: Session, chain: Chain) -> int:
    """Return the row id of a chain's company; raise InputError while nothing of it was ingested."""
    company_id = session.scalar(sa.select(Company.id).where(Company.slug == chain.slug))
    if company_id is None:
        raise InputError(f"the database has no stores of {chain.slug!r}; run: splitcart update stores")
    return company_id


def _decide(report: RunReport, step: Steps, newest_crawl: int, vains: Vains) -> bool:
    """Check all groups, then place and merge; return whether anything was decided, which may decide more."""
    checks: list[GroupReport] = []
    for scope in (None, *step(category_groups)):
        waiting, idle = step(_idle_checks, scope)
        found = idle
        for begin in range(0, len(waiting), GROUPS_AT_ONCE):
            found += step(partial(_check, waiting[begin : begin + GROUPS_AT_ONCE]), scope)
        checks += sorted(found, key=lambda check: check.group_id)
    for check in checks:
        report.add_check(check)
    has_new = partial(_has_new_crawls, newest_crawl)
    moved = step(has_new) and _place(report, step, None, vains["place", None])
    excepted, outliers = step(partial(settle_outcasts, vain=vains["exception", None]))
    report.excepted.update(excepted)
    report.outliers += outliers
    for category_id in step(categories_to_place) if step(has_new) else ():
        moved |= _place(report, step, category_id, vains["place", category_id])
    return bool(moved or excepted or any(check.has_decided for check in checks))


def _idle_checks(step: Step) -> tuple[list[int], list[GroupReport]]:
    """The groups (row ids) with anything to decide, and the check of all others, whose status is all that changes."""
    waiting: list[int] = []
    idle = []
    candidates = set(step.session.scalars(sa.select(Candidate.group_id).distinct()))
    groups = groups_in_scope(step)
    places_in = members_of(step.session, [group.id for group in groups])
    for group in groups:
        places = places_in[group.id]
        too_few = len(places) < (1 if is_told(group) else MIN_FOUNDERS)
        if too_few or group.id in candidates or any(place.suspended_at for place in places):
            waiting.append(group.id)
        else:
            idle.append(group)
    return waiting, check_idle(step, idle, places_in)


def _check(group_ids: list[int], step: Step) -> list[GroupReport]:
    """Check some groups in one step: what each asks for is read for all of them at once."""
    found = step.session.scalars(sa.select(StoreGroup).where(StoreGroup.id.in_(group_ids)).order_by(StoreGroup.id))
    groups, places = found.all(), members_of(step.session, group_ids)
    with reading_ahead(step, groups, places):
        return [check_group(step, group, places[group.id]) for group in groups]


def _place(report: RunReport, step: Steps, scope: int | None, vain: Vain) -> bool:
    """Place and merge in turn, until nothing changes any more; return whether anything did."""
    tried: set[str] = set()
    moved = False
    while True:
        placed = step(lambda now: place_stores(now, tried, vain), scope)
        merged = step(lambda now: merge_groups(now, vain), scope)
        report.add_places(placed, whole_list=scope is None)
        report.merged.update(merged)
        if not (placed.joined or placed.founded or merged):
            return moved
        moved = True


def _share_news(newest_crawl: int, step: Step) -> int:
    if not _has_new_crawls(newest_crawl, step):
        return 0
    last = _last_run(step)
    since = step.now if last is None else min(step.now, last.at)
    return share_news(step, since - step.window)


def _newest_crawl(step: Step) -> int:
    return step.session.scalar(sa.select(sa.func.max(Crawl.id)).where(Crawl.company_id == step.company_id)) or 0


def _log_run(newest_crawl: int, step: Step) -> None:
    if _has_new_crawls(newest_crawl, step):
        step.log("run", None, figures={"newest_crawl": newest_crawl})


def _last_run(step: Step) -> GroupEvent | None:
    return step.session.scalar(
        sa.select(GroupEvent)
        .where(GroupEvent.company_id == step.company_id, GroupEvent.kind == "run")
        .order_by(GroupEvent.id.desc())
        .limit(1)
    )


def _has_new_crawls(newest_crawl: int, step: Step) -> bool:
    """Whether anything can have come out differently since the last run that ended."""
    last = _last_run(step)
    if last is None or last.figures["newest_crawl"] < newest_crawl:
        return True
    changes = sa.select(GroupEvent.id).where(
        GroupEvent.company_id == step.company_id, GroupEvent.id > last.id, GroupEvent.kind != "pending"
    )
    return step.session.scalar(changes.limit(1)) is not None
