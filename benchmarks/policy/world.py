"""The market as rows of prices: what shelves and lists show day by day, and who prices by which list."""

from datetime import datetime, timedelta
from functools import lru_cache
from random import Random

import numpy as np
from numpy.typing import NDArray

from splitcart.replica.config import ChainConfig, MarketConfig, Move
from splitcart.replica.market import Market
from splitcart.replica.pricelist import MarketOffer

ROLL_OUT_HOURS = 12.0  # within which a change reaches each store
ABSENT = -1

Row = NDArray[np.int32]  # cents by sku, ABSENT where it is not on the shelf
Key = tuple[str, ...]  # which list prices each root category: stores with one key belong together


class World:
    """One chain of a market. Skus, root categories and stores are known by their position."""

    def __init__(self, seed: int, company: str, config: ChainConfig) -> None:
        self.seed, self.company, self._config = seed, company, config
        self._moves: list[Move] = []
        self._last_day: int | None = None
        self._carried: dict[str, NDArray[np.bool_]] = {}
        self._build()
        self.codes = list(self.market.skus(company))
        self.roots = [root.name for root in self.market.tree(company).roots]
        skus = self.market.skus(company)
        self.root_of = np.array([self.roots.index(skus[code].root) for code in self.codes])
        self.stores = [store.store_id for store in self.market.stores(company) if store.priced]

    def _build(self) -> None:
        self.market = Market(MarketConfig(seed=self.seed, chains={self.company: self._config}, moves=self._moves))
        self.shelf = lru_cache(maxsize=4096)(self._shelf)
        self.list_row = lru_cache(maxsize=1024)(self._list_row)

    def move(self, store_id: str, day: int, to: str) -> None:
        """From ``day`` on the store prices by another list; what it showed before stays as it was."""
        self._moves.append(Move(self.company, store_id, day, to))
        self._build()

    def stop_time(self, day: int) -> None:
        """Let all shelves show for ever what they show on ``day``."""
        self._last_day = day

    def day(self, store_id: str, at: datetime) -> int:
        """The market day whose prices a store shows at an instant: those of the day before until they are rolled out.

        On day 0 everything is there from midnight on.
        """
        state = self.market.plan(self.company, store_id).store.state
        day = self.market.day(at, state)
        delay = ROLL_OUT_HOURS * Random(f"{self.seed}/{store_id}/{day}").random()
        if day and at < self.market.midnight(day, state) + timedelta(hours=delay):
            day -= 1
        return day if self._last_day is None else min(day, self._last_day)

    def offers(self, store_id: str, day: int) -> dict[str, MarketOffer]:
        """What a store's shelf shows on a market day, by sku code."""
        state = self.market.plan(self.company, store_id).store.state
        noon = self.market.midnight(day, state) + timedelta(hours=12)
        return dict(self.market.offers(self.company, store_id, noon))

    def _shelf(self, store_id: str, day: int) -> Row:
        """The same as a row of prices."""
        return self._row(self.offers(store_id, day))

    def _list_row(self, name: str, day: int) -> Row:
        """What a price list says on a market day."""
        return self._row(dict(self.market.list_offers(self.company, name, day)))

    def _row(self, offers: dict[str, MarketOffer]) -> Row:
        shown = (offers.get(code) for code in self.codes)
        prices = [offer.price_cents if offer and offer.price_shown else ABSENT for offer in shown]
        return np.array(prices, dtype=np.int32)

    def key(self, store_id: str, day: int) -> Key:
        """Which list prices each root category of a store on a market day."""
        plan = self.market.plan(self.company, store_id)
        own = plan.list_on(day)
        return tuple(plan.roots.get(root, own) for root in self.roots)

    def carried(self, store_id: str) -> NDArray[np.bool_]:
        """Which root categories a store has anything of, on whatever day: a small store lacks whole departments."""
        if store_id not in self._carried:
            shown = self.root_of[self.shelf(store_id, 0) != ABSENT]
            self._carried[store_id] = np.isin(np.arange(len(self.roots)), shown)
        return self._carried[store_id]

    def is_priced_by(self, store_id: str, key: Key, day: int) -> bool:
        """Whether a store's prices on a market day are those of a key, in all that it carries."""
        own = self.key(store_id, day)
        return all(one == other for one, other, has in zip(own, key, self.carried(store_id), strict=True) if has)

    def own_list(self, store_id: str, day: int) -> str:
        """The list that prices most of a store."""
        return self.market.plan(self.company, store_id).list_on(day)

    def is_solo(self, store_id: str) -> bool:
        """Whether the store prices alone."""
        return self.market.plan(self.company, store_id).solo

    def is_mixed(self, store_id: str) -> bool:
        """Whether a category besides produce is priced by another list."""
        return len(self.market.plan(self.company, store_id).roots) > 1
