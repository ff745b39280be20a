"""How right was what had been believed of a grouped store, asked before its crawl is merged."""

from collections.abc import Callable, Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grouping.memberships import open_membership
from splitcart.database.models import InferenceAudit, Sku, StoreCategory

MAX_MISMATCHES = 5_000


def audit_crawl(
    session: Session,
    store_id: int,
    crawl_id: int,
    read_observed: Callable[[], Mapping[int, int | None]],
    category_ids: set[int],
    at: datetime,
) -> InferenceAudit | None:
    """Compare a store's (row id) effective prices with what its crawl (row id) shows, before the crawl is merged.

    ``read_observed`` gives price cents by sku id (None: seen without a usable offer); ``category_ids`` are the root
    categories that the crawl completed. Returns None, and writes nothing, for a store whose prices no group speaks for.
    """
    membership = open_membership(session, store_id)
    grouped = session.scalar(
        sa.select(StoreCategory.group_id)
        .where(StoreCategory.store_id == store_id, StoreCategory.group_id.is_not(None))
        .limit(1)
    )
    if membership is None or membership.group_id is None or grouped is None:
        return None
    observed = read_observed()
    view = sa.table("effective_prices", *map(sa.column, ("store_id", "sku_id", "price_cents", "source")))
    believed = session.execute(
        sa.select(view.c.sku_id, view.c.price_cents, view.c.source)
        .join(Sku, Sku.id == view.c.sku_id)
        .where(view.c.store_id == store_id, Sku.root_category_id.in_(category_ids))
        .order_by(view.c.sku_id)
    ).all()
    counted = [row for row in believed if observed.get(row.sku_id, -1) is not None]  # a gap proves nothing
    wrong = [row for row in counted if observed.get(row.sku_id) != row.price_cents]
    inferred = [row for row in counted if row.source == "inferred_group"]
    audit = InferenceAudit(
        store_id=store_id,
        group_id=membership.group_id,
        crawl_id=crawl_id,
        compared=len(counted),
        equal=len(counted) - len(wrong),
        inferred_compared=len(inferred),
        inferred_equal=len([row for row in inferred if observed.get(row.sku_id) == row.price_cents]),
        mismatches=[[row.sku_id, observed.get(row.sku_id)] for row in wrong[:MAX_MISMATCHES]],
        audited_at=at,
    )
    session.add(audit)
    return audit
