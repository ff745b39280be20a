"""Every link within the project leads somewhere, and every path that a page names is there."""

import re

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, named, spans

CODE_ROOTS = ("splitcart", "splitcart_scrapy", "scheduler", "grouping", "archive", "tests", "docs", "deploy", ".ci")
PLACEHOLDERS = re.compile(r"[{}*…<>]|\bcoles\b")  # coles: the worked example of a chain that is not there yet


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_within_the_project_resolves(page):
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    for target in targets:
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{named(page)} links to {target}"
        if anchor:
            assert anchor in anchors(found), f"{named(page)} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_path_of_the_project_that_is_named_exists(page):
    for span in spans(page.read_text(encoding="utf-8")):
        if re.fullmatch(r"[\w./{}*…<>-]+", span) and span.split("/")[0] in CODE_ROOTS and "/" in span:
            is_pattern = PLACEHOLDERS.search(span)
            is_data = span.startswith("archive/") and not span.endswith((".py", "schemas/", ".schema.json"))
            assert is_pattern or is_data or (ROOT / span).exists(), f"{named(page)} names {span}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_picture_is_small_and_a_png_or_svg(page):
    for target in re.findall(r"!\[[^\]]+\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        picture = (page.parent / target).resolve()
        assert picture.read_bytes().startswith(b"<svg" if picture.suffix == ".svg" else b"\x89PNG")
        assert picture.stat().st_size < 300_000


def test_every_page_is_reached_from_the_readme():
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached:
            reached.add(page)
            targets = re.findall(r"\]\(([^):\s#]+\.md)(?:#[\w-]+)?\)", page.read_text(encoding="utf-8"))
            waiting += [(page.parent / target).resolve() for target in targets]
    assert {page.resolve() for page in PAGES} <= {page.resolve() for page in reached}
