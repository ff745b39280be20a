"""Names on a map, placed where they cover nothing of what they stand beside."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

INK, HALO = "#222222", "#FFFFFF"
FONT_POINTS = 8
CLEARANCE = 3  # pixels
NEAR_POINTS, DISTANCES_POINTS = 9, (9, 16, 26, 38)  # a name farther than near gets a line
STEP = 4  # pixels: lines are tested at points so far apart
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


def label_clusters(
    axes: "Axes",
    clusters: Mapping[str, Sequence[Place]],
    named: Collection[str],
    spared: Sequence[Place] = (),
    taken: Sequence[Box] = (),
) -> None:
    """Write the ``named`` clusters' names beside their stores, the first ones first; one without free room is left out.

    Places are in the units of the axes, those outside them do not count. A name covers no store of a cluster, no other
    name and none of the ``taken`` rectangles, and of the ``spared`` places as few as can be.
    """
    scale = axes.get_figure(root=True).dpi / 72  # type: ignore[union-attr]  # these axes stand in a figure
    frame = frame_of(axes)
    pixels = {
        name: [dot for dot in map(partial(_pixel, axes), dots) if frame.holds(dot)] for name, dots in clusters.items()
    }
    occupied = [dot for dots in pixels.values() for dot in dots]
    spared_dots = [_pixel(axes, place) for place in spared]
    placed, lines = list(taken), list[Place]()
    for name, dots in pixels.items():
        if not dots or name not in named:
            continue
        x, y = (sum(part) / len(dots) for part in zip(*dots, strict=True))
        best: tuple[float, Box, list[Place]] | None = None
        for distance, box in _rooms(x, y, *_size(axes, name), scale):
            if not box.lies_in(frame) or any(map(box.meets, placed)) or any(map(box.holds, chain(occupied, lines))):
                continue
            line = list(_line((x, y), box)) if distance > NEAR_POINTS else []
            others = sum(each.holds(dot) for each in placed for dot in line)
            strangers = sum(abs(dot[0] - at[0]) + abs(dot[1] - at[1]) < STEP for dot in line for at in lines)
            if others or strangers:
                continue
            cost = distance / 4 + 3 * sum(map(box.holds, spared_dots))
            if best is None or cost < best[0]:
                best = cost, box, line
        if best is not None:
            placed.append(best[1])
            lines += best[2]
            _write(axes, name, (x, y), best[1], with_line=bool(best[2]))


def frame_of(artist: "Axes | Text") -> Box:
    """Return the rectangle that axes or a text cover."""
    extent = artist.get_window_extent()
    return Box(extent.x0, extent.y0, extent.x1, extent.y1)


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


def _end(centre: Place, box: Box) -> Place:
    return min(max(centre[0], box.left), box.right), min(max(centre[1], box.bottom), box.top)


def _line(centre: Place, box: Box) -> Iterator[Place]:
    """Yield points along the line from a cluster to its name."""
    end = _end(centre, box)
    steps = max(1, int(math.dist(centre, end) / STEP))
    for step in range(steps + 1):
        yield centre[0] + (end[0] - centre[0]) * step / steps, centre[1] + (end[1] - centre[1]) * step / steps


def _write(axes: "Axes", name: str, centre: Place, box: Box, *, with_line: bool) -> None:
    from matplotlib.patheffects import withStroke  # noqa: PLC0415 - heavy, and only maps need it

    if with_line:
        axes.plot(*zip(centre, _end(centre, box), strict=True), color=INK, linewidth=0.7, zorder=5, transform=None)
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
