"""Where stores are, and which of them stand close together. Pure: no database, no clock."""

import csv
import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from scheduler.outline import km_outside, state_at
from splitcart.measures.postcodes import states_of_postcode

EARTH_RADIUS_KM = 6371.0088
LATITUDES = (-44.5, -9.0)
LONGITUDES = (112.0, 154.5)
CROWD = 4  # so many stores of one company on exactly one point are not real
ACROSS_KM = 40.0  # so far a postcode may reach across a border: some do, and the states' shapes are good to six


@dataclass(frozen=True, slots=True)
class StorePoint:
    """A store (any id that is unique in the call), its position in WGS 84 degrees, as stored, and what it belongs to.

    ``division`` keeps apart what is clustered apart; ``state`` and ``postcode`` are those of its address.
    """

    store: int
    latitude: float | None
    longitude: float | None
    division: int | None = None
    state: str | None = None
    postcode: str | None = None


@dataclass(frozen=True, slots=True)
class City:
    """A place that can lend its name to a cluster."""

    name: str
    state: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Clustering:
    """Stores by place: dense areas (largest first), stores near no other, and stores whose position is not usable."""

    clusters: list[set[int]]
    isolated: set[int]
    invalid: dict[int, str]


def invalid_reason(store: StorePoint) -> str | None:
    """Say in a few words why a single store's coordinates cannot be used; None when they can."""
    return _no_place(store) or _other_state(store)


def invalid_stores(points: Iterable[StorePoint]) -> dict[int, str]:
    """Return the stores of one company whose position cannot be used, with the reason.

    To each store's own reason comes one that shows only together: four or more stores on exactly one point.
    """
    invalid: dict[int, str] = {}
    at_point: defaultdict[tuple[float | None, float | None], list[StorePoint]] = defaultdict(list)
    for point in points:
        if reason := _no_place(point):
            invalid[point.store] = reason
        else:
            at_point[point.latitude, point.longitude].append(point)
    for (latitude, longitude), together in at_point.items():
        crowd = f"{len(together)} stores on one point: {latitude:.4f}, {longitude:.4f}"
        for point in together:
            if reason := crowd if len(together) >= CROWD else _other_state(point):
                invalid[point.store] = reason
    return invalid


def _no_place(store: StorePoint) -> str | None:
    if store.latitude is None or store.longitude is None:
        return "no coordinates"
    if store.latitude == 0 and store.longitude == 0:
        return "coordinates are (0, 0)"
    if not (LATITUDES[0] <= store.latitude <= LATITUDES[1] and LONGITUDES[0] <= store.longitude <= LONGITUDES[1]):
        return f"outside Australia: {store.latitude:.4f}, {store.longitude:.4f}"
    return None


def _other_state(store: StorePoint) -> str | None:
    """Say that a position lies in another state than its address: neither its postcode's nor the one it names."""
    if store.latitude is None or store.longitude is None:
        return None
    of_postcode = states_of_postcode(store.postcode or "")
    named = sorted(of_postcode | {store.state} if store.state else of_postcode)
    if not named or any(km_outside(state, store.latitude, store.longitude) <= ACROSS_KM for state in named):
        return None
    where = state_at(store.latitude, store.longitude)
    address = f"postcode {store.postcode} is in {' or '.join(sorted(of_postcode))}" if of_postcode else store.state
    return f"in {where}, while {'its ' if of_postcode else 'its address is in '}{address}"


def find_clusters(points: Iterable[StorePoint], *, eps_km: float, min_samples: int) -> Clustering:
    """Cluster the stores of one company, each division apart, by density (DBSCAN on great-circle distances).

    ``eps_km`` is the reach of a store, ``min_samples`` how many stores (itself included) within it make a place dense.
    Stores with an unusable position are listed and left out. The answer does not depend on the order of ``points``.
    """
    points = sorted(points, key=lambda point: point.store)
    invalid = invalid_stores(points)
    usable = [point for point in points if point.store not in invalid]
    if not usable:
        return Clustering([], set(), invalid)
    import numpy as np  # noqa: PLC0415 - heavy, and only clustering needs them

    from scheduler.density import ISOLATED, density_labels  # noqa: PLC0415 - the same

    clusters: list[set[int]] = []
    isolated: set[int] = set()
    for division in sorted({point.division for point in usable}, key=lambda division: division or 0):
        inside = [point for point in usable if point.division == division]
        degrees = np.array([(point.latitude, point.longitude) for point in inside], dtype=float)
        members: defaultdict[int, set[int]] = defaultdict(set)
        for point, label in zip(inside, density_labels(degrees, eps_km=eps_km, min_samples=min_samples), strict=True):
            members[int(label)].add(point.store)
        isolated |= members.pop(ISOLATED, set())
        clusters += members.values()
    return Clustering(sorted(clusters, key=lambda stores: (-len(stores), min(stores))), isolated, invalid)


def match_clusters(old: Mapping[int, Collection[int]], new: Sequence[Collection[int]]) -> dict[int, int]:
    """Tell which new clusters (by index) continue an old one (by id): those that hold most of its stores.

    Two old clusters that grew together continue as the one that brought more stores, the lower id on a tie. An old
    cluster that broke into parts without a majority ends, and a new cluster without an heir's claim is a new one.
    """
    index_of = {store: index for index, stores in enumerate(new) for store in stores}
    claims: dict[int, tuple[int, int]] = {}
    for cluster_id in sorted(old):
        shares = Counter(index_of[store] for store in old[cluster_id] if store in index_of)
        for index, kept in shares.most_common(1):
            if 2 * kept > len(old[cluster_id]) and kept > claims.get(index, (0, 0))[0]:
                claims[index] = (kept, cluster_id)
    return {index: cluster_id for index, (_, cluster_id) in claims.items()}


def distance_km(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Return the great-circle distance of two positions in degrees."""
    a, b = math.radians(latitude), math.radians(other_latitude)
    half = math.sin((b - a) / 2) ** 2
    half += math.cos(a) * math.cos(b) * math.sin(math.radians(other_longitude - longitude) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(half)))


def centre(points: Sequence[StorePoint]) -> tuple[float, float]:
    """Return the mean latitude and longitude of stores with usable positions."""
    latitudes = [point.latitude for point in points if point.latitude is not None]
    longitudes = [point.longitude for point in points if point.longitude is not None]
    return sum(latitudes) / len(latitudes), sum(longitudes) / len(longitudes)


@cache
def gazetteer() -> tuple[City, ...]:
    """Return the cities and towns that clusters are named after."""
    text = files("scheduler").joinpath("gazetteer.csv").read_text(encoding="utf-8")
    return tuple(
        City(row["name"], row["state"], float(row["latitude"]), float(row["longitude"]))
        for row in csv.DictReader(text.splitlines())
    )


def nearest_city(latitude: float, longitude: float) -> City:
    """Return the city of the gazetteer that is nearest to a position in degrees."""
    return min(gazetteer(), key=lambda city: distance_km(latitude, longitude, city.latitude, city.longitude))


def city_of(points: Sequence[StorePoint]) -> City:
    """Return the city that is nearest to most of the stores, the city nearest to their centre on a tie."""
    votes = Counter(nearest_city(*centre([point])) for point in points)
    latitude, longitude = centre(points)
    return min(votes, key=lambda city: (-votes[city], distance_km(latitude, longitude, city.latitude, city.longitude)))


def numbered(name: str, taken: Collection[str]) -> str:
    """Return ``name``, or the first of ``Perth 2``, ``Perth 3`` … that is not ``taken``."""
    names = (name if number == 1 else f"{name} {number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)
