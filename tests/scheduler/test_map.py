"""The map says what it shows, keeps neighbours apart, and appears as a whole."""

import itertools
import math
from datetime import UTC, datetime
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.text import Text

from scheduler import ClusterReport, draw_map
from scheduler.clusters import PlacedStore
from scheduler.geography import City, distance_km, gazetteer
from scheduler.insets import COUNTRY, Window, choose_insets, names_beside
from scheduler.labels import label_clusters
from scheduler.map import COLOURS, build_figure, caption, choose_styles
from scheduler.outline import km_outside, read_outline
from scheduler.panels import draw_scale
from scheduler.projection import project


def report(count: int = 20) -> ClusterReport:
    """A cluster of three stores at each of the first cities of the gazetteer."""
    answer = ClusterReport(
        company="Testmart", at=datetime(2026, 11, 3, tzinfo=UTC), rule="3 or more stores within 25 km"
    )
    for city in gazetteer()[:count]:
        answer.clusters[city.name] = [
            PlacedStore(f"{city.name}{n}", "", city.latitude + n / 50, city.longitude) for n in range(3)
        ]
    answer.isolated = [PlacedStore("I1", "Broome", -17.96, 122.24), PlacedStore("I2", "Mount Isa", -20.73, 139.49)]
    answer.invalid = [(PlacedStore("X", "", None, None), "no coordinates")]
    return answer


def words(figure: Figure) -> list[str]:
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    return [text.get_text() for text in (*figure.texts, *figure.axes[0].texts)] + legend


def test_the_map_carries_title_date_legend_and_caption() -> None:
    text = words(build_figure(report()))
    assert "Testmart: clusters of stores, 3 November 2026" in text
    assert "Sydney (3)" in text
    assert "isolated (2)" in text
    assert (
        "63 stores: 60 in 20 clusters (3 or more stores within 25 km), 2 isolated, "
        "1 not shown: their coordinates cannot be used."
    ) in text


def test_names_on_the_map_do_not_overlap() -> None:
    figure = build_figure(report(12))
    names = {city.name for city in gazetteer()}
    boxes = [text.get_window_extent() for text in figure.axes[0].texts if text.get_text() in names]
    assert len(boxes) >= 6
    assert not any(one.overlaps(other) for n, one in enumerate(boxes) for other in boxes[:n])


def test_a_name_that_would_have_to_cross_a_crowd_is_left_to_the_legend() -> None:
    figure = Figure(figsize=(3, 3), dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 300), ylim=(0, 300))
    ring = [(150 + r * math.cos(a / 9), 150 + r * math.sin(a / 9)) for r in (15, 22, 29, 36) for a in range(57)]
    label_clusters(axes, {"Crowd": ring, "Lost": [(150, 150)]}, far=True)
    assert "Lost" not in {text.get_text() for text in axes.texts}
    axes.clear()
    axes.set(xlim=(0, 300), ylim=(0, 300))
    label_clusters(axes, {"Crowd": ring[:20], "Found": [(150, 150)]}, far=True)
    assert "Found" in {text.get_text() for text in axes.texts}


def test_forty_nine_clusters_differ_in_colour_or_shape() -> None:
    styles = choose_styles(report(49))
    assert len(set(styles.values())) == 49


@pytest.mark.parametrize("count", [6, 13, 27, 41])
def test_a_town_beside_a_city_has_another_colour_also_when_few_styles_are_left(count: int) -> None:
    for city in gazetteer()[:count]:
        full = report(count)
        full.clusters["the town"] = [PlacedStore("T", "", city.latitude + 0.3, city.longitude)]
        styles = choose_styles(full)
        assert styles["the town"][0] != styles[city.name][0], city.name


def test_more_clusters_than_styles_are_still_drawn(tmp_path: Path) -> None:
    path = draw_map(report(60), tmp_path / "maps" / "many.png")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_the_picture_appears_as_a_whole_and_is_the_same_each_time(tmp_path: Path) -> None:
    first = draw_map(report(), tmp_path / "maps/testmart_clusters.png").read_bytes()
    assert [path.name for path in (tmp_path / "maps").iterdir()] == ["testmart_clusters.png"]
    assert draw_map(report(), tmp_path / "maps/testmart_clusters.png").read_bytes() == first
    assert len(first) > 30_000


def test_a_chain_without_clusters_or_isolated_stores_has_a_map_too() -> None:
    empty = ClusterReport(company="New", at=datetime(2026, 11, 3, tzinfo=UTC), rule="3 or more stores within 25 km")
    assert "New: clusters of stores, 3 November 2026" in words(build_figure(empty))
    assert caption(empty) == "0 stores: 0 in 0 clusters (3 or more stores within 25 km), 0 isolated."


def test_every_city_lies_on_the_drawn_land_of_its_state() -> None:
    for city in gazetteer():
        assert km_outside(city.state, city.latitude, city.longitude) < 12, city  # 6 for the shapes, 1 for two decimals


