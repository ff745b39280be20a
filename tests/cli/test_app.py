"""What the front door makes of errors that nobody expected."""

from tests.cli.front_door import splitcart


def test_an_error_that_no_room_foresaw_is_one_line_too() -> None:
    ended = splitcart("group", "show", "9" * 20)
    assert (ended.exit_code, ended.error.count("\n")) == (1, 1)
    assert ended.error.endswith("; splitcart --debug … shows where\n")


def test_debug_shows_where_an_error_was_raised(monkeypatch) -> None:
    assert "Traceback" not in splitcart("group", "show", "9" * 20).error
    assert "Traceback" in splitcart("--debug", "group", "show", "9" * 20).error
