"""All rows of a database as text that two databases can be compared by: names in place of row ids."""

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from splitcart.database import Base, reading, transaction

Dump = dict[str, list[str]]
# Prices and their history name others without a rule that the database enforces.
OWNERS = {"store_id": "stores", "sku_id": "skus", "crawl_id": "crawls", "root_category_id": "categories"}
TABLES = [table for table in Base.metadata.sorted_tables if table.name != "products"]


def dump(engine: sa.Engine, left_out: Mapping[str, set[str]] | None = None) -> Dump:
    """Return the sorted rows of every table; ``left_out`` names columns that are not compared, by table.

    A row id is written as the name of what it stands for: a sku as its company and code, a product as the skus that
    are it, and so on.
    """
    left_out = left_out or {}
    with reading(engine) as session:
        rows = {
            name: [dict(row) for row in session.execute(sa.select(table)).mappings()]
            for name, table in Base.metadata.tables.items()
        }
    names = _names(rows)
    return {
        name: sorted(_text(table, row, names, left_out.get(name, set())) for row in rows[name])
        for name, table in Base.metadata.tables.items()
    }


def empty(engine: sa.Engine) -> None:
    """Delete every row of every table."""
    with transaction(engine) as session:
        if engine.dialect.name == "postgresql":
            session.execute(sa.text(f"TRUNCATE {', '.join(Base.metadata.tables)}"))
            return
        session.execute(sa.text("PRAGMA defer_foreign_keys=ON"))
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(sa.delete(table))


def _names(rows: dict[str, list[dict[str, Any]]]) -> dict[str, dict[int, str]]:
    """Return what each row id stands for, by table."""
    names: dict[str, dict[int, str]] = {}
    for table in TABLES:
        if "id" in table.c:
            columns = _naming_columns(table)
            names[table.name] = {
                row["id"]: "/".join(_value(table.c[column], row, names) for column in columns)
                for row in rows[table.name]
            }
    skus: dict[int, list[str]] = {}
    for row in rows["skus"]:
        skus.setdefault(row["product_id"], []).append(names["skus"][row["id"]])
    names["products"] = {row["id"]: " = ".join(sorted(skus.get(row["id"], []))) for row in rows["products"]}
    return names


def _naming_columns(table: sa.Table) -> list[str]:
    """The columns of a rule that no two rows have the same; else all that name no product."""
    for rule in sorted(table.constraints, key=lambda rule: str(rule.name)):
        if isinstance(rule, sa.UniqueConstraint):
            return [column.name for column in rule.columns]
    return [column.name for column in table.c if column.name != "id" and _owner(column) is None]


def _text(table: sa.Table, row: dict[str, Any], names: dict[str, dict[int, str]], left_out: set[str]) -> str:
    return " | ".join(
        f"{column.name}={_value(column, row, names)}"
        for column in table.c
        if column.name != "id" and column.name not in left_out
    )


def _value(column: sa.Column[Any], row: dict[str, Any], names: dict[str, dict[int, str]]) -> str:
    value, owner = row[column.name], _owner(column)
    return str(_plain(value)) if value is None or owner is None else names.get(owner, {}).get(value, "?")


def _owner(column: sa.Column[Any]) -> str | None:
    """The table whose rows a column names."""
    for key in column.foreign_keys:
        return key.column.table.name
    return OWNERS.get(column.name) if isinstance(column.type, sa.Integer) else None


def _plain(value: Any) -> Any:
    """The order of a JSON object's keys says nothing."""
    if isinstance(value, dict):
        return {key: _plain(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value


def differences(left: Dump, right: Dump) -> Iterator[str]:
    """Yield a line for each row that only one of two dumps has."""
    for name in sorted(left.keys() | right.keys()):
        for row in sorted(set(left.get(name, [])) ^ set(right.get(name, []))):
            side = "left" if row in left.get(name, []) else "right"
            yield f"{side} {name}: {row}"
        if len(left.get(name, [])) != len(right.get(name, [])):
            yield f"{name}: {len(left.get(name, []))} rows left, {len(right.get(name, []))} right"
