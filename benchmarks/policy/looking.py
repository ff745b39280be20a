"""What an evening's database says, measured against the truth."""

from collections import Counter, defaultdict
from collections.abc import Callable

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from benchmarks.policy.score import Errors
from benchmarks.policy.world import ABSENT, Key, Row, World
from splitcart.database import reading
from splitcart.database.models import Category, Membership, Sku, Store, StoreGroup

Prices = NDArray[np.int32]  # stores x skus


class Looking:
    """Reads one database of one world."""

    def __init__(self, engine: sa.Engine, world: World) -> None:
        self._engine, self._world = engine, world
        self._skus: dict[int, int] = {}
        self._stores: dict[int, int] = {}

    def effective_prices(self) -> tuple[Prices, float]:
        """All effective prices, and the share of them that is inferred."""
        with reading(self._engine) as session:
            connection = session.connection()
            self._learn_ids(connection)
            cursor = connection.connection.cursor()  # the driver's own rows: half a million a play, and only numbers
            cursor.execute("SELECT store_id, sku_id, price_cents, source = 'inferred_group' FROM effective_prices")
            table = np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 4)
        found = np.full((len(self._world.stores), len(self._world.codes)), ABSENT, dtype=np.int32)
        stores, skus = (_lookup(ids) for ids in (self._stores, self._skus))
        found[stores[table[:, 0]], skus[table[:, 1]]] = table[:, 2]
        return found, float(table[:, 3].mean()) if len(table) else 0.0

    def _learn_ids(self, connection: sa.Connection) -> None:
        codes = {code: position for position, code in enumerate(self._world.codes)}
        names = {store_id: position for position, store_id in enumerate(self._world.stores)}
        self._skus = {row.id: codes[row.code] for row in connection.execute(sa.select(Sku.id, Sku.code))}
        self._stores = {row.id: names[row.store_id] for row in connection.execute(sa.select(Store.id, Store.store_id))}

    def groups(self) -> dict[int, list[str]]:
        """The members of every group by its row id, ordered."""
        query = (
            sa.select(Membership.group_id, Store.store_id)
            .join(Store, Store.id == Membership.store_id)
            .where(Membership.until.is_(None), Membership.category_id.is_(None))
            .order_by(Store.store_id)
        )
        found: dict[int, list[str]] = defaultdict(list)
        with reading(self._engine) as session:
            for group_id, store_id in session.execute(query):
                found[group_id or 0].append(store_id)
        return found

    def suspended(self) -> set[str]:
        """The stores whose membership is in doubt."""
        query = sa.select(Store.store_id).join(Membership, Membership.store_id == Store.id)
        with reading(self._engine) as session:
            return set(session.scalars(query.where(Membership.until.is_(None), Membership.suspended_at.is_not(None))))

    def excepted(self) -> dict[str, set[int]]:
        """By store, the root categories in which it does not follow its whole-list group."""
        query = (
            sa.select(Store.store_id, Category.name)
            .join(Membership, Membership.store_id == Store.id)
            .join(Category, Category.id == Membership.category_id)
            .where(Membership.until.is_(None))
        )
        found: dict[str, set[int]] = defaultdict(set)
        with reading(self._engine) as session:
            for store_id, name in session.execute(query):
                found[store_id].add(self._world.roots.index(name))
        return found

    def ambassadors(self) -> dict[int, str]:
        """The Ambassador of every active group."""
        query = sa.select(StoreGroup.id, Store.store_id).join(Store, Store.id == StoreGroup.ambassador_id)
        with reading(self._engine) as session:
            return dict(session.execute(query.where(StoreGroup.is_active.is_(True))).all())


def _lookup(ids: dict[int, int]) -> NDArray[np.int64]:
    found = np.full(max(ids, default=0) + 1, -1, dtype=np.int64)
    found[list(ids)] = list(ids.values())
    return found


def answers(world: World, answer: Callable[[str], Row]) -> Prices:
    """Ask for every store's prices."""
    return np.array([answer(store_id) for store_id in world.stores], dtype=np.int32)


def wrong_by_store(prices: Prices, truth: Prices) -> NDArray[np.int64]:
    """How many effective prices of each store are not the shelf's."""
    return ((prices != ABSENT) & (prices != truth)).sum(axis=1)


def add_errors(errors: Errors, prices: Prices, truth: Prices) -> None:
    """Note one day's shares."""
    told = prices != ABSENT
    total = max(int(told.sum()), 1)
    errors.wrong.append(float((told & (prices != truth)).sum()) / total)
    errors.ghosts.append(float((told & (truth == ABSENT)).sum()) / total)
    errors.missing.append(float((~told & (truth != ABSENT)).sum()) / max(int((truth != ABSENT).sum()), 1))


def common_keys(world: World, groups: dict[int, list[str]], day_of: dict[str, int]) -> dict[int, Key]:
    """By which key most members of each group are priced, in what they carry; of several that of more stores."""
    found = {}
    for group, stores in groups.items():
        keys = Counter(world.key(store_id, day_of[store_id]) for store_id in stores)
        priced = {key: sum(world.is_priced_by(name, key, day_of[name]) for name in stores) for key in keys}
        found[group] = max(keys, key=lambda key: (priced[key], keys[key]))
    return found


def together(groups: dict[int, list[str]], stores: list[str], key_of: Callable[[str], Key]) -> float:
    """Of these stores, as far as they share a list, the share that stands in their list's largest group."""
    place = {store_id: group for group, members in groups.items() for store_id in members}
    sharing: dict[Key, list[str]] = defaultdict(list)
    for store_id in stores:
        sharing[key_of(store_id)].append(store_id)
    shared = [members for members in sharing.values() if len(members) > 1]
    largest = [Counter(place[name] for name in members if name in place).most_common(1) for members in shared]
    return sum(count[0][1] for count in largest if count) / max(sum(map(len, shared)), 1)
