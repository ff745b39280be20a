"""The log of what grouping decided and why: ``group_events``.

Kinds: ``verdict`` and ``pending`` (a candidate crawl); ``diverged``, ``suspended``, ``healed``, ``ejected``,
``cleared``, ``promoted``, ``ambassador_rogue``, ``dissolved`` (a check); ``seeded``, ``unseeded``, ``founded``,
``joined``, ``merged``, ``excepted``, ``unexcepted``, ``outlier``, ``inactive`` (a store's place); ``listed``,
``voted``, ``shared``, ``withdrawn``, ``news``, ``news_waiting`` (a list; ingestion adds the last two, too); ``run``,
``reanalysed``. An event whose ``verdict`` is ``confirmed`` makes its candidate crawl a reference of the group, and the
crawl that it refers to one while that crawl's own store is proven.
"""

from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.database.models import Base, GroupEvent

PLACING_KINDS = ("ejected", "seeded", "founded", "joined", "merged", "excepted", "outlier")
PAIR = ("group_id", "kind", "candidate_crawl_id", "reference_crawl_id")
CHANGES = frozenset({"news", "withdrawn"})  # of a list: it is made again from them, so none is left out


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
    """Log one event; ``candidate`` and ``reference`` are row ids of crawls.

    The same pair is not logged twice, unless it is one of ``CHANGES``.
    """
    event = {
        "company_id": company_id,
        "group_id": group_id,
        "store_id": store_id,
        "kind": kind,
        "verdict": verdict,
        "candidate_crawl_id": candidate,
        "reference_crawl_id": reference,
        "figures": figures or {},
        "at": at,
    }
    session.flush()
    absent = frozenset(name for name in PAIR if event[name] is None)
    session.execute(_insert(absent, once=kind not in CHANGES), {f"its_{name}": value for name, value in event.items()})


@cache
def _insert(absent: frozenset[str], *, once: bool) -> sa.Insert:
    """Insert an event, if ``once`` one of a crawl unless its pair is there; ``absent`` of that are NULL. Made once."""
    table = Base.metadata.tables[GroupEvent.__tablename__]
    names = [column.name for column in table.c if not column.primary_key]
    its = {name: sa.bindparam(f"its_{name}", type_=table.c[name].type) for name in names}
    if not once or "candidate_crawl_id" in absent:
        return sa.insert(table).values(its)
    known = table.alias()
    same = (known.c[name].is_(None) if name in absent else known.c[name] == its[name] for name in PAIR)
    return sa.insert(table).from_select(names, sa.select(*its.values()).where(~sa.exists().where(*same)))
