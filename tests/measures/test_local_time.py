from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitcart.measures.local_time import last_change_before, local_day, next_change_after, zone_for_state

SYDNEY = ZoneInfo("Australia/Sydney")
WEDNESDAY = [(2, time(0, 0))]


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("state", "zone"),
    [
        ("NSW", "Sydney"),
        ("ACT ", "Sydney"),
        ("VIC", "Melbourne"),
        ("Queensland", "Brisbane"),
        ("SA", "Adelaide"),
        ("WA", "Perth"),
        ("TAS", "Hobart"),
        ("NT", "Darwin"),
        ("6018", "Sydney"),
        (None, "Sydney"),
    ],
)
def test_every_state_has_its_zone(state, zone):
    assert zone_for_state(state).key == f"Australia/{zone}"


@pytest.mark.parametrize(
    ("day", "state", "start", "end"),
    [
        (date(2025, 9, 23), "QLD", utc(2025, 9, 22, 14), utc(2025, 9, 23, 14)),
        (date(2025, 9, 23), "SA", utc(2025, 9, 22, 14, 30), utc(2025, 9, 23, 14, 30)),
        (date(2026, 1, 1), "WA", utc(2025, 12, 31, 16), utc(2026, 1, 1, 16)),
        (date(2026, 10, 4), "NSW", utc(2026, 10, 3, 14), utc(2026, 10, 4, 13)),
        (date(2026, 4, 5), "VIC", utc(2026, 4, 4, 13), utc(2026, 4, 5, 14)),
    ],
)
def test_a_local_day_runs_from_midnight_to_midnight(day, state, start, end):
    assert local_day(day, state) == (start, end)


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.sampled_from(["NSW", "QLD", "SA", "WA", None]))
def test_local_days_follow_each_other_without_gap(day, state):
    assert local_day(day, state)[1] == local_day(day + timedelta(days=1), state)[0]


def test_a_change_holds_from_its_own_instant_on():
    change = utc(2026, 11, 17, 13)  # Wednesday 18 November, midnight, summer time
    assert last_change_before(change, WEDNESDAY, SYDNEY) == change
    assert last_change_before(change - timedelta(seconds=1), WEDNESDAY, SYDNEY) == change - timedelta(days=7)
    assert next_change_after(change - timedelta(seconds=1), WEDNESDAY, SYDNEY) == change
    assert next_change_after(change, WEDNESDAY, SYDNEY) == change + timedelta(days=7)


def test_the_week_in_which_the_clocks_change_has_167_or_169_hours():
    spring = last_change_before(utc(2026, 10, 8), WEDNESDAY, SYDNEY)
    assert (spring, spring - last_change_before(utc(2026, 10, 2), WEDNESDAY, SYDNEY)) == (
        utc(2026, 10, 6, 13),
        timedelta(hours=167),
    )
    autumn = next_change_after(utc(2026, 4, 5), WEDNESDAY, SYDNEY)
    assert (autumn, autumn - last_change_before(utc(2026, 4, 5), WEDNESDAY, SYDNEY)) == (
        utc(2026, 4, 7, 14),
        timedelta(hours=169),
    )


def test_of_several_change_times_the_nearest_counts():
    times = [(2, time(0, 0)), (5, time(7, 30))]
    thursday = utc(2026, 11, 19, 3)
    assert last_change_before(thursday, times, SYDNEY) == utc(2026, 11, 17, 13)
    assert next_change_after(thursday, times, SYDNEY) == utc(2026, 11, 20, 20, 30)


def test_a_chain_without_change_times_has_no_changes():
    assert last_change_before(utc(2026, 11, 19), [], SYDNEY) is None
    assert next_change_after(utc(2026, 11, 19), [], SYDNEY) is None


def test_a_naive_instant_is_refused():
    with pytest.raises(ValueError, match="aware"):
        last_change_before(datetime(2026, 11, 19), WEDNESDAY, SYDNEY)


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(lambda instant: instant.replace(tzinfo=UTC)),
    st.lists(st.tuples(st.integers(0, 6), st.times().map(lambda at: at.replace(fold=0))), min_size=1, max_size=4),
    st.sampled_from(["NSW", "QLD", "SA", "WA", "TAS"]),
)
def test_an_instant_lies_between_its_last_and_its_next_change(instant, times, state):
    zone = zone_for_state(state)
    last, following = last_change_before(instant, times, zone), next_change_after(instant, times, zone)
    assert last <= instant < following
    assert following - last <= timedelta(days=7, hours=1)
    assert next_change_after(last, times, zone) == following
    assert last_change_before(following, times, zone) == following