def test_the_drawn_states_are_those_that_positions_are_looked_up_in() -> None:
    from matplotlib.path import Path as Shape

    fine = {state: [Shape(ring) for ring in rings] for state, rings in read_outline().states.items()}
    for city in gazetteer():
        around = [(city.longitude + east, city.latitude + north) for east in (-0.1, 0, 0.1) for north in (-0.1, 0, 0.1)]
        assert any(shape.contains_point(place) for shape in fine[city.state] for place in around), city


def test_the_projection_keeps_distances_and_the_middle_meridian_upright() -> None:
    assert project(134, -27) == pytest.approx((0, 0), abs=1e-9)
    assert project(134, -20)[0] == pytest.approx(0, abs=1e-9)
    for one, other in itertools.combinations(gazetteer()[::17], 2):
        drawn = math.dist(project(one.longitude, one.latitude), project(other.longitude, other.latitude))
        assert drawn == pytest.approx(distance_km(*place(one), *place(other)), rel=0.03)


def place(city: City) -> tuple[float, float]:
    return city.latitude, city.longitude


def test_the_city_with_most_stores_has_an_inset_and_the_insets_show_other_stores() -> None:
    around = report(8)  # Sydney, Newcastle, Gosford …: three stores each
    around.clusters["Perth"] = [PlacedStore(f"P{n}", "", -31.95 + n / 100, 115.86) for n in range(20)]
    around.clusters["Sydney"] += [PlacedStore(f"S{n}", "", -33.87, 151.1 - n / 100) for n in range(6)]
    insets = choose_insets(around, 150, 150)
    assert list(insets) == ["Perth", "Sydney"]
    one, other = insets.values()
    assert not one.meets(other)
    names = names_beside(around, insets)
    assert {"Perth", "Sydney", "Newcastle", "Ulladulla"} <= set(names)
    assert len(names["Sydney"]) == 15
    assert not {"Wollongong", "Nowra"} & set(names)
    assert sum(map(len, names.values())) == sum(map(len, around.clusters.values()))


def test_pieces_of_a_city_share_its_inset_and_its_name_on_the_map_of_the_country() -> None:
    cut = ClusterReport(company="Testmart", at=datetime(2026, 11, 3, tzinfo=UTC), rule="3 or more stores within 25 km")
    for number, piece in enumerate(("Perth south", "Perth centre", "Perth north")):
        latitudes = [-32.3 + number * 0.3 + step / 40 for step in range(12)]
        cut.clusters[piece] = [PlacedStore(f"{piece}{lat}", "", lat, 115.86) for lat in latitudes]
    ((city, window),) = choose_insets(cut, 150, 150).items()
    names = names_beside(cut, {city: window})
    assert (city, {name: len(points) for name, points in names.items()}) == ("Perth", {"Perth": 36})
    assert all(map(window.holds, names["Perth"]))
    country, inset = build_figure(cut).axes
    assert {"Perth"} == {text.get_text() for text in country.texts} & {"Perth", *cut.clusters}
    assert set(cut.clusters) <= {text.get_text() for text in inset.texts}


@pytest.mark.parametrize("free", [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_the_scale_stands_in_the_corner_where_no_store_is(free: tuple[int, int]) -> None:
    figure = Figure(figsize=(3, 3), dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    window = Window(0, 0, 150, 150)
    stores = [(x * 130 + 10, y * 130 + 10) for x in (0, 1) for y in (0, 1) if (x, y) != free]
    draw_scale(axes, window, stores)
    ((x, _), (y, _)) = axes.lines[0].get_data()
    assert (x > 75, y > 75) == free


def test_a_chain_of_lone_towns_needs_no_inset() -> None:
    assert choose_insets(report(1), 150, 150) == {}
    assert len(build_figure(report(1)).axes) == 1


def test_all_stores_are_drawn_once_on_the_map_of_the_country() -> None:
    axes = build_figure(report(20)).axes[0]
    dots = [collection for collection in axes.collections if isinstance(collection, PathCollection)]
    assert sorted(len(each.get_offsets()) for each in dots) == [2] + [3] * 20
    for each in dots:
        assert all(COUNTRY.holds(tuple(dot)) for dot in each.get_offsets())


def test_printed_at_the_width_of_a_page_every_letter_has_five_points() -> None:
    figure = build_figure(report(20))
    page_inches = 6.9
    texts = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    shown = [text for text in texts if text.figure is not None]
    assert len(shown) > 30
    assert min(text.get_fontsize() for text in shown) * page_inches / figure.get_figwidth() >= 5


def test_the_colours_stay_apart_for_eyes_that_lack_one_kind_of_cone() -> None:
    """Machado, Oliveira and Fernandes' matrices (2009) for protanopia, deuteranopia and tritanopia."""
    lacking = (
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    )
    linear = [[((c / 255 + 0.055) / 1.055) ** 2.4 for c in bytes.fromhex(colour[1:])] for colour in COLOURS]
    for matrix in lacking:
        seen = [[sum(a * b for a, b in zip(row, colour, strict=True)) for row in matrix] for colour in linear]
        apart = min(math.dist(one, other) for one, other in itertools.combinations(seen, 2))
        assert apart > 0.06
