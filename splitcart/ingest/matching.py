"""From a new sku to the product that it is: by GTIN, else by the key of name, brand and size.

A code of restricted circulation is no GTIN. A name without any size is too weak a key: it would join pack sizes. A
product that was known by its key only gets the first GTIN that one of its skus brings, so that a second one does not
join it.
"""

from collections.abc import Iterable
from datetime import datetime
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.database.bulk import insert_missing, reserve_ids
from splitcart.database.models import Base
from splitcart.measures.gtin import parse_gtin
from splitcart.measures.keys import product_key
from splitcart.measures.sizes import parse_sizes

product_table = Base.metadata.tables["products"]
sku_table = Base.metadata.tables["skus"]
CHUNK = 500


def find_products(session: Session, skus: list[dict[str, Any]], at: datetime) -> tuple[int, int]:
    """Set ``product_id`` in each sku row; return how many products were created and how many skus matched one."""
    gtins = [_gtin(sku) for sku in skus]
    keys = [_match_key(sku) for sku in skus]
    by_gtin = _known(session, product_table.c.gtin, [gtin for gtin in gtins if gtin])
    by_key = _known_by_key(session, [key for key in keys if key])
    matched = 0
    created: list[tuple[dict[str, Any], dict[str, Any]]] = []
    named: list[dict[str, Any]] = []
    for sku, gtin, key in zip(skus, gtins, keys, strict=True):
        product = by_gtin.get(gtin or "") or _compatible(by_key.get(key or ""), gtin)
        if product is None:
            product = {"name": sku["name"], "gtin": gtin, "created_at": at}
            created.append((sku, product))
        else:
            matched += 1
            created += [(sku, product)] if "id" not in product else []
        sku["product_id"] = product.get("id")
        sku["match_key"] = key
        if gtin:
            if product["gtin"] is None:
                product["gtin"] = gtin
                named += [product] if "id" in product else []
            by_gtin.setdefault(gtin, product)
        if key:
            by_key.setdefault(key, product)
    _create(session, created)
    _give_gtins(session, named)
    return len({id(product) for _, product in created}), matched


def _compatible(product: dict[str, Any] | None, gtin: str | None) -> dict[str, Any] | None:
    """Equal names with different GTINs are different products."""
    if product is None or (gtin and product["gtin"] and product["gtin"] != gtin):
        return None
    return product


def _gtin(sku: dict[str, Any]) -> str | None:
    gtin = parse_gtin(sku["barcode"]) if sku["barcode"] and not sku["barcode_is_local"] else None
    return gtin.gtin14 if gtin and not gtin.is_local else None


def _match_key(sku: dict[str, Any]) -> str | None:
    sizes = parse_sizes(sku["name"], sku["size"])
    if not sizes or not sku["brand"]:
        return None
    return product_key(sku["name"], sku["brand"], sizes)[:768] or None


def _known(session: Session, column: sa.Column[Any], values: list[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(values), CHUNK):
        chunk = values[start : start + CHUNK]
        rows = session.execute(sa.select(product_table).where(column.in_(chunk)).order_by(product_table.c.id.desc()))
        found.update({row[column.name]: dict(row) for row in rows.mappings()})  # the oldest product wins
    return found


def _known_by_key(session: Session, keys: list[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start : start + CHUNK]
        rows = session.execute(
            sa.select(sku_table.c.match_key, *product_table.c)
            .join(product_table, product_table.c.id == sku_table.c.product_id)
            .where(sku_table.c.match_key.in_(chunk))
            .order_by(product_table.c.id.desc())
        )
        found.update({row["match_key"]: dict(row) for row in rows.mappings()})  # the oldest product wins
    return found


def _create(session: Session, created: Iterable[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    pairs = list(created)
    products = list({id(product): product for _, product in pairs}.values())
    if not products:
        return
    ids = reserve_ids(session, product_table, len(products))
    for product, product_id in zip(products, ids, strict=True):
        product["id"] = product_id
    insert_missing(session, product_table, sorted(products, key=lambda product: product["gtin"] or ""))
    _follow_winners(session, products)
    for sku, product in pairs:
        sku["product_id"] = product["id"]


def _give_gtins(session: Session, products: list[dict[str, Any]]) -> None:
    columns = product_table.c
    statement = (
        sa.update(product_table)
        .where(columns.id == sa.bindparam("b_id"), columns.gtin.is_(None))
        .values(gtin=sa.bindparam("b_gtin"))
    )
    rows = [{"b_id": product["id"], "b_gtin": product["gtin"]} for product in products]
    if rows:
        session.execute(statement, sorted(rows, key=itemgetter("b_id")))


def _follow_winners(session: Session, products: list[dict[str, Any]]) -> None:
    """Where another worker created the GTIN first, its product is the one."""
    winners = _known(session, product_table.c.gtin, [product["gtin"] for product in products if product["gtin"]])
    for product in products:
        if product["gtin"]:
            product["id"] = winners[product["gtin"]]["id"]
