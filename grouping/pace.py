"""How prices of a chain change: when, by how much at a time, and how long a change takes to reach every store."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from grouping.verdict import Verdict
from splitcart.config import Chain
from splitcart.measures.local_time import last_change_before, zone_for_state


def roll_out(chain: Chain, states: Iterable[str | None], at: datetime) -> timedelta:
    """How long a change of prices takes to reach all stores in some states: the same local hour lies hours apart."""
    offsets = [at.astimezone(zone_for_state(state)).utcoffset() or timedelta(0) for state in set(states)]
    apart = max(offsets) - min(offsets) if offsets else timedelta(0)
    return timedelta(hours=chain.roll_out_hours) + apart


def changes_between(chain: Chain, state: str | None, begin: datetime, end: datetime) -> bool:
    """Whether stores took the prices of one of the chain's change times at some instant from ``begin`` to ``end``."""
    times = [(change.weekday, change.at) for change in chain.parsed_change_times()]
    last = last_change_before(end, times, zone_for_state(state)) if times else None
    return last is not None and last + timedelta(hours=chain.roll_out_hours) > begin


def usual_change(chain: Chain, *, flipped: bool) -> float:
    """The share of a list that changes at a time, at most; ``flipped``: across a change time."""
    return chain.max_flip_change if flipped else chain.max_flip_change / 2


def may_be_rolling_out(chain: Chain, state: str | None, found: Verdict) -> bool:
    """Whether a bracket's mismatch may be a change of prices that reached one store (in ``state``) and not the other.

    So it may if it is no more than a list changes by at a time, or lies across one of the chain's change times.
    """
    if found.testimony is None or found.match is None:
        return False
    begin = min(crawl.observed_to for crawl in found.testimony.before)
    end = max(crawl.observed_from for crawl in found.testimony.after)
    different = 1 - found.match.comparison.true_overlap
    return different <= usual_change(chain, flipped=False) or changes_between(chain, state, begin, end)
