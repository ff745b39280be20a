"""A price list and its history: what each sku costs on each market day, and why it changed.

A list is simulated from day 0 on, each day with a generator of its own, so that its state on a day is the same whoever
asks first. Days are whole local days; every change happens at 00:00.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from random import Random
from threading import RLock
from typing import NamedTuple

import msgspec

from splitcart.replica.catalogue import MarketSku, shelf_price
from splitcart.replica.config import ChainConfig


class MarketOffer(msgspec.Struct, frozen=True, kw_only=True):
    """What the shelf shows of one sku. Money in cents; ``unit_price_cents`` is per ``unit_measure`` ("1 kg").

    ``cup_cents`` is the unit price as printed, per the chain's own basis. ``special_kind`` of a reduced price: special
    or half_price. ``multi_buy_cents`` is the total for ``multi_buy_quantity`` pieces. ``price_shown`` False: listed at
    this store, but without a price for now. ``local`` marks a clearance of this store alone.
    """

    sku: str
    price_cents: int
    was_cents: int | None = None
    cup_cents: int = 0
    unit_price_cents: int | None = None
    unit_measure: str | None = None
    special_kind: str | None = None
    multi_buy_quantity: int | None = None
    multi_buy_cents: int | None = None
    member_cents: int | None = None
    price_shown: bool = True
    local: bool = False

    @property
    def promoted(self) -> bool:
        """Whether the offer is reduced, a multi-buy or has a member price."""
        return bool(self.was_cents or self.multi_buy_cents or self.member_cents)


class Promotion(NamedTuple):
    """``kind`` and how much off; ``quantity`` pieces for a multi-buy."""

    kind: str
    depth: float
    quantity: int = 1


class DayLog(NamedTuple):
    """The codes whose offer changed on one day, by cause; ``unscheduled`` is the share of a re-pricing, if any."""

    flipped: tuple[str, ...] = ()
    repriced: tuple[str, ...] = ()
    departed: tuple[str, ...] = ()
    arrived: tuple[str, ...] = ()
    unscheduled: float | None = None


def make_offer(sku: MarketSku, regular: int, promotion: Promotion | None, *, local: bool = False) -> MarketOffer:
    """The offer of a sku with this regular price under this promotion."""
    price, facts = regular, dict[str, int | str | None]()
    if promotion is not None:
        reduced = min(shelf_price(regular * (1 - promotion.depth)), regular)
        if promotion.kind == "multi_buy":
            total = min(shelf_price(regular * promotion.quantity * (1 - promotion.depth)), regular * promotion.quantity)
            facts = {"multi_buy_quantity": promotion.quantity, "multi_buy_cents": total}
        elif promotion.kind == "member_price":
            facts = {"member_cents": reduced}
        else:
            price = (regular + 1) // 2 if promotion.kind == "half_price" else reduced
            facts = {"was_cents": regular, "special_kind": promotion.kind} if price < regular else {}
    cup = max(1, int(price / sku.unit.amount + 0.5))
    return MarketOffer(
        sku=sku.code,
        price_cents=price,
        cup_cents=cup,
        unit_price_cents=cup * sku.unit.factor if sku.unit.measure else None,
        unit_measure=sku.unit.measure,
        local=local,
        **facts,  # type: ignore[arg-type]  # each fact has its field's type
    )


def draw(rng: Random, expected: float) -> int:
    """Return a whole number whose mean is ``expected``."""
    return int(expected) + (rng.random() < expected % 1)


def new_price(rng: Random, old: int) -> int:
    """Return another shelf price, up to a fifth away."""
    for _ in range(20):
        price = shelf_price(old * rng.uniform(0.82, 1.2))
        if price != old:
            return price
    return old + 10


class Promotions:
    """Which skus of a chain are promoted, week by week; shared by its lists."""

    def __init__(self, key: str, kinds: Sequence[str], codes: Sequence[str], config: ChainConfig) -> None:
        self._key, self._kinds, self._codes, self._config = key, kinds, codes, config
        rng = Random(f"{key}/0")
        chosen = rng.sample(codes, round(config.promoted_share * len(codes)))
        self._weeks: list[dict[str, Promotion]] = [{code: self._promotion(rng) for code in chosen}]
        self._lock = RLock()

    def week(self, number: int) -> Mapping[str, Promotion]:
        """The promotions by code after ``number`` flips: at each, ``flip_share`` change, two thirds by ending."""
        with self._lock:
            while len(self._weeks) <= number:
                self._weeks.append(self._next_week(Random(f"{self._key}/{len(self._weeks)}"), dict(self._weeks[-1])))
            return self._weeks[number]

    def _next_week(self, rng: Random, now: dict[str, Promotion]) -> dict[str, Promotion]:
        changing = rng.sample(sorted(now), round(self._config.flip_share * len(now)))
        ending = round(len(changing) * 2 / 3)
        free = [code for code in self._codes if code not in now]
        for code in changing[:ending]:
            del now[code]
        for code in changing[ending:]:
            now[code] = self._promotion(rng, now[code])
        now.update((code, self._promotion(rng)) for code in rng.sample(free, min(ending, len(free))))
        return now

    def _promotion(self, rng: Random, old: Promotion | None = None) -> Promotion:
        while True:
            kind = rng.choice(self._kinds)
            depth = 0.5 if kind == "half_price" else rng.choice((0.1, 0.2, 0.25, 0.3, 0.4))
            promotion = Promotion(kind, depth, rng.choice((2, 3)) if kind == "multi_buy" else 1)
            if promotion != old:
                return promotion


class PriceList:
    """One list: the offers of its skus on any day."""

    def __init__(
        self,
        name: str,
        key: str,
        skus: Sequence[MarketSku],
        config: ChainConfig,
        difference: float,
        promotions: Promotions,
        flips: Callable[[int], int],
        changes: Mapping[int, float],
    ) -> None:
        """``flips(day)`` counts the flips up to a day; ``changes`` are the injected re-pricings: share by day."""
        self.name, self._key, self._config = name, key, config
        self._skus = {sku.code: sku for sku in skus}
        self._promotions, self._flips, self._changes = promotions, flips, changes
        rng = Random(f"{key}/base")
        self._regular = {
            sku.code: new_price(rng, sku.base_cents) if rng.random() < difference else sku.base_cents for sku in skus
        }
        self._listed = {sku.code for sku in skus if sku.initial}
        self._days: dict[str, list[int]] = {sku.code: [] for sku in skus}
        self._offers: dict[str, list[MarketOffer | None]] = {sku.code: [] for sku in skus}
        self._log: list[DayLog] = [DayLog()]
        self._lock = RLock()
        for code in self._skus:
            self._note(code, 0)
        self.at = lru_cache(maxsize=6)(self._at)

    def log(self, day: int) -> DayLog:
        """What changed on ``day``."""
        with self._lock:
            while len(self._log) <= day:
                self._log.append(self._advance(len(self._log)))
            return self._log[day]

    def _at(self, day: int) -> dict[str, MarketOffer]:
        """The offers by code of the listed skus on ``day``, in the catalogue's order."""
        self.log(day)
        with self._lock:
            found = {code: self._offers[code][bisect_right(days, day) - 1] for code, days in self._days.items()}
        return {code: offer for code, offer in found.items() if offer is not None}

    def regular(self, code: str, day: int) -> int:
        """The price of a listed sku without its promotion on ``day``."""
        offer = self.at(day)[code]
        return offer.was_cents or offer.price_cents

    def _advance(self, day: int) -> DayLog:
        rng = Random(f"{self._key}/{day}")
        codes = [code for code in self._skus if code in self._listed]
        flip = self._flips(day) > self._flips(day - 1)
        changed: dict[str, str] = {}
        if flip:
            before, after = (self._promotions.week(self._flips(at)) for at in (day - 1, day))
            for code in self._skus:  # in the catalogue's order, which is the same in every run
                if before.get(code) != after.get(code):
                    changed[code] = "flipped"
        every = self._config.unscheduled_every_days
        share = (
            rng.uniform(*self._config.unscheduled_share) if every and rng.random() < 1 / every and not flip else None
        )
        share = self._changes.get(day, share)
        for code in rng.sample(
            codes, min(len(codes), draw(rng, (self._config.daily_share + (share or 0)) * len(codes)))
        ):
            self._regular[code] = new_price(rng, self._regular[code])
            changed[code] = "repriced"
        turnover = self._config.turnover_share * len(codes)
        absent = [code for code in self._skus if code not in self._listed]
        for code in rng.sample(codes, min(len(codes), draw(rng, turnover))):
            self._listed.remove(code)
            changed[code] = "departed"
        for code in rng.sample(absent, min(len(absent), draw(rng, turnover))):
            self._listed.add(code)
            changed[code] = "arrived"
        noted: dict[str, list[str]] = {}
        for code, cause in changed.items():
            if self._note(code, day):
                noted.setdefault(cause, []).append(code)
        return DayLog(**{cause: tuple(codes) for cause, codes in noted.items()}, unscheduled=share)

    def _note(self, code: str, day: int) -> bool:
        """Write down a sku's offer from ``day`` on; tell whether it is another than before."""
        offer = None
        if code in self._listed:
            promotion = self._promotions.week(self._flips(day)).get(code)
            offer = make_offer(self._skus[code], self._regular[code], promotion)
        if self._offers[code] and self._offers[code][-1] == offer:
            return False
        self._days[code].append(day)
        self._offers[code].append(offer)
        return True
