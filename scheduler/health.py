"""Whether a chain's data is fresh, and whom to ask when it is not: ``splitcart health``."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.roster import ENDED_WELL, PARK_AFTER, StoreStanding, company_row_id, read_roster
from splitcart.config import Chain
from splitcart.database.models import Lease, Store, StoreCategory
from splitcart.measures.clock import Clock

MAX_STREAK = 3  # crawls of a chain that fail one after the other
LOOK_BACK = 100  # ended leases
MAX_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreHealth:
    """One store: the end of its newest crawl with a complete category, and how many categories are covered at all.

    ``failures`` counts the attempts in a row that brought nothing.
    """

    store_id: str
    name: str
    covered_at: datetime | None
    age_hours: float | None
    categories: int
    failures: int
    last_failure: str | None
    next_try: datetime | None


@dataclass(slots=True, kw_only=True)
class ChainHealth:
    """One chain at one instant; ``problems`` is empty when it is well, and when no store of it is known.

    ``fresh`` counts the stores covered within the chain's ``current_pricing_hours``; ``failure_streak`` the crawls of
    the chain that failed one after the other, up to now. ``categories``: its root categories.
    """

    company: str
    at: datetime
    stores: int
    covered: int
    fresh: int
    failing: int
    newest: datetime | None
    oldest: datetime | None
    categories: int
    failure_streak: int
    last_failure: str | None
    problems: list[str] = field(default_factory=list)
    lines: list[StoreHealth] = field(default_factory=list)


def read_health(session: Session, chain: Chain, clock: Clock) -> ChainHealth:
    """Read how a chain stands; a constant number of queries."""
    now = clock()
    stores = list(read_roster(session, chain, now).stores.values())
    company_id = company_row_id(session, chain)
    covered_roots, categories = _coverage(session, company_id)
    streak, last_failure = _streak(session, company_id)
    covered = [store.covered_at for store in stores if store.covered_at]
    since = now - timedelta(hours=chain.current_pricing_hours)
    health = ChainHealth(
        company=chain.slug,
        at=now,
        stores=len(stores),
        covered=len(covered),
        fresh=sum(at >= since for at in covered),
        failing=sum(store.strikes > 0 for store in stores),
        newest=max(covered, default=None),
        oldest=min(covered, default=None),
        categories=categories,
        failure_streak=streak,
        last_failure=last_failure,
        lines=[_line(store, covered_roots.get(store.id, 0), now) for store in stores],
    )
    if stores:
        health.problems = _problems(health, chain)
    return health


def _problems(health: ChainHealth, chain: Chain) -> list[str]:
    problems = []
    if health.newest is None:
        problems.append(f"none of {health.stores} stores has ever been crawled")
    elif (silent := health.at - health.newest) > timedelta(hours=chain.max_silence_hours):
        problems.append(
            f"nothing new for {_hours(silent):.0f} h, expected within {chain.max_silence_hours:g} h; "
            f"the newest crawl ended {health.newest:%Y-%m-%d %H:%M} UTC"
        )
    if health.failure_streak >= MAX_STREAK:
        problems.append(f"the last {health.failure_streak} crawls failed, the last one: {health.last_failure}")
    stuck = [line for line in health.lines if line.failures >= PARK_AFTER]
    if stuck:
        named = ", ".join(f"{line.store_id} ({line.last_failure})" for line in stuck[:MAX_NAMED])
        more = f" and {len(stuck) - MAX_NAMED} more" if len(stuck) > MAX_NAMED else ""
        problems.append(f"stores that failed {PARK_AFTER} times or more in a row: {named}{more}")
    return problems


def _line(store: StoreStanding, categories: int, now: datetime) -> StoreHealth:
    return StoreHealth(
        store_id=store.store_id,
        name=store.name,
        covered_at=store.covered_at,
        age_hours=round(_hours(now - store.covered_at), 1) if store.covered_at else None,
        categories=categories,
        failures=store.strikes,
        last_failure=store.last_failure,
        next_try=store.not_before,
    )


def _coverage(session: Session, company_id: int | None) -> tuple[dict[int, int], int]:
    """Return how many root categories each store has covered, and how many there are."""
    of_company = sa.select(Store.id).where(Store.company_id == company_id)
    covered = sa.select(StoreCategory).where(StoreCategory.store_id.in_(of_company)).subquery()
    rows = session.execute(sa.select(covered.c.store_id, sa.func.count()).group_by(covered.c.store_id))
    counts = {store: count for store, count in rows}  # noqa: C416 - rows are no pairs to mypy
    return counts, session.scalar(sa.select(sa.func.count(covered.c.category_id.distinct()))) or 0


def _streak(session: Session, company_id: int | None) -> tuple[int, str | None]:
    """Return how many of a chain's crawls failed since the last one that did not, and why the newest did."""
    ended = session.execute(
        sa.select(Lease.outcome, Lease.failure_class)
        .where(Lease.company_id == company_id, Lease.outcome.in_((*ENDED_WELL, "failed", "expired")))
        .order_by(Lease.released_at.desc(), Lease.id.desc())
        .limit(LOOK_BACK)
    ).all()
    streak = next((at for at, lease in enumerate(ended) if lease.outcome in ENDED_WELL), len(ended))
    return streak, (ended[0].failure_class or ended[0].outcome) if streak else None


def _hours(span: timedelta) -> float:
    return span.total_seconds() / 3600
