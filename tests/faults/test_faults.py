"""The short form of the fault harness (``make soak`` is the long one, docs/reliability.md)."""

from pathlib import Path

from tests.faults.rounds import run

ROUNDS = 7


def test_no_fault_loses_doubles_or_changes_a_file(tmp_path, sqlite):
    """The seed makes each run of the test the same; the long form takes others."""
    report = run(tmp_path, sqlite.url.render_as_string(), Path(sqlite.url.database), ROUNDS, seed=7)
    assert "\n".join(report.wrong) == ""
    assert (report.rounds, report.acknowledged + report.refused) == (ROUNDS, report.files)
    assert report.faults.total() + report.kills.total() >= ROUNDS
    assert report.acknowledged
