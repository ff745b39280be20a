"""The map says what it shows, keeps neighbours apart, and appears as a whole."""

import json
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from matplotlib.figure import Figure

from scheduler import ClusterReport, draw_map
from scheduler.clusters import PlacedStore
from scheduler.geography import gazetteer
from scheduler.map import build_figure, caption, choose_styles


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


def test_forty_clusters_differ_in_colour_or_shape() -> None:
    styles = choose_styles(report(42))
    assert len(set(styles.values())) == 42


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
    assert caption(empty).startswith("0 stores: 0 in 0 clusters")


def test_every_coastal_capital_lies_on_the_drawn_land() -> None:
    from matplotlib.path import Path as Shape

    outline = json.loads(files("scheduler").joinpath("outline.json").read_text(encoding="utf-8"))
    land = [Shape(shore) for shore in outline["land"]]
    inland = [city for city in gazetteer() if city.name in {"Canberra", "Dubbo", "Alice Springs", "Launceston", "Roma"}]
    assert all(any(shape.contains_point((city.longitude, city.latitude)) for shape in land) for city in inland)
    coastal = [city for city in gazetteer() if any(s.contains_point((city.longitude, city.latitude), radius=0.25) or
               s.contains_point((city.longitude, city.latitude), radius=-0.25) for s in land)]  # fmt: skip
    assert len(coastal) == len(gazetteer())
