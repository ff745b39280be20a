"""A market with known truth: what every shelf of every store shows at any instant, from a seed alone."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from threading import RLock
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from splitcart.errors import InputError
from splitcart.measures.local_time import zone_for_state
from splitcart.replica.catalogue import MarketSku, build_catalogue
from splitcart.replica.config import MarketConfig
from splitcart.replica.local import Spells
from splitcart.replica.pricelist import MarketOffer, PriceList, Promotion, Promotions, make_offer
from splitcart.replica.ranges import StorePlan, list_names, plan_stores
from splitcart.replica.stores import MarketStore, build_stores
from splitcart.replica.trees import Tree, build_tree

PROMOTION_KINDS = {
    "aldi": ("special",),
    "coles": ("special", "special", "special", "half_price", "multi_buy"),
    "iga": ("special",),
    "woolworths": ("special", "special", "special", "half_price", "multi_buy", "member_price"),
}


class MarketEvent(NamedTuple):
    """Something that changed prices or ranges. ``at`` is UTC, ``day`` the market day.

    ``kind``: flip, list_change (an unscheduled re-pricing), repricing (the few of any day), departure, arrival, move,
    clearance. ``subject`` is a price list's name or a store id; ``codes`` the skus that it touched; ``detail`` the new
    list of a move, the share of a list_change.
    """

    at: datetime
    day: int
    chain: str
    kind: str
    subject: str
    codes: tuple[str, ...] = ()
    detail: str = ""


class Market:
    """The truth behind the replica sites. Answers do not depend on what was asked before; safe to use from threads."""

    def __init__(self, config: MarketConfig | None = None) -> None:
        """Build all chains; raise InputError for a config that contradicts itself."""
        self.config = config or MarketConfig()
        self.first_day: date = self.config.start.date()
        self._chains = {chain: _Chain(chain, self.config, self.first_day) for chain in self.config.chains}

    @property
    def chains(self) -> list[str]:
        """The chains of this market."""
        return list(self._chains)

    def stores(self, chain: str) -> list[MarketStore]:
        """Every row of the chain's store list, city by city, petrol shops last."""
        return self._chain(chain).stores

    def store(self, chain: str, store_id: str) -> MarketStore | None:
        """One store, None for an unknown id."""
        return self._chain(chain).by_id.get(store_id)

    def skus(self, chain: str) -> dict[str, MarketSku]:
        """All skus of the chain by code, those not listed yet among them."""
        return self._chain(chain).skus

    def tree(self, chain: str) -> Tree:
        """The chain's kept root categories; the first is produce."""
        return self._chain(chain).tree

    def list_names(self, chain: str) -> list[str]:
        """The names of the chain's shared price lists."""
        return list_names(self._chain(chain).config)

    def lists_of(self, chain: str, store_id: str, at: datetime) -> dict[str, str]:
        """Which list prices each root category of a store at an instant: the partition that grouping has to find."""
        row = self._chain(chain)
        plan = row.plan(store_id)
        own = plan.list_on(self.day(at, plan.store.state))
        return {
            root.name: plan.roots.get(root.name, own) for root in row.tree.roots if root.name not in plan.missing_roots
        }

    def plan(self, chain: str, store_id: str) -> StorePlan:
        """The truth about one priced store: its lists, its gaps, its moves."""
        return self._chain(chain).plan(store_id)

    def list_offers(self, chain: str, name: str, day: int) -> Mapping[str, MarketOffer]:
        """What a price list says on a market day, by sku code, whatever any store makes of it.

        ``name`` is one of those that ``lists_of`` answers with.
        """
        return MappingProxyType(self._chain(chain).price_list(name).at(day))

    def offers(self, chain: str, store_id: str, at: datetime) -> Mapping[str, MarketOffer]:
        """What the shelf shows at an instant (aware), by sku code; empty for a shop without a range.

        A sku whose ``price_shown`` is False stands on the shelf, but the site lists it without a price.
        Before day 0 the shelves show day 0's offers. Raises InputError for an unknown store.
        """
        row = self._chain(chain)
        store = row.by_id.get(store_id)
        if store is None:
            raise InputError(f"{chain} has no store {store_id!r} in this market; `market.stores({chain!r})` lists them")
        return MappingProxyType(row.offers(store_id, self.day(at, store.state)) if store.priced else {})

    def day(self, at: datetime, state: str) -> int:
        """The market day of an instant in a state, at least 0."""
        if at.tzinfo is None:
            raise ValueError(f"the market is asked with an aware instant, got {at!r}")
        return max(0, (at.astimezone(zone_for_state(state)).date() - self.first_day).days)

    def midnight(self, day: int, state: str) -> datetime:
        """The UTC instant at which a market day begins in a state."""
        local = datetime.combine(self.first_day + timedelta(days=day), time(), zone_for_state(state))
        return local.astimezone(UTC)

    def events(self, chain: str, start: datetime, end: datetime) -> list[MarketEvent]:
        """All events with start <= at < end, in order of time; a list's are dated where most of its stores are."""
        row = self._chain(chain)
        last = (end.astimezone(UTC).date() - self.first_day).days + 1
        first = max(1, (start.astimezone(UTC).date() - self.first_day).days - 1)
        found = (event for day in range(first, last + 1) for event in row.events(day, self))
        return sorted(event for event in found if start <= event.at < end)

    def _chain(self, chain: str) -> "_Chain":
        if chain not in self._chains:
            raise InputError(f"this market has no chain {chain!r}; it has {', '.join(self._chains)}")
        return self._chains[chain]


