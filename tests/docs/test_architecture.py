"""docs/architecture.md tells the rooms, their imports and the way of a price as the code has them."""

import re
import tomllib
from functools import reduce
from importlib import import_module

import pytest

from tests.docs.pages import DOCS, ROOT, code, rows, section

PAGE = DOCS / "architecture.md"
ROOMS = [cells for cells in rows(section(PAGE, "## Rooms")) if cells[0].startswith("`")]
WAY = [cells[1:] for cells in rows(section(PAGE, "## One price's way through the house")) if cells[1].startswith("`")]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
FORBIDDEN = {room: set(contract["forbidden_modules"]) for contract in CONTRACTS for room in contract["source_modules"]}
NAMES = {code(name) for name, *_ in ROOMS}


@pytest.mark.parametrize(("room", "allowed"), [(code(name), allowed) for name, _, allowed in ROOMS])
def test_the_imports_of_a_room_are_what_its_contract_leaves(room, allowed):
    left = NAMES - {room} - FORBIDDEN.get(room, set())
    if allowed == "every room":
        assert room not in FORBIDDEN
    else:
        assert set(re.findall(r"`([\w.]+)`", allowed)) == left


def test_every_room_is_in_the_table():
    inside = {f"splitcart.{path.parent.name}" for path in ROOT.glob("splitcart/*/__init__.py")}
    assert inside | {"splitcart_scrapy", "scheduler", "grouping", "archive"} == NAMES


@pytest.mark.parametrize(("path", "names"), [(code(path), names) for path, names in WAY])
def test_a_step_of_the_way_is_where_the_page_says(path, names):
    module = import_module(path.removesuffix(".py").replace("/", "."))
    found = re.findall(r"`([\w.]+)`", names)
    assert found
    for name in found:
        assert reduce(getattr, name.split("."), module) is not None
