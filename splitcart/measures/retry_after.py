"""How long a server asks to be left alone."""

from datetime import UTC
from email.utils import parsedate_to_datetime

from splitcart.measures.clock import Clock


def retry_after_seconds(header: str | None, clock: Clock) -> float | None:
    """Read Retry-After, a number of seconds or a date (RFC 9110, 10.2.3); None if it is missing or neither."""
    text = (header or "").strip()
    if text.isdecimal():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the latter for a zone that is years away
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - clock()).total_seconds())
