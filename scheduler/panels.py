"""One panel of a map: land, coast and borders, the stores of clusters, isolated stores, a scale bar."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

from scheduler.clusters import ClusterReport, PlacedStore
from scheduler.geography import nearest_city
from scheduler.labels import INK, frame_of, label_clusters
from scheduler.outline import read_outline
from scheduler.projection import project

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from scheduler.labels import Box

LAND, BORDER, COAST, GREY = "#EFEAE0", "#A39C8E", "#7D776C", "#555555"
# Where the states' names stand: longitude, latitude. Those of the small ones stand in the sea.
STATES = {
    "WA": (121.5, -25.6),
    "NT": (133.4, -19.6),
    "SA": (134.6, -28.6),
    "QLD": (143.4, -23.2),
    "NSW": (145.1, -31.5),
    "VIC": (142.2, -39.55),
    "TAS": (143.7, -42.6),
}
INSETS, INSET_STORES = 2, 8  # so many insets at the most, each with so many stores at the least
Style = tuple[str, str]  # colour, shape
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Window:
    """What a panel shows, in kilometres of the projection."""

    west: float
    south: float
    east: float
    north: float

    def holds(self, point: Point) -> bool:
        """Tell whether a projected point is inside."""
        return self.west <= point[0] <= self.east and self.south <= point[1] <= self.north

    def meets(self, other: "Window") -> bool:
        """Tell whether two windows overlap."""
        apart = self.east < other.west or other.east < self.west
        return not (apart or self.north < other.south or other.north < self.south)


COUNTRY = Window(-2230, -1985, 2440, 1865)  # with sea enough for the names of coastal cities


def choose_insets(report: ClusterReport, width_km: float, height_km: float) -> dict[str, Window]:
    """Return by city the windows of this size with the most stores; they do not overlap."""
    clusters = [list(points_of(inside)) for inside in report.clusters.values()]
    everyone = [point for points in clusters for point in points]
    candidates = []
    for points, inside in zip(clusters, report.clusters.values(), strict=True):
        x, y = median(x for x, _ in points), median(y for _, y in points)
        window = Window(x - width_km / 2, y - height_km / 2, x + width_km / 2, y + height_km / 2)
        count = sum(map(window.holds, everyone))
        middle = median(store.latitude or 0 for store in inside), median(store.longitude or 0 for store in inside)
        candidates.append((-count, nearest_city(*middle).name, window))
    chosen: dict[str, Window] = {}
    for count, city, window in sorted(candidates, key=lambda candidate: candidate[0]):
        if -count >= INSET_STORES and len(chosen) < INSETS and not any(map(window.meets, chosen.values())):
            chosen[city] = window
    return chosen


def names_beside(report: ClusterReport, windows: Iterable[Window]) -> set[str]:
    """Return the clusters to name on the map beside insets: of those in an inset only the largest."""
    full: set[Window] = set()
    names = set()
    for name, inside in report.clusters.items():
        points = list(points_of(inside))
        middle = median(x for x, _ in points), median(y for _, y in points)
        around = {window for window in windows if window.holds(middle)}
        if not around <= full or not around:
            names.add(name)
        full |= around
    return names


def draw_panel(
    axes: "Axes",
    window: Window,
    report: ClusterReport,
    styles: Mapping[str, Style],
    named: Collection[str],
    *,
    is_inset: bool,
) -> None:
    """Draw what lies in ``window``, with the names of the ``named`` clusters; those of states not on an inset."""
    axes.set(xlim=(window.west, window.east), ylim=(window.south, window.north), aspect="equal", xticks=[], yticks=[])
    axes.apply_aspect()  # now, since names are placed by pixels
    axes.spines[:].set(visible=is_inset, color=INK, linewidth=0.8)
    _draw_outline(axes, 0.7)
    area = 17 if is_inset else 13
    isolated = [point for point in points_of(report.isolated) if window.holds(point)]
    if isolated:
        xs, ys = zip(*isolated, strict=True)
        axes.scatter(xs, ys, s=area * 0.7, c=GREY, marker="x", linewidths=0.8, zorder=3)
    for name, inside in reversed(report.clusters.items()):
        points = [point for point in points_of(inside) if window.holds(point)]
        colour, shape = styles[name]
        if points:
            xs, ys = zip(*points, strict=True)
            axes.scatter(xs, ys, s=area, c=colour, marker=shape, linewidths=0.35, edgecolors=INK, zorder=4)
    taken = [_draw_scale(axes, window)]
    if not is_inset:
        taken += _name_states(axes)
    everyone = {name: list(points_of(inside)) for name, inside in report.clusters.items()}
    label_clusters(axes, everyone, named, isolated, taken)


def points_of(stores: Sequence[PlacedStore]) -> Iterator[Point]:
    """Yield where stores are drawn."""
    for store in stores:
        if store.longitude is not None and store.latitude is not None:
            yield project(store.longitude, store.latitude)


@cache
def _projected() -> tuple[list[list[Point]], list[list[Point]], list[list[Point]]]:
    outline = read_outline()
    rings = [ring for rings in outline.states.values() for ring in rings]
    land, borders, coast = (
        [[project(*place) for place in _bent(line)] for line in lines]
        for lines in (rings, outline.borders, outline.coast)
    )
    return land, borders, coast


def _bent(line: list[Point]) -> Iterator[Point]:
    """Yield a line with a place at each degree or so: a parallel is a curve on the sheet."""
    for (x, y), (to_x, to_y) in pairwise(line):
        steps = max(1, round(abs(to_x - x) + abs(to_y - y)))
        yield from ((x + (to_x - x) * step / steps, y + (to_y - y) * step / steps) for step in range(steps))
    yield line[-1]


def _draw_outline(axes: "Axes", width: float) -> None:
    from matplotlib.collections import LineCollection, PolyCollection  # noqa: PLC0415 - heavy, and only maps need it

    land, borders, coast = _projected()
    axes.add_collection(PolyCollection(land, facecolors=LAND, edgecolors=LAND, linewidths=0.5, zorder=1))
    axes.add_collection(LineCollection(borders, colors=BORDER, linewidths=width, zorder=2))
    axes.add_collection(LineCollection(coast, colors=COAST, linewidths=width, zorder=2))


def _name_states(axes: "Axes") -> list["Box"]:
    look: dict[str, Any] = {"fontsize": 10.5, "color": BORDER, "ha": "center", "va": "center", "weight": "bold"}
    return [frame_of(axes.text(*project(*place), state, **look, zorder=2)) for state, place in STATES.items()]


def _draw_scale(axes: "Axes", window: Window) -> "Box":
    """Draw a bar of a round length in the lower left corner; return the room that it takes."""
    from matplotlib.patheffects import withStroke  # noqa: PLC0415 - heavy, and only maps need it

    width = window.east - window.west
    length = max(km for km in (10, 20, 50, 100, 200, 500) if km <= width / 4)
    x, y = window.west + width / 30, window.south + width / 30
    halo = [withStroke(linewidth=2.5, foreground="#FFFFFF")]
    axes.plot((x, x + length), (y, y), color=INK, linewidth=1.6, solid_capstyle="butt", zorder=6, path_effects=halo)
    text = axes.text(x, y + width / 90, f"{length} km", fontsize=7, color=INK, zorder=6, path_effects=halo)
    return frame_of(text)
