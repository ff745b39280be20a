"""Time comes in as an argument: a clock is a function that answers an aware UTC instant."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Now, as an aware UTC instant."""
    return datetime.now(UTC)


def shifted_clock(start: datetime) -> Clock:
    """Return a clock that reads ``start`` (aware) now and runs on at the pace of real time."""
    if start.tzinfo is None:
        raise ValueError(f"a clock needs an aware start, got {start!r}")
    began = monotonic()
    return lambda: start.astimezone(UTC) + timedelta(seconds=monotonic() - began)
