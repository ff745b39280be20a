"""Where stores are, and which of them stand close together. Pure: no database, no clock."""

import csv
import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

EARTH_RADIUS_KM = 6371.0088
LATITUDES = (-44.5, -9.0)
LONGITUDES = (112.0, 154.5)
CROWD = 4  # so many stores of one company on exactly one point are not real


@dataclass(frozen=True, slots=True)
class StorePoint:
    """A store (any id that is unique in the call) and its position in WGS 84 degrees, as stored."""

    store: int
    latitude: float | None
    longitude: float | None


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
    if store.latitude is None or store.longitude is None:
        return "no coordinates"
    if store.latitude == 0 and store.longitude == 0:
        return "coordinates are (0, 0)"
    if not (LATITUDES[0] <= store.latitude <= LATITUDES[1] and LONGITUDES[0] <= store.longitude <= LONGITUDES[1]):
        return f"outside Australia: {store.latitude:.4f}, {store.longitude:.4f}"
    return None


def invalid_stores(points: Iterable[StorePoint]) -> dict[int, str]:
    """Return the stores of one company whose position cannot be used, with the reason.

    To each store's own reason comes one that shows only together: four or more stores on exactly one point.
    """
    invalid: dict[int, str] = {}
    at_point: defaultdict[tuple[float | None, float | None], list[int]] = defaultdict(list)
    for point in points:
        reason = invalid_reason(point)
        if reason:
            invalid[point.store] = reason
        else:
            at_point[point.latitude, point.longitude].append(point.store)
    for (latitude, longitude), stores in at_point.items():
        if len(stores) >= CROWD:
            invalid |= dict.fromkeys(stores, f"{len(stores)} stores on one point: {latitude:.4f}, {longitude:.4f}")
    return invalid


def find_clusters(points: Iterable[StorePoint], *, eps_km: float, min_samples: int) -> Clustering:
    """Cluster the stores of one company by density (DBSCAN on great-circle distances).

    ``eps_km`` is the reach of a store, ``min_samples`` how many stores (itself included) within it make a place dense.
    Stores with an unusable position are listed and left out. The answer does not depend on the order of ``points``.
    """
    points = sorted(points, key=lambda point: point.store)
    invalid = invalid_stores(points)
    usable = [point for point in points if point.store not in invalid]
    if not usable:
        return Clustering([], set(), invalid)
    import numpy as np  # noqa: PLC0415 - heavy, and only clustering needs them
    from sklearn.cluster import DBSCAN  # noqa: PLC0415 - the same

    radians = np.radians(np.array([(point.latitude, point.longitude) for point in usable], dtype=float))
    scan = DBSCAN(eps=eps_km / EARTH_RADIUS_KM, min_samples=min_samples, metric="haversine", algorithm="ball_tree")
    members: defaultdict[int, set[int]] = defaultdict(set)
    for point, label in zip(usable, scan.fit_predict(radians), strict=True):
        members[int(label)].add(point.store)
    isolated = members.pop(-1, set())
    return Clustering(sorted(members.values(), key=lambda stores: (-len(stores), min(stores))), isolated, invalid)


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


def name_cluster(points: Sequence[StorePoint], taken: Collection[str] = ()) -> str:
    """Name a cluster after the city that is nearest to most of its stores, the city nearest its centre on a tie.

    A name that is ``taken`` gets a number: ``Perth 2``.
    """
    votes = Counter(nearest_city(*centre([point])) for point in points)
    latitude, longitude = centre(points)
    city = min(votes, key=lambda city: (-votes[city], distance_km(latitude, longitude, city.latitude, city.longitude)))
    names = (city.name if number == 1 else f"{city.name} {number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)
