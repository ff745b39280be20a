"""Dense places become clusters; what cannot be placed is listed, not dropped."""

import csv
import gzip
import json
import os
import random
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.geography import (
    StorePoint,
    city_of,
    distance_km,
    find_clusters,
    gazetteer,
    invalid_reason,
    invalid_stores,
    match_clusters,
    nearest_city,
    numbered,
)

PERTH, BUNBURY, SYDNEY = (-31.95, 115.86), (-33.33, 115.64), (-33.87, 151.21)
# A folder with a recorded store list of four chains; the list is not ours to ship.
REAL_STORES = sorted(Path(os.environ.get("SPLITCART_RECORDED_DATA", "recorded")).glob("*/companies.store.json.gz"))


def around(city: tuple[float, float], count: int, *, first: int = 0) -> list[StorePoint]:
    """Stores one to the kilometre, northwards."""
    return [StorePoint(first + number, city[0] + number * 0.009, city[1]) for number in range(count)]


@pytest.mark.parametrize(
    ("latitude", "longitude", "reason"),
    [
        (-31.95, 115.86, None),
        (None, 115.86, "no coordinates"),
        (-31.95, None, "no coordinates"),
        (0.0, 0.0, "coordinates are (0, 0)"),
        (-33.6785, -33.6785, "outside Australia: -33.6785, -33.6785"),
        (-36.77, 44.3057, "outside Australia: -36.7700, 44.3057"),
        (31.95, 115.86, "outside Australia: 31.9500, 115.8600"),
        (-44.5, 112.0, None),
        (-9.0, 154.5, None),
    ],
)
def test_a_position_is_usable_or_the_reason_is_given(latitude, longitude, reason: str | None) -> None:
    assert invalid_reason(StorePoint(1, latitude, longitude)) == reason


def test_four_stores_on_exactly_one_point_are_all_suspicious_but_two_are_not() -> None:
    crowd = [StorePoint(number, -37.88219, 144.70045) for number in range(10)]
    couple = [StorePoint(number, -32.5, 137.7) for number in (20, 21)]
    assert invalid_stores(crowd + couple) == dict.fromkeys(range(10), "10 stores on one point: -37.8822, 144.7004")


@pytest.mark.parametrize(
    ("place", "state", "postcode", "reason"),
    [
        (PERTH, "WA", "6000", None),
        (PERTH, None, None, None),
        (PERTH, None, "6018", None),
        (SYDNEY, "WA", "6018", "in NSW, while its postcode 6018 is in WA"),
        (SYDNEY, None, "6018", "in NSW, while its postcode 6018 is in WA"),
        (SYDNEY, "WA", None, "in NSW, while its address is in WA"),
        (SYDNEY, "NSW", "6018", None),  # an error in the address: one of the two agrees
        (SYDNEY, None, "0001", None),  # no postcode at all
        ((-36.08, 146.91), "VIC", "3690", None),  # Albury, across the river from Wodonga
        ((-35.31, 149.19), "NSW", "2620", None),  # Oaks Estate, in the ACT
        ((-25.34, 131.03), "NT", "0872", None),  # Uluru
        ((-25.84, 131.8), "SA", "0872", None),
        ((-24.25, 148.05), "SA", "0872", "in QLD, while its postcode 0872 is in NT or SA or WA"),
        ((-42.88, 147.33), "VIC", "3000", "in TAS, while its postcode 3000 is in VIC"),
        ((-35.28, 149.13), "QLD", "4000", "in ACT, while its postcode 4000 is in QLD"),
    ],
)
def test_a_position_lies_in_the_state_of_its_address(place, state, postcode, reason: str | None) -> None:
    assert invalid_reason(StorePoint(1, *place, state=state, postcode=postcode)) == reason


def test_a_crowd_is_a_crowd_also_when_its_addresses_are_elsewhere() -> None:
    crowd = [StorePoint(number, *SYDNEY, postcode=f"{number}000") for number in range(2, 6)]
    assert set(invalid_stores(crowd).values()) == {"4 stores on one point: -33.8700, 151.2100"}


