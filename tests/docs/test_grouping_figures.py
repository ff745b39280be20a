"""The tables of grouping.md are what their calculation says."""

from runpy import run_path

from tests.docs.pages import DOCS

FIGURES = run_path(str(DOCS / "grouping_figures.py"))
PAGE = (DOCS / "grouping.md").read_text(encoding="utf-8")


def test_the_tables_of_chances_are_calculated():
    assert FIGURES["chance_table"]() in PAGE, "run: python docs/grouping_figures.py"
    assert FIGURES["category_table"]() in PAGE, "run: python docs/grouping_figures.py"


def test_the_worked_example_happens_on_the_replica_market():
    example = FIGURES["worked_example"]()
    assert example in PAGE, "run: python docs/grouping_figures.py"
    assert ("**confirmed**" in example, "**rogue**" in example) == (True, True)
