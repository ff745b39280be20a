"""How long a server asks to be left alone, in all the ways that the header may be written."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitcart.measures.retry_after import retry_after_seconds

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        (" 120 ", 120),
        ("Mon, 02 Mar 2026 12:01:30 GMT", 90),
        ("Mon, 02 Mar 2026 12:01:30 -0000", 90),
        ("Mon, 02 Mar 2026 23:01:30 +1100", 90),
        ("Mon, 02 Mar 2026 11:00:00 GMT", 0),
    ],
)
def test_a_number_and_a_date_are_seconds_from_now(header: str, seconds: float) -> None:
    assert retry_after_seconds(header, lambda: NOW) == seconds


@pytest.mark.parametrize("header", [None, "", "soon", "-5", "1.5", "Mon, 02 Mar 2026 12:00:00 +99999999999999"])
def test_what_is_neither_asks_for_nothing(header: str | None) -> None:
    assert retry_after_seconds(header, lambda: NOW) is None


@given(st.text(max_size=40))
def test_whatever_a_server_writes_is_a_pause_or_nothing(header: str) -> None:
    seconds = retry_after_seconds(header, lambda: NOW)
    assert seconds is None or seconds >= 0
