"""The skus that differ between two price lists, with both prices and since when each is known to stand."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from grouping.explanation import SkuLine
from grouping.offers import BEFORE_ALL, intervals, list_history_table, list_table
from grouping.overlap import UNPRICED
from grouping.references import Step
from grouping.verdict import Match, Snapshot
from splitcart.database.models import Sku


def list_skus(
    step: Step,
    sides: tuple[Snapshot, Snapshot],
    found: Match,
    names: Mapping[int, str],
    group_id: int | None,
    most: int,
) -> list[SkuLine]:
    """Return the skus that differ, at most ``most``: of failing categories first, then the largest differences.

    ``names`` are those of root categories (row ids); ``group_id`` is the group of a side that is a list.
    """
    at = dict(zip(found.comparison.different_skus.tolist(), _places(step, found), strict=True))
    failing = set(found.failing_categories)

    def root(sku_id: int) -> int:
        return int(step.catalogue.category_ids[step.catalogue.roots[at[sku_id]]])

    def rank(sku_id: int) -> tuple[bool, float, int]:
        here, there = (int(side.prices.price[at[sku_id]]) for side in sides)
        return root(sku_id) not in failing, -abs(here - there) / max(here, there, 1), sku_id

    chosen = sorted(at, key=rank)[:most]
    skus = {
        row.id: row for row in step.session.execute(sa.select(Sku.id, Sku.code, Sku.name).where(Sku.id.in_(chosen)))
    }
    prices = [{sku_id: int(side.prices.price[at[sku_id]]) for sku_id in chosen} for side in sides]
    begun = [_since(step, side, group_id, shown) for side, shown in zip(sides, prices, strict=True)]
    return [
        SkuLine(
            skus[sku_id].code,
            skus[sku_id].name,
            names.get(root(sku_id), ""),
            *(prices[0][sku_id], begun[0].get(sku_id)),
            *(prices[1][sku_id], begun[1].get(sku_id)),
        )
        for sku_id in chosen
    ]


def _places(step: Step, found: Match) -> list[int]:
    places: list[int] = step.catalogue.sku_ids.searchsorted(found.comparison.different_skus).tolist()
    return places


def _since(step: Step, side: Snapshot, group_id: int | None, shown: Mapping[int, int]) -> dict[int, datetime]:
    """Since when a side's prices are known to stand; without those that nobody saw begin."""
    if side.store_id is not None:
        rows = _standing_at(step, intervals(store_ids=[side.store_id]), side.observed_to, shown)
    elif group_id is not None:
        rows = _listed_at(step, group_id, side.observed_to, shown)
    else:
        return {}
    return {sku_id: since for sku_id, price, since in rows if price == shown[sku_id] != UNPRICED and since > BEFORE_ALL}


def _standing_at(step: Step, every: sa.Subquery, at: datetime, sku_ids: Iterable[int]) -> Iterable[Any]:
    return step.session.execute(
        sa.select(every.c.sku_id, every.c.price_cents, every.c.since).where(
            every.c.sku_id.in_(list(sku_ids)), every.c.since <= at, sa.or_(every.c.until.is_(None), every.c.until > at)
        )
    )


def _listed_at(step: Step, group_id: int, at: datetime, sku_ids: Iterable[int]) -> Iterable[Any]:
    now, past = list_table.c, list_history_table.c
    wanted = list(sku_ids)
    return step.session.execute(
        sa.union_all(
            sa.select(now.sku_id, now.price_cents, now.changed_at).where(
                now.group_id == group_id, now.sku_id.in_(wanted), now.changed_at <= at
            ),
            sa.select(past.sku_id, past.price_cents, past.since).where(
                past.group_id == group_id, past.sku_id.in_(wanted), past.since <= at, past.until > at
            ),
        )
    )