def test_each_division_has_clusters_of_its_own() -> None:
    shops = [replace(point, division=1) for point in around(PERTH, 4)]
    bars = [replace(point, division=2) for point in around(PERTH, 3, first=10)]
    found = find_clusters([*shops, *bars, StorePoint(20, *PERTH)], eps_km=25, min_samples=3)
    assert (found.clusters, found.isolated) == ([{0, 1, 2, 3}, {10, 11, 12}], {20})


def test_dense_places_are_clusters_and_lonely_stores_are_isolated() -> None:
    far = StorePoint(99, -28.77, 114.61)
    found = find_clusters(
        [*around(PERTH, 5), *around(BUNBURY, 3, first=10), far, StorePoint(100, None, None)], eps_km=25, min_samples=3
    )
    assert found.clusters == [{0, 1, 2, 3, 4}, {10, 11, 12}]
    assert found.isolated == {99}
    assert found.invalid == {100: "no coordinates"}


def test_no_usable_store_gives_no_cluster() -> None:
    assert find_clusters([], eps_km=25, min_samples=3).clusters == []
    assert find_clusters([StorePoint(1, 0, 0)], eps_km=25, min_samples=1).invalid == {1: "coordinates are (0, 0)"}


def test_reach_is_measured_along_the_ground_in_kilometres() -> None:
    pair = [StorePoint(1, -33.0, 150.0), StorePoint(2, -33.0, 150.1)]
    apart = distance_km(-33.0, 150.0, -33.0, 150.1)
    assert apart == pytest.approx(9.33, abs=0.01)
    assert len(find_clusters(pair, eps_km=apart + 0.01, min_samples=2).clusters) == 1
    assert len(find_clusters(pair, eps_km=apart - 0.01, min_samples=2).clusters) == 0


positions = st.tuples(st.floats(-44, -10), st.floats(113, 154)) | st.tuples(
    st.floats(-32.4, -31.6), st.floats(115.6, 116.2)
)


@settings(max_examples=60, deadline=None)
@given(st.lists(positions, max_size=30), st.integers(1, 5), st.floats(1, 60), st.randoms())
def test_clusters_are_what_density_says(places, min_samples: int, eps_km: float, chance: random.Random) -> None:
    points = [StorePoint(number, *place) for number, place in enumerate(places)]
    found = find_clusters(points, eps_km=eps_km, min_samples=min_samples)
    shuffled = points.copy()
    chance.shuffle(shuffled)
    assert find_clusters(shuffled, eps_km=eps_km, min_samples=min_samples) == found
    everyone = [*found.isolated, *found.invalid, *(store for cluster in found.clusters for store in cluster)]
    assert sorted(everyone) == list(range(len(points)))

    def near(one: StorePoint, other: StorePoint, slack: float) -> bool:
        return distance_km(one.latitude, one.longitude, other.latitude, other.longitude) <= eps_km + slack

    cluster_of = {store: index for index, cluster in enumerate(found.clusters) for store in cluster}
    usable = [point for point in points if point.store not in found.invalid]
    dense = {one.store for one in usable if sum(near(one, other, -1e-6) for other in usable) >= min_samples}
    dense_at_most = {one.store for one in usable if sum(near(one, other, 1e-6) for other in usable) >= min_samples}
    for one in usable:
        beside = [other for other in usable if other.store in dense and near(one, other, -1e-6)]
        assert (one.store in cluster_of) or not beside
        if one.store in dense:
            assert {cluster_of[other.store] for other in beside} == {cluster_of[one.store]}
        if one.store in cluster_of:
            assert any(other.store in dense_at_most and near(one, other, 1e-6) for other in usable)


def test_a_cluster_keeps_its_id_while_most_of_its_stores_remain() -> None:
    old = {7: {1, 2, 3, 4, 5}, 8: {10, 11, 12}}
    assert match_clusters(old, [{10, 11, 12, 13}, {2, 3, 4, 6, 9}]) == {0: 8, 1: 7}


def test_a_cluster_that_falls_apart_without_a_majority_ends() -> None:
    assert match_clusters({7: {1, 2, 3, 4}}, [{1, 2}, {3, 4}]) == {}
    assert match_clusters({7: {1, 2, 3, 4, 5}}, [{1, 2, 3}, {4, 5}]) == {0: 7}


