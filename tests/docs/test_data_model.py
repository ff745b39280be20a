"""docs/data-model.md describes every table and column of the models, and no other."""

import re
from runpy import run_path

import pytest
import sqlalchemy as sa

from splitcart.database.models import OFFER_COLUMNS, Base
from tests.docs.pages import DOCS, rows, section

PAGE = DOCS / "data-model.md"
TABLES = Base.metadata.tables
VIEW = "effective_prices"
HEADINGS = re.findall(r"^### `(\w+)`$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def described(table: str) -> list[str]:
    cells = [cell for cell, *_ in rows(section(PAGE, f"### `{table}`"))]
    assert "the offer" not in cells or cells.count("the offer") == 1
    named = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    return named + (list(OFFER_COLUMNS) if "the offer" in cells else [])


def test_every_table_is_described_once_and_no_other():
    assert sorted(HEADINGS) == sorted([*TABLES, VIEW])


@pytest.mark.parametrize("table", TABLES)
def test_every_column_of_a_table_is_described_once_and_no_other(table):
    assert sorted(described(table)) == sorted(TABLES[table].columns.keys())


def test_every_column_of_the_view_is_described_once_and_no_other(engine):
    found = [column["name"] for column in sa.inspect(engine).get_columns(VIEW)]
    assert sorted(described(VIEW)) == sorted(found)


def test_the_parts_of_an_offer_are_described():
    cells = [cell for cell, *_ in rows(section(PAGE, "### The offer"))]
    assert [name for cell in cells for name in re.findall(r"`(\w+)`", cell)] == list(OFFER_COLUMNS)


def test_the_picture_shows_the_tables_as_they_are():
    script = run_path(str(DOCS / "schema_picture.py"))
    picture = script["PICTURE"].read_text(encoding="utf-8")
    assert picture == script["tables_picture"](), "run: python docs/generate.py"
    assert all(f">{table}</text>" in picture for table in TABLES)
