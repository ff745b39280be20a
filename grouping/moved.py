"""Signs that a store moved to another price list: what it shows then is no news of the list that it had."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grouping.lists import News
from grouping.offers import list_table, price_table
from splitcart.config import Chain
from splitcart.database.models import Sku, StoreGroup


def shows_another_list(session: Session, group: StoreGroup, news: Sequence[News], since: datetime) -> bool:
    """Whether one other group's list has said most of the news since ``since`` or longer."""
    told = {item.sku_id: item.offer for item in news if item.offer is not None}
    same_scope = (
        StoreGroup.category_id.is_(None) if group.category_id is None else StoreGroup.category_id == group.category_id
    )
    others = sa.select(StoreGroup.id).where(
        StoreGroup.company_id == group.company_id, StoreGroup.is_active.is_(True), StoreGroup.id != group.id, same_scope
    )
    rows = session.execute(
        sa.select(list_table.c.group_id, list_table.c.sku_id, list_table.c.price_cents).where(
            list_table.c.group_id.in_(others),
            list_table.c.sku_id.in_(told),
            list_table.c.left_at.is_(None),
            list_table.c.changed_at <= since,
        )
    )
    alike = Counter(group_id for group_id, sku_id, cents in rows if cents == told[sku_id].price_cents)
    return 2 * max(alike.values(), default=0) > len(news)


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
