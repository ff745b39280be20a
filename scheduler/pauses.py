"""Which hosts get no job for which company: where the last ones were blocked, or came to nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.nodes import host_of
from scheduler.past import AHEAD
from splitcart.database.models import Company, ScrapydJob

LOOKED_BACK = timedelta(days=7)
BLOCKED_FIRST, BLOCKED_MOST = timedelta(hours=6), timedelta(hours=48)
FAILED_FIRST, FAILED_MOST = timedelta(minutes=10), timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Pause:
    """Until when, and why."""

    until: datetime
    reason: str


def read_pauses(session: Session, now: datetime) -> dict[tuple[str, str], Pause]:
    """Return by host and company (slug) the pauses that last at ``now``.

    A blocked job is followed by a pause of 6 hours, each further one in a row by twice that, at most 48; one that came
    to nothing in another way by 10 minutes, 20 … at most 6 hours. A job that finished ends the row, but no pause, which
    it had begun before.
    """
    rows = session.execute(
        sa.select(Company.slug, ScrapydJob.node, ScrapydJob.state, ScrapydJob.problem, ScrapydJob.ended_at)
        .join(Company, Company.id == ScrapydJob.company_id)
        .where(ScrapydJob.ended_at.between(now - LOOKED_BACK, now + AHEAD))
        .order_by(ScrapydJob.ended_at, ScrapydJob.id)
    )
    in_a_row: dict[tuple[str, str], int] = {}
    pauses: dict[tuple[str, str], Pause] = {}
    for slug, node, state, problem, ended_at in rows:
        key = host_of(node), slug
        if state == "finished" or ended_at is None:
            in_a_row.pop(key, None)
            continue
        in_a_row[key] = in_a_row.get(key, 0) + 1
        first, most = (BLOCKED_FIRST, BLOCKED_MOST) if state == "blocked" else (FAILED_FIRST, FAILED_MOST)
        until = ended_at + min(most, first * 2 ** min(in_a_row[key] - 1, 20))
        if until > max(now, pauses[key].until if key in pauses else now):
            pauses[key] = Pause(until, f"{state}: {problem}" if problem else state)
    return pauses
