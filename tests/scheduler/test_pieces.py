"""Large clusters are cut into balanced pieces with names that say where they lie."""

import random

from hypothesis import given
from hypothesis import strategies as st

from scheduler.geography import StorePoint, gazetteer
from scheduler.pieces import WINDS, cut_cluster, is_piece_name, name_pieces, window_capacity

SYDNEY = (-33.87, 151.21)


def grid(rows: int, columns: int, city: tuple[float, float] = SYDNEY, first: int = 0) -> list[StorePoint]:
    """Stores 2 km apart, from the south-west on."""
    return [
        StorePoint(first + row * columns + column, city[0] + row * 0.018, city[1] + column * 0.0216)
        for row in range(rows)
        for column in range(columns)
    ]


def numbers(pieces: list[list[StorePoint]]) -> list[set[int]]:
    return [{point.store for point in piece} for piece in pieces]


def test_a_window_holds_what_is_crawled_in_it_for_the_target() -> None:
    assert window_capacity(40, 48, 0.8) == 64
    assert window_capacity(100, 24, 0.5) == 50
    assert window_capacity(1, 24, 0.8) == 0


def test_a_cluster_that_fits_stays_whole() -> None:
    points = grid(3, 3)
    assert numbers(cut_cluster(points, 9)) == [set(range(9))]
    assert name_pieces(cut_cluster(points, 9)) == ["Sydney"]


def test_a_long_cluster_is_cut_across() -> None:
    north_south = cut_cluster(grid(10, 2), 10)
    assert numbers(north_south) == [set(range(10)), set(range(10, 20))]
    assert name_pieces(north_south) == ["Sydney south", "Sydney north"]
    assert name_pieces(cut_cluster(grid(2, 10), 10)) == ["Sydney west", "Sydney east"]
    assert name_pieces(cut_cluster(grid(12, 2), 8)) == ["Sydney south", "Sydney centre", "Sydney north"]
    assert name_pieces(cut_cluster(grid(8, 8), 16)) == [
        "Sydney south-west", "Sydney south-east", "Sydney north-west", "Sydney north-east",
    ]  # fmt: skip


def test_a_piece_around_another_city_bears_that_name() -> None:
    coast = [*grid(10, 3), *grid(5, 3, city=(-32.93, 151.78), first=100)]
    assert name_pieces(cut_cluster(coast, 15)) == ["Sydney south", "Sydney north", "Newcastle"]


places = st.tuples(st.floats(-35, -33), st.floats(150, 152)) | st.just(SYDNEY)


@given(st.lists(places, min_size=1, max_size=80), st.integers(1, 90), st.randoms())
def test_pieces_are_few_fit_are_even_and_do_not_depend_on_order(chosen, at_most: int, chance: random.Random) -> None:
    points = [StorePoint(number, *place) for number, place in enumerate(chosen)]
    pieces = cut_cluster(points, at_most)
    assert sorted(point.store for piece in pieces for point in piece) == list(range(len(points)))
    assert len(pieces) == -(-len(points) // at_most)
    assert max(map(len, pieces)) <= at_most
    assert max(map(len, pieces)) - min(map(len, pieces)) <= 1
    shuffled = points.copy()
    chance.shuffle(shuffled)
    assert cut_cluster(shuffled, at_most) == pieces
    names = name_pieces(pieces)
    assert len(names) == len(pieces)
    assert len(pieces) > 8 or len(set(names)) == len(names)
    assert all(is_piece_name(name) == (sum(n.startswith(name.split(" ")[0]) for n in names) > 1) for name in names)


def test_no_city_is_named_like_a_piece() -> None:
    assert not any(is_piece_name(city.name) for city in gazetteer())
    assert all(is_piece_name(f"Sydney {wind} 2") for wind in WINDS)
