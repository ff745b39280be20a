"""Which price lists each store takes, which skus it does not range, and when it changes its list."""

from bisect import bisect_right
from collections.abc import Sequence
from random import Random

import msgspec

from splitcart.errors import InputError
from splitcart.replica.catalogue import MarketSku
from splitcart.replica.config import ChainConfig, Move
from splitcart.replica.stores import MarketStore, shares
from splitcart.replica.trees import Tree

HORIZON_DAYS = 3650  # random moves are drawn this far ahead


class StorePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What one store does: its list from each day on, its deviating roots, its range.

    ``days`` and ``lists`` run in parallel, from day 0; ``roots`` maps a root category's name to the list that prices it
    in place of the store's own.
    """

    store: MarketStore
    solo: bool
    days: tuple[int, ...]
    lists: tuple[str, ...]
    roots: dict[str, str]
    missing_roots: frozenset[str]
    missing: frozenset[str]

    def list_on(self, day: int) -> str:
        """The store's own list on ``day``."""
        return self.lists[bisect_right(self.days, day) - 1]


def list_names(config: ChainConfig) -> list[str]:
    """Return the names of the shared lists: A, B to Z, A1, B1 and so on."""
    return [f"{chr(65 + at % 26)}{at // 26 or ''}" for at in range(config.lists)]


def plan_stores(
    seed: int,
    chain: str,
    config: ChainConfig,
    tree: Tree,
    skus: Sequence[MarketSku],
    stores: Sequence[MarketStore],
    moves: Sequence[Move],
) -> dict[str, StorePlan]:
    """Plan every priced store, by its id."""
    priced = [store for store in stores if store.priced]
    names = list_names(config)
    home = _home_lists(Random(f"{seed}/{chain}/lists"), priced, names)
    rng = Random(f"{seed}/{chain}/plans")
    solo = set(rng.sample([store.store_id for store in priced], round(config.solo_share * len(priced))))
    joined = [store.store_id for store in priced if store.store_id not in solo]
    mixed = (
        set(rng.sample(joined, min(len(joined), round(config.mixed_share * len(priced))))) if len(names) > 1 else set()
    )
    explicit = _explicit_moves(priced, moves, solo, names, home)
    plans = {}
    for store in priced:
        own = Random(f"{seed}/{chain}/{store.store_id}/plan")
        roots: dict[str, str] = {}
        if store.store_id not in solo:
            if config.regional_difference:
                roots[tree.roots[0].name] = regional_list(store.state)
            if store.store_id in mixed and len(tree.roots) > 2:
                other = own.choice([name for name in names if name != home[store.store_id]])
                roots |= {root.name: other for root in own.sample(tree.roots[1:], 1 + (len(tree.roots) > 6))}
        first = f"solo {store.store_id}" if store.store_id in solo else home[store.store_id]
        steps = explicit.get(store.store_id) or _random_moves(own, config, names, first)
        missing_roots, missing = _range_gaps(own, config, tree, skus, small=store.small)
        plans[store.store_id] = StorePlan(
            store=store,
            solo=store.store_id in solo,
            days=(0, *(day for day, _ in steps)),
            lists=(first, *(name for _, name in steps)),
            roots=roots,
            missing_roots=missing_roots,
            missing=missing,
        )
    return plans


def regional_list(state: str) -> str:
    """The name of the list that prices produce in a state."""
    return f"produce {state}"


def _home_lists(rng: Random, stores: Sequence[MarketStore], names: list[str]) -> dict[str, str]:
    """Each city has a leading list, most of its stores take it, but not all: geography alone does not tell."""
    by_city: dict[str, list[str]] = {}
    for store in stores:
        by_city.setdefault(store.city, []).append(store.store_id)
    home: dict[str, str] = {}
    for turn, (city, ids) in enumerate(by_city.items()):
        leading = [names[(turn + at) % len(names)] for at in range(len(names))]
        weights = [1.0] * len(names) if not city else [6.0, 3.0, *[1.0 / max(1, len(names) - 2)] * (len(names) - 2)]
        dealt = [
            name
            for name, count in zip(leading, shares(len(ids), weights[: len(names)]), strict=True)
            for _ in range(count)
        ]
        rng.shuffle(dealt)
        home |= dict(zip(ids, dealt, strict=True))
    return home


def _explicit_moves(
    stores: Sequence[MarketStore], moves: Sequence[Move], solo: set[str], names: list[str], home: dict[str, str]
) -> dict[str, list[tuple[int, str]]]:
    """The injected moves by store, in order of their days."""
    ids = {store.store_id for store in stores}
    steps: dict[str, list[tuple[int, str]]] = {}
    for move in sorted(moves, key=lambda move: move.day):
        if isinstance(move.store, int) and not 0 <= move.store < len(stores):
            raise InputError(f"{move}: the chain has the stores 0 to {len(stores) - 1}")
        store_id = stores[move.store].store_id if isinstance(move.store, int) else move.store
        if store_id not in ids:
            raise InputError(f"{move}: the chain has no priced store {store_id!r}")
        if len(names) < 2 or move.to not in (None, *names):
            raise InputError(
                f"{move}: the chain's lists are {', '.join(names)}; a move needs two, and one of these as its goal"
            )
        solo.discard(store_id)  # a store that is to move has a list to leave
        now = steps[store_id][-1][1] if store_id in steps else home[store_id]
        steps.setdefault(store_id, []).append((move.day, move.to or names[(names.index(now) + 1) % len(names)]))
    return steps


def _random_moves(rng: Random, config: ChainConfig, names: list[str], first: str) -> list[tuple[int, str]]:
    steps: list[tuple[int, str]] = []
    if not config.move_rate or len(names) < 2 or first not in names:
        return steps
    day, now = 0.0, first
    while (day := day + max(1.0, rng.expovariate(config.move_rate))) < HORIZON_DAYS:
        now = rng.choice([name for name in names if name != now])
        steps.append((int(day), now))
    return steps


def _range_gaps(
    rng: Random, config: ChainConfig, tree: Tree, skus: Sequence[MarketSku], *, small: bool
) -> tuple[frozenset[str], frozenset[str]]:
    """The roots that a store lacks, and the codes that it lacks, those of the missing roots among them."""
    missing = {sku.code for sku in skus if rng.random() < config.range_noise}
    roots: set[str] = set()
    if small and rng.random() < 0.5 and len(tree.roots) > 3:
        roots = {root.name for root in rng.sample(tree.roots[1:], rng.randint(1, min(3, len(tree.roots) - 2)))}
        missing |= {sku.code for sku in skus if sku.root in roots}
    elif small:
        gap = rng.uniform(0.1, 0.33)
        missing |= {sku.code for sku in skus if rng.random() < gap}
    return frozenset(roots), frozenset(missing)