class _Chain:
    """One chain of the market."""

    def __init__(self, chain: str, config: MarketConfig, first_day: date) -> None:
        self.chain, self.seed, self.config, self.first_day = chain, config.seed, config.chains[chain], first_day
        self.tree = build_tree(chain, self.config)
        catalogue = build_catalogue(self.seed, chain, self.config, self.tree)
        self.skus = {sku.code: sku for sku in catalogue}
        self.stores = build_stores(self.seed, chain, self.config)
        self.by_id = {store.store_id: store for store in self.stores}
        moves = config.moves_of(chain)
        self.plans = plan_stores(self.seed, chain, self.config, self.tree, catalogue, self.stores, moves)
        self._changes: dict[str, dict[int, float]] = {}
        names = list_names(self.config)
        for change in config.list_changes_of(chain):
            known = isinstance(change.price_list, str) or change.price_list < len(names)
            name = names[change.price_list] if known and isinstance(change.price_list, int) else change.price_list
            if name not in names:
                raise InputError(f"{change}: the chain's lists are {', '.join(names)}")
            self._changes.setdefault(str(name), {})[change.day] = change.share
        codes = list(self.skus)
        self._shared = Promotions(self._key("promotions"), PROMOTION_KINDS[chain], codes, self.config)
        self._lists: dict[str, PriceList] = {}
        self._spells: dict[tuple[str, str], Spells] = {}
        self._lock = RLock()
        self._states = self._leading_states()
        self.section = lru_cache(maxsize=512)(self._section)
        self.offers = lru_cache(maxsize=64)(self._offers)

    def _key(self, *parts: str) -> str:
        return "/".join((str(self.seed), self.chain, *parts))

    def plan(self, store_id: str) -> StorePlan:
        if store_id not in self.plans:
            raise InputError(f"{self.chain} has no priced store {store_id!r} in this market")
        return self.plans[store_id]

    def flips(self, day: int) -> int:
        """How many flips there were after day 0, up to and including ``day``."""
        until_first = (self.config.flip_weekday - self.first_day.weekday()) % 7 or 7
        return max(0, (day - until_first) // 7 + 1)

    def price_list(self, name: str) -> PriceList:
        with self._lock:
            if name not in self._lists:
                self._lists[name] = self._new_list(name)
            return self._lists[name]

    def _new_list(self, name: str) -> PriceList:
        skus, difference, promotions = list(self.skus.values()), self.config.list_difference, self._shared
        if name.startswith("solo "):
            difference = self.config.solo_difference
            promotions = Promotions(
                self._key(name, "promotions"), PROMOTION_KINDS[self.chain], list(self.skus), self.config
            )
        elif name.startswith("produce "):
            skus = [sku for sku in skus if sku.root == self.tree.roots[0].name]
            difference = self.config.regional_difference
        changes = self._changes.get(name, {})
        return PriceList(name, self._key("list", name), skus, self.config, difference, promotions, self.flips, changes)

    def _section(self, name: str, root: str, day: int) -> dict[str, MarketOffer]:
        """A list's offers of one root category."""
        return {code: offer for code, offer in self.price_list(name).at(day).items() if self.skus[code].root == root}

    def _offers(self, store_id: str, day: int) -> dict[str, MarketOffer]:
        plan = self.plans[store_id]
        own = plan.list_on(day)
        found: dict[str, MarketOffer] = {}
        for root in self.tree.roots:
            if root.name not in plan.missing_roots:
                found |= self.section(plan.roots.get(root.name, own), root.name, day)
        for code in plan.missing & found.keys():
            del found[code]
        for code, strength in self.spells(store_id, "clearance").on(day).items():
            if offer := found.get(code):
                regular = offer.was_cents or offer.price_cents
                reduced = make_offer(self.skus[code], regular, Promotion("special", 0.3 + 0.3 * strength), local=True)
                found[code] = reduced if reduced.price_cents < offer.price_cents else offer
        for code in self.spells(store_id, "unpriced").on(day):
            if offer := found.get(code):
                found[code] = msgspec.structs.replace(offer, price_shown=False)
        return found

    def spells(self, store_id: str, kind: str) -> Spells:
        """The clearances, or the spells without a price, of one store."""
        with self._lock:
            if (store_id, kind) not in self._spells:
                share = self.config.clearance_share if kind == "clearance" else self.config.unpriced_share
                key = self._key(store_id, kind)
                self._spells[store_id, kind] = Spells(key, list(self.skus), share, shortest=3, longest=10)
            return self._spells[store_id, kind]

    def _leading_states(self) -> dict[str, str]:
        """The state that most stores of each list are in."""
        counts: dict[str, Counter[str]] = {}
        for plan in self.plans.values():
            for name in {*plan.lists, *plan.roots.values()}:
                counts.setdefault(name, Counter())[plan.store.state] += 1
        return {name: count.most_common(1)[0][0] for name, count in counts.items()}

    def events(self, day: int, market: Market) -> Iterator[MarketEvent]:
        for name, state in sorted(self._states.items()):
            at = market.midnight(day, state)
            log = self.price_list(name).log(day)
            unscheduled = log.unscheduled is not None
            kinds = (
                ("flip", log.flipped),
                ("list_change" if unscheduled else "repricing", log.repriced),
                ("departure", log.departed),
                ("arrival", log.arrived),
            )
            for kind, codes in kinds:
                if codes:
                    detail = f"{log.unscheduled:.3f}" if kind == "list_change" else ""
                    yield MarketEvent(at, day, self.chain, kind, name, codes, detail)
        for store_id, plan in self.plans.items():
            at = market.midnight(day, plan.store.state)
            if day in plan.days:
                yield MarketEvent(at, day, self.chain, "move", store_id, (), plan.list_on(day))
            begun = self.spells(store_id, "clearance").begun(day)
            codes = tuple(spell.code for spell in begun if spell.code not in plan.missing)
            if codes:
                yield MarketEvent(at, day, self.chain, "clearance", store_id, codes)
