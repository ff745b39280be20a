"""How right was what had been believed of a grouped store, asked before its crawl is merged."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.database.models import InferenceAudit, Sku, StoreCategory

MAX_MISMATCHES = 5_000


def audit_crawl(
    session: Session,
    store_id: int,
    crawl_id: int,
    read_observed: Callable[[], Mapping[int, int | None]],
    category_ids: set[int],
    at: datetime,
) -> list[InferenceAudit]:
    """Compare a store's (row id) effective prices with what its crawl (row id) shows, before the crawl is merged.

    ``read_observed`` gives price cents by sku id (None: seen without a usable offer); ``category_ids`` are the root
    categories that the crawl completed. Each group is audited in the categories in which the store takes its news, so
    that a store in no group has no audit.
    """
    taken = sa.select(StoreCategory.group_id).where(
        StoreCategory.store_id == store_id,
        StoreCategory.group_id.is_not(None),
        StoreCategory.category_id.in_(category_ids),
    )
    group_ids = sorted(group_id for group_id in session.scalars(taken.distinct()) if group_id is not None)
    if not group_ids:
        return []
    observed = read_observed()
    view = sa.table("effective_prices", *map(sa.column, ("store_id", "sku_id", "price_cents", "source")))
    believed = session.execute(
        sa.select(view.c.sku_id, view.c.price_cents, view.c.source, StoreCategory.group_id)
        .join(Sku, Sku.id == view.c.sku_id)
        .join(
            StoreCategory,
            sa.and_(StoreCategory.store_id == view.c.store_id, StoreCategory.category_id == Sku.root_category_id),
        )
        .where(view.c.store_id == store_id, Sku.root_category_id.in_(category_ids))
        .order_by(view.c.sku_id)
    ).all()
    counted = [row for row in believed if observed.get(row.sku_id, -1) is not None]  # a gap proves nothing
    audits = [
        _audit(store_id, group_id, crawl_id, [row for row in counted if row.group_id == group_id], observed, at)
        for group_id in group_ids
    ]
    session.add_all(audits)
    return audits


def _audit(
    store_id: int,
    group_id: int,
    crawl_id: int,
    believed: Sequence[Any],
    observed: Mapping[int, int | None],
    at: datetime,
) -> InferenceAudit:
    wrong = [row for row in believed if observed.get(row.sku_id) != row.price_cents]
    inferred = [row for row in believed if row.source == "inferred_group"]
    return InferenceAudit(
        store_id=store_id,
        group_id=group_id,
        crawl_id=crawl_id,
        compared=len(believed),
        equal=len(believed) - len(wrong),
        inferred_compared=len(inferred),
        inferred_equal=len([row for row in inferred if observed.get(row.sku_id) == row.price_cents]),
        mismatches=[[row.sku_id, observed.get(row.sku_id)] for row in wrong[:MAX_MISMATCHES]],
        audited_at=at,
    )
