"""The worked example of docs/scheduling.md is what the queue says today."""

from benchmarks.queue_example import PAGE, example_table, page_with
from tests.docs.pages import rows, section


def test_the_thirty_entries_on_the_page_are_those_of_the_queue():
    assert PAGE.read_text(encoding="utf-8") == page_with(example_table()), "run: python -m benchmarks.queue_example"


def test_the_example_shows_every_step_of_both_phases():
    entries = [cells for cells in rows(section(PAGE, "## Thirty entries of a queue")) if cells[0].isdigit()]
    assert len(entries) == 30
    assert {cells[3] for cells in entries} == {"tie-breaker", "ambassador", "outlier", "check", "target", "outside"}
