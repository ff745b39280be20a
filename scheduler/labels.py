"""Names on a map, placed where they cover nothing of what they stand beside."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, HALO = "#222222", "#FFFFFF"
LABELLED = 16  # the largest clusters; the others are in the legend alone
FONT_POINTS = 9
CLEARANCE = 3  # pixels
NEAR_POINTS, DISTANCES_POINTS = 10, (10, 18, 30, 44, 60, 78)  # a name farther than near gets a line
DIRECTIONS = (0, 180, 90, 270, 30, -30, 150, 210, 60, -60, 120, 240)  # degrees; beside is better than above

Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels."""

    left: float
    bottom: float
    right: float
    top: float

    def holds(self, dot: Place) -> bool:
        """Tell whether a point lies within the rectangle, or too near to it."""
        within_width = self.left - CLEARANCE <= dot[0] <= self.right + CLEARANCE
        return within_width and self.bottom - CLEARANCE <= dot[1] <= self.top + CLEARANCE

    def meets(self, other: "Box") -> bool:
        """Tell whether two rectangles overlap."""
        apart = self.right < other.left or other.right < self.left
        return not (apart or self.top < other.bottom or other.top < self.bottom)

    def lies_in(self, other: "Box") -> bool:
        """Tell whether this rectangle is wholly within the other."""
        within_width = other.left <= self.left and self.right <= other.right
        return within_width and other.bottom <= self.bottom and self.top <= other.top


def label_clusters(axes: "Axes", clusters: Mapping[str, Sequence[Place]], spared: Sequence[Place]) -> None:
    """Write the names of the first clusters beside their stores; a name that finds no free room is left out.

    Places are (longitude, latitude). A name covers no store of a cluster and no other name, and of the ``spared``
    places as few as can be.
    """
    scale = axes.get_figure(root=True).dpi / 72  # type: ignore[union-attr]  # these axes stand in a figure
    pixels = {name: [_pixel(axes, place) for place in places] for name, places in clusters.items()}
    occupied = [dot for dots in pixels.values() for dot in dots]
    spared_dots = [_pixel(axes, place) for place in spared]
    window = axes.get_window_extent()
    frame = Box(window.x0, window.y0, window.x1, window.y1)
    placed: list[Box] = []
    for name in list(clusters)[:LABELLED]:
        x, y = (sum(part) / len(pixels[name]) for part in zip(*pixels[name], strict=True))
        best: tuple[float, Box, bool] | None = None
        for distance, box in _rooms(x, y, *_size(axes, name), scale):
            if not box.lies_in(frame) or any(map(box.meets, placed)) or any(map(box.holds, occupied)):
                continue
            cost = distance / 4 + 3 * sum(map(box.holds, spared_dots))
            if best is None or cost < best[0]:
                best = cost, box, distance > NEAR_POINTS
        if best is not None:
            placed.append(best[1])
            _write(axes, name, (x, y), best[1], with_line=best[2])


def _pixel(axes: "Axes", place: Place) -> Place:
    x, y = axes.transData.transform(place)
    return float(x), float(y)


def _size(axes: "Axes", name: str) -> Place:
    text = axes.text(0, 0, name, fontsize=FONT_POINTS)
    extent = text.get_window_extent()
    text.remove()
    return extent.width, extent.height


def _rooms(x: float, y: float, width: float, height: float, scale: float) -> Iterator[tuple[int, Box]]:
    for distance in DISTANCES_POINTS:
        for direction in DIRECTIONS:
            across, up = math.cos(math.radians(direction)), math.sin(math.radians(direction))
            # The rectangle's side or corner that faces the cluster stands at this distance.
            left = x + across * distance * scale + (across - 1) / 2 * width
            bottom = y + up * distance * scale + (up - 1) / 2 * height
            yield distance, Box(left, bottom, left + width, bottom + height)


def _write(axes: "Axes", name: str, centre: Place, box: Box, *, with_line: bool) -> None:
    from matplotlib.patheffects import withStroke  # noqa: PLC0415 - heavy, and only maps need it

    if with_line:
        end = (min(max(centre[0], box.left), box.right), min(max(centre[1], box.bottom), box.top))
        axes.plot(*zip(centre, end, strict=True), color=INK, linewidth=0.7, zorder=5, transform=None)
    axes.text(
        box.left,
        (box.bottom + box.top) / 2,
        name,
        fontsize=FONT_POINTS,
        color=INK,
        va="center",
        zorder=6,
        path_effects=[withStroke(linewidth=2.2, foreground=HALO)],
        transform=None,
    )
