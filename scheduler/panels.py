"""One panel of a map: land, coast and borders, the stores of clusters, isolated stores, a scale bar."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from scheduler.clusters import ClusterReport
from scheduler.insets import Point, Window, points_of
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
Style = tuple[str, str]  # colour, shape
LARGER = {"*": 2.0}  # a star of the same width looks small


def draw_panel(
    axes: "Axes",
    window: Window,
    report: ClusterReport,
    styles: Mapping[str, Style],
    names: Mapping[str, Sequence[Point]],
    *,
    is_inset: bool,
) -> None:
    """Draw what lies in ``window``, and the ``names`` of the places that they stand for; states not on an inset."""
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
            axes.scatter(
                xs, ys, s=area * LARGER.get(shape, 1), c=colour, marker=shape, linewidths=0.35, edgecolors=INK, zorder=4
            )
    stores = [point for points in names.values() for point in points]
    taken = [draw_scale(axes, window, stores)]
    if not is_inset:
        taken += _name_states(axes)
    label_clusters(axes, names, isolated, taken, far=is_inset)


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


def draw_scale(axes: "Axes", window: Window, stores: Sequence[Point]) -> "Box":
    """Draw a bar of a round length in the corner with the fewest stores; return the room that it takes."""
    from matplotlib.patheffects import withStroke  # noqa: PLC0415 - heavy, and only maps need it

    width = window.east - window.west
    length = max(km for km in (10, 20, 50, 100, 200, 500) if km <= width / 4)
    edge, tall = width / 30, width / 12

    def crowd(corner: Point) -> int:
        (x, y), room = corner, edge / 2
        return sum(x - room <= px <= x + length + room and y - room <= py <= y + tall + room for px, py in stores)

    lefts, bottoms = (
        (window.west + edge, window.east - edge - length),
        (window.south + edge, window.north - edge - tall),
    )
    x, y = min(((left, bottom) for bottom in bottoms for left in lefts), key=crowd)
    halo = [withStroke(linewidth=2.5, foreground="#FFFFFF")]
    axes.plot((x, x + length), (y, y), color=INK, linewidth=1.6, solid_capstyle="butt", zorder=6, path_effects=halo)
    text = axes.text(x, y + width / 90, f"{length} km", fontsize=7, color=INK, zorder=6, path_effects=halo)
    return frame_of(text)
