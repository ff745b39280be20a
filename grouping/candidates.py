"""Stamping the crawls of members: they wait for their verdict."""

from collections.abc import Set as AbstractSet
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.database.bulk import insert_missing
from splitcart.database.models import Base, Membership, StoreGroup


def stamp_candidates(
    session: Session, store_id: int, crawl_id: int, category_ids: AbstractSet[int], at: datetime
) -> None:
    """Make a crawl (row id) that completed these root categories a candidate of the store's groups that they are about.

    An Ambassador's own crawl feeds the list and is no candidate.
    """
    places = session.execute(
        sa.select(Membership.group_id, sa.type_coerce(Membership.category_id, sa.Integer), StoreGroup.ambassador_id)
        .join(StoreGroup, StoreGroup.id == Membership.group_id, isouter=True)
        .where(Membership.store_id == store_id, Membership.until.is_(None))
        .order_by(Membership.id)
    ).all()
    apart = {category_id for _, category_id, _ in places}
    rows = [
        {"group_id": group_id, "store_id": store_id, "crawl_id": crawl_id, "stamped_at": at}
        for group_id, category_id, ambassador in places
        if group_id is not None
        and ambassador != store_id
        and (category_ids - apart if category_id is None else category_id in category_ids)
    ]
    if rows:
        insert_missing(session, Base.metadata.tables["store_group_candidates"], rows)
