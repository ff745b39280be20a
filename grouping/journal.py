"""The log of what grouping decided and why: ``group_events``.

Kinds: ``verdict`` and ``pending`` (a candidate crawl); ``diverged``, ``suspended``, ``healed``, ``ejected``,
``cleared``, ``promoted``, ``ambassador_rogue``, ``dissolved`` (a check); ``seeded``, ``unseeded``, ``founded``,
``joined``, ``merged``, ``excepted``, ``unexcepted``, ``outlier``, ``inactive`` (a store's place); ``listed``,
``voted``, ``shared``, ``withdrawn``, ``news``, ``news_waiting`` (a list; ingestion adds the last two, too); ``run``,
``reanalysed``. An event whose ``verdict`` is ``confirmed`` makes its candidate crawl a reference of the group.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.database.models import GroupEvent

PLACING_KINDS = ("ejected", "seeded", "founded", "joined", "merged", "excepted", "outlier")


def record(
    session: Session,
    company_id: int,
    kind: str,
    at: datetime,
    *,
    group_id: int | None = None,
    store_id: int | None = None,
    verdict: str | None = None,
    candidate: int | None = None,
    reference: int | None = None,
    figures: dict[str, Any] | None = None,
) -> None:
    """Log one event; ``candidate`` and ``reference`` are row ids of crawls. The same pair is not logged twice."""
    pair = (
        GroupEvent.group_id == group_id,
        GroupEvent.kind == kind,
        GroupEvent.candidate_crawl_id == candidate,
        GroupEvent.reference_crawl_id == reference,
    )
    if candidate is not None and session.scalar(sa.select(GroupEvent.id).where(*pair).limit(1)) is not None:
        return
    session.add(
        GroupEvent(
            company_id=company_id,
            group_id=group_id,
            store_id=store_id,
            kind=kind,
            verdict=verdict,
            candidate_crawl_id=candidate,
            reference_crawl_id=reference,
            figures=figures or {},
            at=at,
        )
    )
    session.flush()
