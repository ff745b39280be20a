from hypothesis import given, settings
from hypothesis import strategies as st

from splitcart_scrapy.sweep import AUSTRALIA, Cell, Sweep, distance_km

points = st.tuples(st.floats(-43.9, -10.1), st.floats(112.1, 153.9))


def sweep(stores, nearest, most=None):
    """Ask a finder that knows the ``nearest`` stores to a point, as the spiders do."""
    cells, found, asked = Sweep(AUSTRALIA, most), set(), 0
    for cell in cells:
        asked += 1
        ranked = sorted(stores, key=lambda store: distance_km(cell.centre, store))[:nearest]
        found.update(ranked)
        cells.answered(cell, [distance_km(cell.centre, store) for store in ranked])
    return found, asked


@settings(max_examples=12, deadline=None)
@given(st.lists(points, max_size=60, unique=True))
def test_a_finder_of_the_nearest_stores_gives_away_all(stores):
    for most in (None, 25):
        found, _ = sweep(stores, nearest=25, most=most)
        assert found == set(stores)


def test_a_finder_whose_limit_is_known_is_asked_once_when_it_names_fewer():
    assert sweep([(-33.8, 151.0)], nearest=25, most=25) == ({(-33.8, 151.0)}, 1)


def test_a_dense_city_is_split_and_an_empty_outback_is_not():
    city = [(-33.8 - row / 200, 151.0 + column / 200) for row in range(15) for column in range(15)]
    found, asked = sweep(city, nearest=47)
    assert found == set(city)
    assert asked < 400


def test_a_city_block_with_more_stores_than_a_finder_tells_is_given_up_on():
    block = [(-33.8, 151 + at / 10_000) for at in range(60)]
    found, asked = sweep(block, nearest=47)
    assert len(found) >= 47
    assert asked < 2000


@given(points, points)
def test_distance_is_symmetric_and_bounded(one, other):
    assert distance_km(one, other) == distance_km(other, one)
    assert 0 <= distance_km(one, other) < 20_016


def test_distance_of_known_cities():
    sydney, perth = (-33.8688, 151.2093), (-31.9523, 115.8613)
    assert 3280 < distance_km(sydney, perth) < 3300


@given(points, st.floats(0.1, 5), st.floats(0.1, 5))
def test_the_reach_covers_all_corners(corner, high, wide):
    south, west = corner
    cell = Cell(south=south, north=south + high, west=west, east=west + wide)
    for latitude in (cell.south, cell.north):
        for longitude in (cell.west, cell.east):
            assert distance_km(cell.centre, (latitude, longitude)) <= cell.reach_km + 1e-6


def test_quarters_tile_their_cell():
    quarters = list(AUSTRALIA.quarters())
    assert sum((cell.north - cell.south) * (cell.east - cell.west) for cell in quarters) == 34 * 42
    assert len(set(quarters)) == 4
