"""Draw the tables of the models as ``docs/images/tables.svg``, without any tool but Python."""  # noqa: INP001 - a script beside the pages

from collections.abc import Iterator
from html import escape
from pathlib import Path

import sqlalchemy as sa

from splitcart.database.models import OFFER_COLUMNS, Base

PICTURE = Path(__file__).parent / "images" / "tables.svg"
# One list a column of the picture, from left to right; a table that stands in none goes under the last.
PLACES = (
    ("companies", "divisions", "geo_clusters", "stores", "leases", "scrapyd_jobs"),
    ("categories", "skus", "products", "brands", "brand_aliases", "merge_events"),
    ("crawls", "coverage", "prices", "price_history", "retired_months", "uploads", "api_keys"),
    ("store_groups", "store_group_memberships", "ambassador_tenures", "store_group_candidates", "store_categories"),
    ("group_prices", "group_price_history", "group_events", "price_events", "inference_audits"),
)
WIDTH, GAP, LINE, MARGIN = 232, 46, 15, 16
# How a line looks: a key, a column that names a row of another table, the offer, any other.
LOOKS = {"key": 'font-weight="bold" fill="#222"', "row": 'fill="#0072B2"', "offer": 'fill="#777"', "": 'fill="#222"'}


def tables_picture() -> str:
    """Return the picture as SVG: one box a table, its key in bold, and after an arrow the table that a column names."""
    placed = {name for names in PLACES for name in names}
    columns = [list(names) for names in PLACES]
    columns[-1] += sorted(Base.metadata.tables.keys() - placed)
    boxes, bottom = [], 0
    for position, names in enumerate(columns):
        x, y = MARGIN + position * (WIDTH + GAP), MARGIN
        for name in names:
            lines = list(_lines(Base.metadata.tables[name]))
            boxes += _box(x, y, name, lines)
            y += (len(lines) + 1) * LINE + 26
        bottom = max(bottom, y)
    width = 2 * MARGIN + len(columns) * WIDTH + (len(columns) - 1) * GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {bottom}" width="{width}" height="{bottom}">'
    ground = f'<rect width="{width}" height="{bottom}" fill="#fafafa"/>'
    return "\n".join([head, ground, '<g font-family="sans-serif" font-size="11">', *boxes, "</g></svg>", ""])


def _lines(table: sa.Table) -> Iterator[tuple[str, str]]:
    """The lines of a table's box, each with its style; the offer is one line."""
    has_offer = set(OFFER_COLUMNS) <= set(table.c.keys())
    for column in table.c:
        if has_offer and column.name in OFFER_COLUMNS:
            continue
        others = sorted(key.column.table.name for key in column.foreign_keys)
        mark = "" if not column.nullable else "?"
        text = f"{column.name}{mark}" + (f" → {others[0]}" if others else "")
        yield text, "key" if column.primary_key else "row" if others else ""
    if has_offer:
        yield "the offer", "offer"


def _box(x: int, y: int, name: str, lines: list[tuple[str, str]]) -> Iterator[str]:
    height = (len(lines) + 1) * LINE + 10
    outline = f'x="{x}" y="{y}" width="{WIDTH}" rx="4"'
    yield f'<rect {outline} height="{height}" fill="#fff" stroke="#999"/>'
    yield f'<rect {outline} height="{LINE + 5}" fill="#0072B2"/>'
    yield f'<text x="{x + 8}" y="{y + 14}" font-weight="bold" fill="#fff">{escape(name)}</text>'
    for number, (text, look) in enumerate(lines, start=2):
        yield f'<text x="{x + 8}" y="{y + number * LINE + 3}" {LOOKS[look]}>{escape(text)}</text>'


if __name__ == "__main__":
    PICTURE.write_text(tables_picture(), encoding="utf-8")
