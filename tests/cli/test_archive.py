"""``splitcart archive``: the archive from the front door."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from splitcart.cli.archive import app
from splitcart.config import get_settings
from splitcart.database import transaction
from splitcart.errors import InputError
from tests.archive.small_chain import dairy


@pytest.fixture
def folder(own_engine: sa.Engine) -> Path:
    """The archive folder beside a database with one small chain."""
    with transaction(own_engine) as session:
        dairy(session)
    return get_settings().folder("archive")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_all_publishes_companies_and_stores(folder):
    output = run("all")
    assert "7 changed, 0 unchanged, 0 removed; 7 files" in output
    assert "as of 2026-11-03 12:00 UTC" in output
    assert sorted(path.name for path in (folder / "store_data/aldi").iterdir()) == ["g100.json", "g101.json"]
    assert "0 changed, 7 unchanged" in run("all")


def test_company_publishes_store_lists_only(folder):
    run("company", "--company", "aldi")
    assert (folder / "company_data/aldi.json").is_file()
    assert list((folder / "store_data").iterdir()) == []


def test_stores_publishes_the_store_that_is_named(folder):
    run("stores", "--company", "aldi", "--store", "G101")
    files = json.loads((folder / "manifest.json").read_bytes())["files"]
    assert [name for name, entry in files.items() if entry["kind"] == "store"] == ["store_data/aldi/g101.json"]


def test_an_unknown_company_is_an_input_error(folder):
    with pytest.raises(InputError, match="unknown company 'lidl'; in the database: aldi"):
        CliRunner().invoke(app, ["company", "--company", "lidl"], catch_exceptions=False)
