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
def test_what_is_cited_is_here_and_by_its_place(text):
    said = text.read_text(encoding="utf-8")
    assert re.findall(ELSEWHERE, said) == []
    if text not in PAGES:
        for page, heading in re.findall(r"\bdocs/([\w./-]+\.md)(?:#([\w-]+))?", said):
            assert (DOCS / page).is_file(), f"{named(text)} cites docs/{page}"
            assert not heading or heading in anchors(DOCS / page), f"{named(text)} cites docs/{page}#{heading}"
    if not text.is_relative_to(DOCS) and text.parent != HERE.parent:
        assert set(re.findall(r"(?<![\w./-])[\w-]+\.md\b", said)) <= WITHOUT_A_FOLDER


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_no_page_names_a_folder_of_somebodys_machine(page):
    assert re.findall(MACHINE, page.read_text(encoding="utf-8")) == []


def test_the_headings_about_the_sites_are_cited():
    cited = {heading for text in TEXTS for heading in re.findall(r"retailers\.md#([\w-]+)", text.read_text("utf-8"))}
    assert len(cited) >= 10
