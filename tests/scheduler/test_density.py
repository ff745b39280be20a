"""The clusters are those of scikit-learn's DBSCAN, found without listing every point's neighbours."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.cluster import DBSCAN

from scheduler import density
from scheduler.density import EARTH_RADIUS_KM, ISOLATED, density_labels


def assert_same_clusters(degrees: np.ndarray, eps_km: float, min_samples: int) -> None:
    """Dense points are partitioned alike; a border point is in the cluster of a dense point in reach."""
    theirs = DBSCAN(
        eps=eps_km / EARTH_RADIUS_KM, min_samples=min_samples, metric="haversine", algorithm="ball_tree"
    ).fit(np.radians(degrees))
    ours = density_labels(degrees, eps_km=eps_km, min_samples=min_samples)
    assert np.array_equal(ours == ISOLATED, theirs.labels_ == ISOLATED)
    dense = theirs.core_sample_indices_
    pairs = set(zip(ours[dense].tolist(), theirs.labels_[dense].tolist(), strict=True))
    assert len(pairs) == len({our for our, _ in pairs}) == len({their for _, their in pairs})
    assert set(ours[ours != ISOLATED].tolist()) == {our for our, _ in pairs}
    dense_vectors = density._unit_vectors(degrees[dense])
    for place in np.setdiff1d(np.flatnonzero(ours != ISOLATED), dense):
        gaps = np.linalg.norm(dense_vectors - density._unit_vectors(degrees[[place]]), axis=1)
        assert ours[place] == ours[dense[gaps.argmin()]] or np.sum(np.isclose(gaps, gaps.min())) > 1


def towns(seed: int, count: int, centres: int, spread: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    middle = np.column_stack((rng.uniform(-44, -10, centres), rng.uniform(113, 154, centres)))
    return middle[rng.integers(0, centres, count)] + rng.normal(0, spread, (count, 2))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(1, 300), st.integers(1, 7), st.floats(-3, 0.7), st.floats(-1, 2.3),
    st.integers(1, 8), st.sampled_from([(1, 1), (400_000, 20_000), (50, 10**9)]),
)  # fmt: skip
@example(1, 300, 3, 0.3, 1.4, 3, (1, 1))
def test_the_clusters_are_those_of_scikit_learn(seed, count, centres, spread, eps, min_samples, limits) -> None:
    """Whatever the density; also where the steps that only large sets need are forced upon small ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(density, "AT_ONCE", limits[0])
        patch.setattr(density, "MANY", limits[1])
        assert_same_clusters(towns(seed, count, centres, 10**spread), 10**eps, min_samples)


def test_many_stores_on_one_point_and_on_the_other_side_of_the_date_line_are_near() -> None:
    degrees = np.array([[0.0, 179.99]] * 3 + [[0.0, -179.99]] * 3 + [[0.0, 0.0]])
    assert density_labels(degrees, eps_km=5, min_samples=4).tolist() == [0] * 6 + [ISOLATED]
    assert density_labels(degrees, eps_km=1, min_samples=4).tolist() == [ISOLATED] * 7
    assert density_labels(np.empty((0, 2)), eps_km=1, min_samples=4).tolist() == []


def test_memory_does_not_grow_with_how_dense_the_points_stand() -> None:
    """All of 20,000 points are each other's neighbours: listed, they are 400 million numbers."""
    degrees = np.random.default_rng(3).normal((-33.8, 151), 0.02, (20_000, 2))
    tracemalloc.start()
    labels = density_labels(degrees, eps_km=25, min_samples=3)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert set(labels.tolist()) == {0}
    assert peak < 40_000_000
