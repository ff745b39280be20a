"""DBSCAN over positions on the globe, in memory that does not grow with how dense they stand. Pure.

The textbook method lists every point's neighbours; in a city of a hundred thousand points that list has billions of
entries. Here points share cells so small that all within one reach each other (Gunawan, "A faster algorithm for
DBSCAN", 2013): a full cell needs no neighbours counted, and two cells are linked by a single pair of points.
Distances are chords between unit vectors, which order pairs as great-circle distances do.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Numbers = NDArray[np.int64]
    Flags = NDArray[np.bool_]

EARTH_RADIUS_KM = 6371.0088
ISOLATED = -1
AT_ONCE = 400_000  # pairs of points compared in one step: some 60 MB
MANY = 20_000  # pairs of points between two cells from which a tree finds the nearest sooner
SLACK = 1e-12  # a rounding error, relative: 25 nanometres in 25 km


def density_labels(degrees: "Floats", *, eps_km: float, min_samples: int) -> "Numbers":
    """Return each point's cluster, numbered from 0, or ISOLATED; shape (n,) for ``degrees`` of shape (n, 2).

    A row is latitude and longitude. A point with ``min_samples`` points (itself included) within ``eps_km`` is dense;
    dense points within that reach of each other share a cluster, and other points join the nearest dense one in reach.
    The clusters are those of scikit-learn's DBSCAN; a point between two of them may join another one there.
    """
    labels = np.full(len(degrees), ISOLATED, dtype=np.int64)
    if not len(degrees):
        return labels
    reach = 2 * math.sin(min(eps_km / EARTH_RADIUS_KM, math.pi) / 2) * (1 + SLACK)
    vectors = _unit_vectors(degrees)
    order, cells, starts = _sort_into_cells(vectors, reach)
    points = vectors[order]
    is_dense = _find_dense(points, starts, reach, min_samples)
    dense = points[is_dense]
    found = np.full(len(points), ISOLATED, dtype=np.int64)
    if len(dense):
        cell_of = np.repeat(np.arange(len(starts) - 1), np.diff(starts))[is_dense]
        held, counts = np.unique(cell_of, return_counts=True)
        cluster_of = _link(dense, cells[held], np.concatenate(([0], np.cumsum(counts))), reach)
        found[is_dense] = np.repeat(cluster_of, counts)
        sparse = np.flatnonzero(~is_dense)
        distance, nearest = KDTree(dense).query(points[sparse], distance_upper_bound=np.nextafter(reach, 2 * reach))
        near = np.isfinite(distance)
        found[sparse[near]] = found[is_dense][nearest[near]]
    labels[order] = found
    return labels


def _unit_vectors(degrees: "Floats") -> "Floats":
    latitude, longitude = np.radians(degrees).T
    across = np.cos(latitude)
    return np.column_stack((across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)))


def _sort_into_cells(vectors: "Floats", reach: float) -> tuple["Numbers", "Numbers", "Numbers"]:
    """Return an order of the points by cell, the cells' places (m, 3), and where each begins in that order (m + 1)."""
    places = np.floor(vectors * (math.sqrt(3) * (1 + SLACK) / reach)).astype(np.int64)
    order = np.lexsort(places.T)
    places = places[order]
    first = np.flatnonzero(np.any(places[1:] != places[:-1], axis=1)) + 1
    starts = np.concatenate(([0], first))
    return order, places[starts], np.append(starts, len(places))


def _find_dense(points: "Floats", starts: "Numbers", reach: float, min_samples: int) -> "Flags":
    counts = np.diff(starts)
    is_dense: Flags = np.repeat(counts >= min_samples, counts)
    rest = np.flatnonzero(~is_dense)
    if len(rest):
        bound = np.nextafter(reach, 2 * reach)
        distance, _ = KDTree(points).query(points[rest], k=[min_samples], distance_upper_bound=bound)
        is_dense[rest] = np.isfinite(distance[:, 0])
    return is_dense


def _link(dense: "Floats", cells: "Numbers", starts: "Numbers", reach: float) -> "Numbers":
    """Return the cluster of each cell of dense points: cells are linked where two of their points are in reach."""
    counts = np.diff(starts)
    pairs = KDTree(cells, balanced_tree=False).query_pairs(2, p=np.inf, output_type="ndarray")
    # Most neighbours are in reach by their first points already.
    in_reach = _in_reach(dense[starts[:-1]], pairs[:, 0], pairs[:, 1], reach)
    clusters = _components(pairs[in_reach], np.arange(len(cells)))
    pairs = pairs[~in_reach]
    more = counts > 1
    pairs = pairs[more[pairs[:, 0]] | more[pairs[:, 1]]]
    pairs = pairs[np.argsort(counts[pairs].prod(axis=1), kind="stable")]
    while len(pairs := pairs[clusters[pairs[:, 0]] != clusters[pairs[:, 1]]]):
        sizes = counts[pairs].prod(axis=1)
        taken = max(1, int(np.searchsorted(np.cumsum(sizes), AT_ONCE, side="right")))
        if sizes[taken - 1] > MANY:
            taken = max(1, int(np.searchsorted(sizes, MANY, side="right")))
        now, pairs = pairs[:taken], pairs[taken:]
        if sizes[0] > MANY:
            meet = np.array([_nearest_in_reach(dense, starts, now[0], reach)])
        else:
            meet = _any_in_reach(dense, starts, now, reach)
        clusters = _components(clusters[now[meet]], clusters)
    return clusters


def _components(pairs: "Numbers", clusters: "Numbers") -> "Numbers":
    """Return ``clusters``, numbered anew, with those joined that ``pairs`` name."""
    count = int(clusters.max()) + 1
    edges = coo_array((np.ones(len(pairs), dtype=np.bool_), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    joined: Numbers = connected_components(edges, directed=False)[1].astype(np.int64)[clusters]
    return joined


def _any_in_reach(dense: "Floats", starts: "Numbers", pairs: "Numbers", reach: float) -> "Flags":
    """Tell for each pair of cells whether any point of one is in reach of any of the other: all are compared."""
    counts = np.diff(starts)
    sizes = counts[pairs].prod(axis=1)
    begins = np.cumsum(sizes) - sizes
    pair = np.repeat(np.arange(len(pairs)), sizes)
    one, other = np.divmod(np.arange(len(pair)) - begins[pair], counts[pairs[pair, 1]])
    near = _in_reach(dense, starts[pairs[pair, 0]] + one, starts[pairs[pair, 1]] + other, reach)
    meet: Flags = np.logical_or.reduceat(near, begins)
    return meet


def _in_reach(points: "Floats", one: "Numbers", other: "Numbers", reach: float) -> "Flags":
    """Tell which points (by index) are in reach of their opposites; rows of three would be slow, so axis by axis."""
    squares = np.zeros(len(one))
    for axis in points.T:
        gaps = axis[one]
        gaps -= axis[other]
        squares += gaps * gaps
    return squares <= reach**2


def _nearest_in_reach(dense: "Floats", starts: "Numbers", pair: "Numbers", reach: float) -> bool:
    few, many = sorted((dense[starts[cell] : starts[cell + 1]] for cell in pair), key=len)
    distance, _ = KDTree(many).query(few, distance_upper_bound=np.nextafter(reach, 2 * reach))
    return bool(np.isfinite(distance).any())
