"""How long to ask a store finder whose places are numbered, when nobody knows where a number's place is."""

from collections import Counter
from collections.abc import Iterable, Iterator
from math import gcd

GOLDEN = 0.6180339887
MIN_SIGHTINGS = 3


def spread(count: int) -> Iterator[int]:
    """Yield 1 to ``count``, each once, so that any beginning is spread evenly over all of them."""
    step = round(count * GOLDEN) or 1
    while gcd(step, count) > 1:
        step += 1
    return (1 + at * step % count for at in range(count))


class Sightings:
    """How often each store was met in answers of the stores nearest to a place.

    ``enough`` once every one was met three times. Stores near each other are met in the same answers, so a store that
    none of so many showed would have to be met much more rarely than all its neighbours are.
    """

    def __init__(self) -> None:
        self._met: Counter[str] = Counter()

    def add(self, store_ids: Iterable[str]) -> None:
        """Count the stores of one answer."""
        self._met.update(set(store_ids))

    @property
    def enough(self) -> bool:
        """Whether more answers would hardly show another store."""
        return bool(self._met) and min(self._met.values()) >= MIN_SIGHTINGS
