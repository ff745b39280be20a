"""What one store offers, offered, and how that is known: the products of its archive."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from archive.catalogue import Catalogue
from archive.encoding import encode, joined
from grouping.effective import EffectiveInterval, EffectivePrice, Offer, effective_history, effective_prices
from splitcart.database.models import Coverage


@dataclass(frozen=True, slots=True)
class Shelf:
    """One store's products: what stands (``current``) and every interval (``history``), by sku row id."""

    current: dict[int, EffectivePrice]
    history: dict[int, list[EffectiveInterval]]
    coverage: Mapping[int, list[datetime]]
    catalogue: Catalogue
    store_ids: dict[int, str]

    @property
    def skus(self) -> set[int]:
        """The row ids of all skus that the store ever offered, as far as is known."""
        return self.current.keys() | self.history.keys()

    @property
    def oldest_seen_at(self) -> datetime | None:
        return min((price.seen_at for price in self.current.values()), default=None)

    @property
    def newest_seen_at(self) -> datetime | None:
        return max((price.seen_at for price in self.current.values()), default=None)

    @property
    def as_of(self) -> datetime | None:
        """The newest instant that anything here rests on: an observation, or a change of the group's list."""
        instants = {instant for windows in self.coverage.values() for instant in windows}
        instants.update(price.seen_at for price in self.current.values())
        for intervals in self.history.values():
            instants.add(intervals[-1].until or intervals[-1].since)
        return max(instants, default=None)

    def counts(self) -> dict[str, int]:
        """How many products there are, and where their offers come from."""
        sources = [price.source for price in self.current.values()]
        return {
            "products": len(self.skus),
            "listed": len(self.current),
            "delisted": len(self.skus) - len(self.current),
            "direct_scrape": sources.count("direct_scrape"),
            "inferred_group": sources.count("inferred_group"),
            "new_range": sum(price.is_new_range for price in self.current.values()),
            "history_entries": sum(map(len, self.history.values())),
        }

    def product(self, sku_id: int) -> bytes:
        """Return one product as JSON: its details, its offer or its departure, its history."""
        intervals = self.history.get(sku_id, [])
        price = self.current.get(sku_id)
        state = self._listed(price) if price else self._delisted(sku_id, intervals[-1])
        history = [
            {
                "since": interval.since,
                "until": interval.until,
                "offer": _offer(interval.offer),
                **self._provenance(interval),
            }
            for interval in intervals
        ]
        return joined(self.catalogue.skus[sku_id].details, encode({**state, "price_history": history}))

    def _listed(self, price: EffectivePrice) -> dict[str, Any]:
        return {
            "listed": True,
            "available": price.available,
            "offer": _offer(price.offer),
            **self._provenance(price),
            **({"is_new_range": True} if price.is_new_range else {}),
            "seen_at": price.seen_at,
        }

    def _delisted(self, sku_id: int, last: EffectiveInterval) -> dict[str, Any]:
        return {"listed": False, "available": False, "last_seen": self._last_seen(sku_id, last), "left_at": last.until}

    def _last_seen(self, sku_id: int, last: EffectiveInterval) -> datetime:
        """The end of the last look at the product's category that still found it; for an inferred offer, its change."""
        if last.source == "inferred_group" or last.until is None:
            return last.since
        looks = self.coverage.get(self.catalogue.skus[sku_id].root_category_id, [])
        position = bisect_left(looks, last.until)
        return max(last.since, looks[position - 1]) if position else last.since

    def _provenance(self, price: EffectivePrice | EffectiveInterval) -> dict[str, Any]:
        if price.inferred_from is None:
            return {"source": price.source}
        return {"source": price.source, "inferred_from": self.store_ids[price.inferred_from]}


def read_shelf(session: Session, row_id: int, catalogue: Catalogue, store_ids: dict[int, str]) -> Shelf:
    """Read one store, by its row id; ``store_ids`` names all stores of its company."""
    coverage: defaultdict[int, list[datetime]] = defaultdict(list)
    windows = sa.select(Coverage.category_id, Coverage.observed_to).where(Coverage.store_id == row_id)
    for window in session.execute(windows.order_by(Coverage.observed_to)):
        coverage[window.category_id].append(window.observed_to)
    current = {price.sku_id: price for price in effective_prices(session, row_id)}
    return Shelf(current, effective_history(session, row_id), coverage, catalogue, store_ids)


def _offer(offer: Offer) -> dict[str, Any]:
    return {name: value for name, value in offer._asdict().items() if value is not None}
