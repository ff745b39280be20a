"""Signs that a store moved to another price list: what it shows then is no news of the list that it had."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import numpy as np
import sqlalchemy as sa
from sqlalchemy.orm import Session

from grouping.lists import News
from grouping.offers import list_table, price_table
from splitcart.config import Chain
from splitcart.database.arrays import int_arrays
from splitcart.database.bulk import padded
from splitcart.database.models import Sku, StoreGroup

SAMPLE = 30  # lines of news, of which each other list is asked


def shows_another_list(session: Session, group: StoreGroup, news: Sequence[News], since: datetime) -> bool:
    """Whether one other group's list has said most of the news, or of a sample, since ``since`` or longer."""
    asked = [news[at] for at in np.linspace(0, len(news) - 1, min(len(news), SAMPLE)).astype(int)]
    told = {item.sku_id: item.offer.price_cents for item in asked if item.offer is not None}
    if not told:
        return False
    skus, cents = np.array(sorted(told.items())).T
    same_scope = (
        StoreGroup.category_id.is_(None) if group.category_id is None else StoreGroup.category_id == group.category_id
    )
    others = sa.select(StoreGroup.id).where(
        StoreGroup.company_id == group.company_id, StoreGroup.is_active.is_(True), StoreGroup.id != group.id, same_scope
    )
    lines = sa.select(list_table.c.group_id, list_table.c.sku_id, list_table.c.price_cents).where(
        list_table.c.group_id.in_(others),
        list_table.c.sku_id.in_(padded(told)),
        list_table.c.left_at.is_(None),
        list_table.c.changed_at <= since,
    )
    said = (listed == cents[np.searchsorted(skus, sku_ids)] for _, (sku_ids, listed) in int_arrays(session, lines))
    return any(2 * int(alike.sum()) > len(asked) for alike in said)


def stands_apart(
    session: Session,
    chain: Chain,
    store_id: int,
    group: StoreGroup,
    news: Iterable[News],
    category_ids: Collection[int],
) -> bool:
    """Whether a store's regular prices in some root categories, its news aside, are not its group's list.

    Regular prices, so that local promotions are none of it.
    """
    of_list = sa.func.coalesce(list_table.c.was_cents, list_table.c.price_cents)
    of_store = sa.func.coalesce(price_table.c.was_cents, price_table.c.price_cents)
    same_sku = sa.and_(price_table.c.store_id == store_id, price_table.c.sku_id == list_table.c.sku_id)
    shared, different = session.execute(
        sa.select(sa.func.count(), sa.func.count().filter(of_list != of_store))
        .select_from(list_table.join(price_table, same_sku))
        .where(
            list_table.c.group_id == group.id,
            list_table.c.left_at.is_(None),
            price_table.c.left_at.is_(None),
            price_table.c.root_category_id.in_(category_ids),
            list_table.c.sku_id.not_in([item.sku_id for item in news]),
        )
    ).one()
    return bool(different >= chain.category_min_different and different > (1 - chain.true_overlap) * shared)


def count_lines(session: Session, group_id: int, category_ids: Collection[int]) -> int:
    """How many lines a group's list has in some root categories (row ids)."""
    of_categories = (list_table.c.left_at.is_(None), Sku.root_category_id.in_(category_ids))
    counted = sa.select(sa.func.count()).select_from(list_table.join(Sku, Sku.id == list_table.c.sku_id))
    return session.scalar(counted.where(list_table.c.group_id == group_id, *of_categories)) or 0
