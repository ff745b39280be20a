"""A store's place in its groups, as a reader of the archive needs it to judge what was inferred."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from archive.directory import ArchivedCompany, ArchivedStore
from archive.encoding import known
from splitcart.database.models import Category, Membership, StoreGroup


def store_groups(session: Session, company: ArchivedCompany, store: ArchivedStore) -> dict[str, Any]:
    """Return ``group`` (None: the store stands alone) and ``exceptions``, its categories with a list of their own."""
    ids = {other.row_id: other.store_id for other in company.stores}
    rows = session.execute(
        sa.select(
            Membership.since,
            Membership.confirmed_at,
            Membership.suspended_at,
            StoreGroup.name,
            StoreGroup.status,
            StoreGroup.ambassador_id,
            Category.name.label("category"),
        )
        .outerjoin(StoreGroup, StoreGroup.id == Membership.group_id)
        .outerjoin(Category, Category.id == Membership.category_id)
        .where(Membership.store_id == store.row_id, Membership.until.is_(None))
    ).all()
    group = None
    exceptions = []
    for row in rows:
        place = known(
            {
                "name": row.name,
                "status": row.status,
                "ambassador": ids.get(row.ambassador_id),
                "since": row.since,
                "confirmed_at": row.confirmed_at,
                "suspended_at": row.suspended_at,
            }
        )
        if row.category is None:
            group = place
        else:
            exceptions.append({"category": row.category, "group": place if row.name else None})
    return {"group": group, "exceptions": sorted(exceptions, key=lambda exception: exception["category"])}