def test_clusters_that_grow_together_continue_as_the_one_that_brought_more() -> None:
    assert match_clusters({7: {1, 2}, 8: {3, 4, 5}}, [{1, 2, 3, 4, 5}]) == {0: 8}
    assert match_clusters({8: {3, 4}, 7: {1, 2}}, [{1, 2, 3, 4}]) == {0: 7}


stores = st.integers(0, 20)


@given(
    st.dictionaries(st.integers(1, 9), st.sets(stores, min_size=1), max_size=5),
    st.lists(st.sets(stores, min_size=1), max_size=5),
)
def test_no_id_goes_to_two_clusters_and_none_without_a_majority(old, new) -> None:
    disjoint = [cluster - set().union(*new[:number]) for number, cluster in enumerate(new)]
    matched = match_clusters(old, disjoint)
    assert len(set(matched.values())) == len(matched)
    assert all(
        2 * len(old[cluster_id] & disjoint[index]) > len(old[cluster_id]) for index, cluster_id in matched.items()
    )


def test_a_cluster_is_named_after_the_city_nearest_to_most_of_its_stores() -> None:
    assert city_of(around(PERTH, 5)).name == "Perth"
    assert city_of([*around(BUNBURY, 4), *around(PERTH, 3)]).name == "Bunbury"


def test_a_name_that_is_taken_gets_a_number() -> None:
    assert numbered("Perth", ()) == "Perth"
    assert numbered("Perth", {"Perth"}) == "Perth 2"
    assert numbered("Perth", {"Perth", "Perth 2", "Sydney"}) == "Perth 3"


def test_the_gazetteer_lies_in_australia_and_knows_every_state() -> None:
    assert len(gazetteer()) >= 120
    assert {city.state for city in gazetteer()} == {"NSW", "VIC", "QLD", "SA", "WA", "TAS", "NT", "ACT"}
    assert Counter(city.name for city in gazetteer()).most_common(1)[0][1] == 1
    assert all(invalid_reason(StorePoint(0, city.latitude, city.longitude)) is None for city in gazetteer())
    assert nearest_city(*SYDNEY).name == "Sydney"


def place_of(fields: dict[str, str | None]) -> tuple[float | None, float | None]:
    latitude, longitude = fields["latitude"], fields["longitude"]
    return float(latitude) if latitude else None, float(longitude) if longitude else None


if REAL_STORES:

    def test_the_dirty_rows_of_the_real_store_list_are_found() -> None:
        companies: dict[int, list[StorePoint]] = {}
        for row in json.loads(gzip.decompress(REAL_STORES[0].read_bytes())):
            point = StorePoint(row["pk"], *place_of(row["fields"]))
            companies.setdefault(row["fields"]["company"], []).append(point)
        invalid = [reason for points in companies.values() for reason in invalid_stores(points).values()]
        reasons = Counter(reason.split(":")[0] for reason in invalid)
        assert reasons["no coordinates"] == 6
        assert reasons["coordinates are (0, 0)"] == 4
        assert reasons["outside Australia"] == 2
        assert reasons["10 stores on one point"] == 10
        aldi = find_clusters(companies[1], eps_km=25, min_samples=3)
        assert [len(cluster) for cluster in aldi.clusters][:5] == [96, 82, 72, 44, 37]


def test_the_room_opens_without_the_heavy_packages() -> None:
    code = "import sys, scheduler; print([name for name in ('scipy', 'matplotlib', 'numpy') if name in sys.modules])"
    root = Path(__file__).parents[2]
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert answer.stdout.strip() == "[]"


def test_the_gazetteer_file_has_two_decimals_so_that_nobody_reads_more_into_it() -> None:
    path = Path(sys.modules["scheduler"].__file__).parent / "gazetteer.csv"
    with path.open(encoding="utf-8", newline="") as file:
        assert all(
            len(row[key].split(".")[1]) == 2 for row in csv.DictReader(file) for key in ("latitude", "longitude")
        )
