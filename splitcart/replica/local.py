"""What happens in one store alone: spells of some days in which single skus are special."""

from collections.abc import Sequence
from functools import lru_cache
from random import Random
from typing import NamedTuple

from splitcart.replica.pricelist import draw


class Spell(NamedTuple):
    """A sku's spell: ``days`` from its first day on; ``strength`` lies between 0 and 1."""

    code: str
    days: int
    strength: float


class Spells:
    """Spells such that at any time about ``share`` of the codes has one; the same whichever day is asked first."""

    def __init__(self, key: str, codes: Sequence[str], share: float, *, shortest: int, longest: int) -> None:
        """``shortest`` and ``longest`` are days."""
        self._key, self._codes, self._shortest, self._longest = key, codes, shortest, longest
        self._a_day = share * len(codes) * 2 / (shortest + longest)
        self.begun = lru_cache(maxsize=64)(self._begun)

    def _begun(self, day: int) -> tuple[Spell, ...]:
        """The spells whose first day is ``day``."""
        rng = Random(f"{self._key}/{day}")
        chosen = rng.sample(self._codes, min(len(self._codes), draw(rng, self._a_day)))
        return tuple(Spell(code, rng.randint(self._shortest, self._longest), rng.random()) for code in chosen)

    def on(self, day: int) -> dict[str, float]:
        """The strength by code of the spells that run on ``day``."""
        if not self._a_day:
            return {}
        first = day - self._longest + 1
        return {
            spell.code: spell.strength
            for begun in range(first, day + 1)
            for spell in self.begun(begun)
            if day < begun + spell.days
        }
