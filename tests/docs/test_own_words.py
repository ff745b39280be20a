"""The project speaks of itself alone: what it cites is in it, and no page names a machine that it was written on."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, PAGES, ROOT, anchors, named

FOLDERS = ("splitcart", "splitcart_scrapy", "scheduler", "grouping", "archive", "benchmarks", "deploy", "docs", "tests")
ENDINGS = {".py", ".md", ".toml", ".cfg", ".yaml", ".txt", ".mako", ".sh"}
AT_ROOT = (
    ".ci/run",
    ".env.example",
    ".gitignore",
    ".pre-commit-config.yaml",
    "Makefile",
    "pyproject.toml",
    "scrapy.cfg",
)
HERE = Path(__file__)
TEXTS = sorted(
    {
        *PAGES,
        *(ROOT / name for name in AT_ROOT),
        *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in ENDINGS),
    }
    - {HERE}
)
WITHOUT_A_FOLDER = {"README.md", "CHANGELOG.md"}
ELSEWHERE = r"\bDESIGN\b|\b(?:STACK|STYLE|GOAL)\.md|\.\./shared\b"
MACHINE = r"(?<![\w.…}])/(?:work|tmp|home|root|Users)/"


@pytest.mark.parametrize("text", TEXTS, ids=named)
def test_nothing_is_cited_that_is_not_here(text):
    assert re.findall(ELSEWHERE, text.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("text", [path for path in TEXTS if path not in PAGES], ids=named)
def test_every_page_and_heading_that_the_code_cites_is_there(text):
    cited = re.findall(r"\bdocs/([\w./-]+\.md)(?:#([\w-]+))?", text.read_text(encoding="utf-8"))
    for page, heading in cited:
        assert (DOCS / page).is_file(), f"{named(text)} cites docs/{page}"
        assert not heading or heading in anchors(DOCS / page), f"{named(text)} cites docs/{page}#{heading}"


@pytest.mark.parametrize(
    "text", [path for path in TEXTS if not path.is_relative_to(DOCS) and path.parent != HERE.parent], ids=named
)
def test_code_cites_a_page_by_its_place(text):
    cited = set(re.findall(r"(?<![\w./-])[\w-]+\.md\b", text.read_text(encoding="utf-8")))
    assert cited <= WITHOUT_A_FOLDER


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_no_page_names_a_folder_of_somebodys_machine(page):
    assert re.findall(MACHINE, page.read_text(encoding="utf-8")) == []


def test_the_headings_about_the_sites_are_cited():
    cited = {heading for text in TEXTS for heading in re.findall(r"retailers\.md#([\w-]+)", text.read_text("utf-8"))}
    assert len(cited) >= 10
