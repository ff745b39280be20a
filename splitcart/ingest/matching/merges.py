"""The record of merges, and the way back."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from splitcart.database.models import Base, Brand, BrandAlias, MergeEvent, Product
from splitcart.errors import InputError
from splitcart.ingest.matching.brands import BrandBook
from splitcart.ingest.matching.enrich import enrich

sku_table = Base.metadata.tables["skus"]
product_table = Base.metadata.tables["products"]


def read_merges(session: Session, *, kind: str | None = None, limit: int | None = None) -> list[dict[str, Any]]:
    """Return the merges, newest first, with the names of what was merged."""
    found = []
    models: tuple[tuple[str, type[Product | Brand]], ...] = (("product", Product), ("brand", Brand))
    for each, model in models:
        source, target = aliased(model), aliased(model)
        query = (
            sa.select(MergeEvent, source.name, target.name)
            .join(source, source.id == MergeEvent.from_id)
            .join(target, target.id == MergeEvent.into_id)
            .where(MergeEvent.kind == each)
            .order_by(MergeEvent.id.desc())
            .limit(limit)
        )
        if kind in {None, each}:
            found += [_described(*row) for row in session.execute(query)]
    return sorted(found, key=lambda merge: -merge["id"])[:limit]


def _described(event: MergeEvent, source: str, target: str) -> dict[str, Any]:
    return {
        "id": event.id,
        "kind": event.kind,
        "from": {"id": event.from_id, "name": source},
        "into": {"id": event.into_id, "name": target},
        "rule": event.rule,
        "score": event.score,
        "moved": len(event.moved),
        "at": event.at,
        "undone_at": event.undone_at,
    }


def undo_merge(session: Session, event_id: int, at: datetime) -> dict[str, Any]:
    """Put back what a merge moved; raise InputError for one that is not there or undone already.

    Rows that a later merge has moved on come back, too, and a later undo of that merge leaves them. The two are never
    merged again.
    """
    event = session.get(MergeEvent, event_id)
    if event is None:
        raise InputError(f"there is no merge {event_id}; splitcart products merges lists them")
    if event.undone_at is not None:
        raise InputError(f"merge {event_id} is undone already, since {event.undone_at:%Y-%m-%d %H:%M} UTC")
    if event.kind == "product":
        _put_back_skus(session, event)
    else:
        _put_back_products(session, event)
    event.undone_at = at
    session.flush()
    return next(merge for merge in read_merges(session, kind=event.kind) if merge["id"] == event_id)


def _put_back_skus(session: Session, event: MergeEvent) -> None:
    now_at = _end(session, Product, event.into_id)
    for sku_id, rule, score in event.moved:
        session.execute(
            sa.update(sku_table)
            .where(sku_table.c.id == sku_id, sku_table.c.product_id == now_at)
            .values(product_id=event.from_id, match_rule=rule, match_score=score)
        )
    session.execute(sa.update(Product).where(Product.id == event.from_id).values(merged_into_id=None))
    enrich(session, BrandBook(session), {event.from_id, now_at})


def _put_back_products(session: Session, event: MergeEvent) -> None:
    now_at = _end(session, Brand, event.into_id)
    session.execute(
        sa.update(product_table)
        .where(product_table.c.id.in_(event.moved), product_table.c.brand_id == now_at)
        .values(brand_id=event.from_id)
    )
    key = session.execute(
        sa.update(Brand).where(Brand.id == event.from_id).values(merged_into_id=None).returning(Brand.key)
    ).scalar_one()
    session.execute(sa.delete(BrandAlias).where(BrandAlias.key == key))


def _end(session: Session, model: type[Product] | type[Brand], row_id: int) -> int:
    """Return the row that a row is by now."""
    while (into := session.scalar(sa.select(model.merged_into_id).where(model.id == row_id))) is not None:
        row_id = into
    return row_id
