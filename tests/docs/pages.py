"""Reading the project's pages: their tables, code and links."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])


def named(page: Path) -> str:
    """The page's name for a test's id."""
    return str(page.relative_to(ROOT))


def section(page: Path, heading: str) -> str:
    """The text below ``heading`` (with its marks), up to the next heading of its level or above."""
    text = page.read_text(encoding="utf-8")
    level = len(heading) - len(heading.lstrip("#"))
    found = re.search(rf"^{re.escape(heading)}$(.*?)(?=^#{{1,{level}}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{page.name} has no heading {heading!r}"
    return found[1]


def rows(text: str) -> Iterator[list[str]]:
    """The cells of every row of every table, without the headings."""
    for line in text.splitlines():
        if line.startswith("|") and not re.match(r"\|[\s|:-]+$", line):
            yield [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def code(cell: str) -> str:
    """The only code of a cell, without its marks."""
    found = re.fullmatch(r"`([^`]+)`", cell)
    assert found, f"expected one piece of code, got {cell!r}"
    return found[1]


def blocks(text: str) -> list[str]:
    """The fenced blocks."""
    return re.findall(r"^```[^\n]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def spans(text: str) -> list[str]:
    """The code within lines, outside the fenced blocks."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [" ".join(found.split()) for found in re.findall(r"`([^`]+)`", prose)]


def anchors(page: Path) -> set[str]:
    """What a link's ``#…`` may name in a page, as GitHub makes it of its headings."""
    headings = re.findall(r"^#{1,6} (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
