"""What docs/configuration.md says is what the code reads."""

import re
from datetime import datetime
from pathlib import Path

import msgspec
import pytest
from scrapy.utils.conf import closest_scrapy_cfg

from splitcart.config import Chain, Settings, get_chains
from splitcart_scrapy import settings as scrapy_settings
from tests.docs.pages import DOCS, PAGES, ROOT, code, named, rows, section

PAGE = DOCS / "configuration.md"
ENV_FILE = "SPLITCART_ENV_FILE"  # read before the settings are
ALIASES = {field.validation_alias: field for field in Settings.model_fields.values()}
CHAIN_KEYS = {field.name: field for field in msgspec.structs.fields(Chain) if field.name != "slug"}
SETTINGS = [cells for cells in rows(section(PAGE, "## Settings")) if cells[0].startswith("`") and cells[0].isupper()]
KEYS = [cells for cells in rows(section(PAGE, "## chains.toml")) if cells[0].startswith("`")]
SCRAPY = [cells for cells in rows(section(PAGE, "## Scrapy's settings")) if cells[0].startswith("`")]


def test_every_setting_is_documented_once_and_no_other():
    assert sorted(code(name) for name, *_ in SETTINGS) == sorted([*ALIASES, ENV_FILE])


@pytest.mark.parametrize(("name", "default"), [(code(name), default) for name, default, _ in SETTINGS])
def test_the_default_of_a_setting_is_the_documented_one(name, default):
    field = ALIASES.get(name)
    if default == "none":
        assert field.default is None
    elif field is not None and isinstance(field.default, str | int | float | Path | datetime):
        assert code(default) == str(field.default)
    else:  # told in words: made from something else, or chosen when it is needed
        assert field is None or field.default is None or field.default_factory


def test_every_setting_stands_in_the_example_file_and_no_other():
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE)) == sorted(ALIASES)


def test_the_example_file_shows_defaults_that_are_true(monkeypatch):
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    given = dict(re.findall(r"^([A-Z_]+)=(.+)$", example, re.MULTILINE))
    assert set(given) == {"SPLITCART_DATABASE_URL", "API_DEV_SERVER_URL"}
    assert given["API_DEV_SERVER_URL"] == ALIASES["API_DEV_SERVER_URL"].default


def test_every_key_of_a_chain_is_documented_once_and_no_other():
    assert [code(name) for name, *_ in KEYS] == list(CHAIN_KEYS)


@pytest.mark.parametrize(("name", "default"), [(code(name), default) for name, default, _ in KEYS])
def test_the_default_of_a_chain_key_is_the_documented_one(name, default):
    field = CHAIN_KEYS[name]
    if default == "required":
        assert field.required
    elif field.default_factory is not msgspec.NODEFAULT:
        assert code(default) == repr(field.default_factory())
    else:
        assert code(default) == repr(field.default)


def test_the_packaged_chains_are_named():
    text = section(PAGE, "## chains.toml")
    assert all(f"`{slug}`" in text for slug in get_chains())


@pytest.mark.parametrize(("name", "value"), [(code(name), code(value)) for name, value, _ in SCRAPY])
def test_a_scrapy_setting_has_the_documented_value(name, value):
    assert str(getattr(scrapy_settings, name)) == value


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_page_names_only_settings_that_exist(page):
    known = {*ALIASES, ENV_FILE, "SCRAPY_SETTINGS_MODULE", *dir(scrapy_settings)}
    text = page.read_text(encoding="utf-8")
    found = set(re.findall(r"\b(?:SPLITCART|API|SCRAPY|RETRY|DOWNLOAD|ALDI|WOOLWORTHS|COLES|IGA)_[A-Z_]+\b", text))
    assert found <= known


def test_the_checkout_is_a_scrapy_project():
    assert closest_scrapy_cfg(str(ROOT)) == str(ROOT / "scrapy.cfg")
