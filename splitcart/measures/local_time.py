"""A store's own time: its zone, its calendar day as an interval of UTC, and its chain's weekly price changes."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from splitcart.measures.ids import clean_state

_ZONES = {
    "ACT": "Australia/Sydney",
    "NSW": "Australia/Sydney",
    "NT": "Australia/Darwin",
    "QLD": "Australia/Brisbane",
    "SA": "Australia/Adelaide",
    "TAS": "Australia/Hobart",
    "VIC": "Australia/Melbourne",
    "WA": "Australia/Perth",
}


def zone_for_state(state: str | None) -> ZoneInfo:
    """Return the time zone of an Australian state; Sydney's for a state that is missing or unknown."""
    return ZoneInfo(_ZONES.get(clean_state(state) or "", "Australia/Sydney"))


def local_day(day: date, state: str | None) -> tuple[datetime, datetime]:
    """Return a calendar day in ``state`` as UTC instants [start, end): 23 or 25 hours when the clocks change."""
    zone = zone_for_state(state)
    start, end = (datetime.combine(each, time(), zone) for each in (day, day + timedelta(days=1)))
    return start.astimezone(UTC), end.astimezone(UTC)


def last_change_before(instant: datetime, change_times: Sequence[tuple[int, time]], zone: ZoneInfo) -> datetime | None:
    """Return the latest weekly change at or before ``instant`` (aware) in UTC, None when there are no change times.

    A change time is a weekday (Monday is 0) and a time, local to ``zone``. At the very instant of a change the new
    prices hold, so that change is the last one, and ``next_change_after`` is a week on.
    """
    return max((change for change in _changes_around(instant, change_times, zone) if change <= instant), default=None)


def next_change_after(instant: datetime, change_times: Sequence[tuple[int, time]], zone: ZoneInfo) -> datetime | None:
    """Return the earliest weekly change later than ``instant`` (aware) in UTC, None when there are no change times."""
    return min((change for change in _changes_around(instant, change_times, zone) if change > instant), default=None)


def _changes_around(instant: datetime, change_times: Sequence[tuple[int, time]], zone: ZoneInfo) -> Iterator[datetime]:
    if instant.tzinfo is None:
        raise ValueError(f"a change is found from an aware instant, got {instant!r}")
    today = instant.astimezone(zone).date()
    # One day beyond the week on both sides: a clock change can move a change across the instant's own time of day.
    for day in (today + timedelta(days=offset) for offset in range(-8, 9)):
        for weekday, at in change_times:
            if day.weekday() == weekday:
                yield datetime.combine(day, at, zone).astimezone(UTC)
