"""The decisions are listed, shaped alike, and the page of dependencies is true."""

import re
import tomllib

import pytest

from tests.docs.pages import DOCS, ROOT, rows

DECISIONS = sorted((DOCS / "decisions").glob("[0-9]*.md"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_has_its_number_its_parts_and_its_line_in_the_list(page):
    text = page.read_text(encoding="utf-8")
    number = int(page.name[:4])
    assert text.startswith(f"# {number}. ")
    assert [text.index(f"**{part}.**") for part in ("Context", "Decision", "Consequence")]
    assert f"[{number}]({page.name})" in (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")


def test_decisions_are_numbered_without_a_hole():
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


def test_every_dependency_is_explained_and_no_other():
    declared = [
        *PROJECT["dependencies"],
        *(one for extra in PROJECT["optional-dependencies"].values() for one in extra),
    ]
    page = next(page for page in DECISIONS if page.stem.endswith("dependencies"))
    explained = [name for cell, *_ in rows(page.read_text(encoding="utf-8")) for name in re.findall(r"`([^`]+)`", cell)]
    assert sorted(explained) == sorted(re.split(r"[\[>=<]", one)[0] for one in declared)
