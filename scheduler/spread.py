"""How far apart a cluster's first crawls are: what is compared should have been seen within one window."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.roster import company_row_id
from splitcart.config import Chain
from splitcart.database.models import Coverage, Crawl

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Spread:
    """From the beginning of the earliest crawl to the end of the latest.

    ``in_window``: the largest number of these crawls that ended within any one window.
    """

    earliest: datetime
    latest: datetime
    in_window: int

    @property
    def hours(self) -> float:
        return (self.latest - self.earliest) / timedelta(hours=1)


def spread(crawls: Iterable[Span], window: timedelta) -> Spread | None:
    """Return how far apart crawls (their beginnings and ends) are; None for none."""
    crawls = list(crawls)
    if not crawls:
        return None
    ends = sorted(end for _, end in crawls)
    most = first = 0
    for last, end in enumerate(ends):
        while end - ends[first] > window:
            first += 1
        most = max(most, last - first + 1)
    return Spread(min(begin for begin, _ in crawls), ends[-1], most)


def read_first_crawls(session: Session, chain: Chain) -> dict[int, Span]:
    """Return by store (row id) beginning and end of its discovery crawl: the first with a complete category."""
    covers = sa.exists().where(Coverage.crawl_id == Crawl.id)
    rows = session.execute(
        sa.select(Crawl.store_id, sa.func.min(Crawl.observed_from), sa.func.min(Crawl.observed_to))
        .where(Crawl.company_id == company_row_id(session, chain), Crawl.store_id.is_not(None), covers)
        .group_by(Crawl.store_id)
    )
    return {store: (begin, end) for store, begin, end in rows if store is not None}
