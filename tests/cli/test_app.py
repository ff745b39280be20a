"""What the front door makes of errors that nobody expected."""

from pathlib import Path

from tests.cli.front_door import splitcart


def test_an_error_that_no_room_foresaw_is_one_line_too(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "letter.txt").write_text("not a database at all, " * 50)
    monkeypatch.setenv("SPLITCART_DATABASE_URL", f"sqlite:///{tmp_path / 'letter.txt'}")
    ended = splitcart("group", "list")
    assert (ended.exit_code, ended.error.count("\n")) == (1, 1)
    assert "file is not a database" in ended.error


def test_debug_shows_where_an_error_was_raised(monkeypatch) -> None:
    assert "Traceback" not in splitcart("group", "show", "9" * 20).error
    assert "Traceback" in splitcart("--debug", "group", "show", "9" * 20).error
