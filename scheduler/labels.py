"""Names on a map, placed where they cover nothing of what they stand beside."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.text import Text

    Dots = np.ndarray[tuple[int, int], np.dtype[np.float64]]  # x and y a row, in pixels

INK, HALO = "#222222", "#FFFFFF"
FONT_POINTS = 8
CLEARANCE = 3  # pixels
NEAR_POINTS, DISTANCES_POINTS = 9, (9, 16, 26, 38)  # a name farther than near gets a line
FAR_POINTS = (54, 72)  # where there is room and few names
DOT = 5  # pixels: half a store
MAX_CROSSED = 2  # stores of other clusters below a line
CROSSED, CONFUSED, INWARD = 2.0, 8.0, 1.0  # costs: such a store; another cluster nearer to the name; not outwards
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

    def holds(self, dots: "Dots") -> int:
        """Return how many points lie within the rectangle, or too near to it."""
        x, y = dots[:, 0], dots[:, 1]
        across = (x >= self.left - CLEARANCE) & (x <= self.right + CLEARANCE)
        return int((across & (y >= self.bottom - CLEARANCE) & (y <= self.top + CLEARANCE)).sum())

    def gap(self, dots: "Dots") -> float:
        """Return how far the nearest of some points is from the rectangle, in pixels."""
        apart = dots - dots.clip((self.left, self.bottom), (self.right, self.top))
        return math.sqrt((apart**2).sum(axis=1).min())

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
    spared: Sequence[Place] = (),
    taken: Sequence[Box] = (),
    *,
    far: bool = False,
) -> None:
    """Write clusters' names beside their stores, the first ones first; one without free room near by is left out.

    With ``far`` a name may stand farther from its stores. Places are in the units of the axes, those outside them do
    not count. A name covers no store of a cluster, no other name and none of the ``taken`` rectangles, and of the
    ``spared`` places as few as can be; it stands outwards rather than inwards, and its line crosses few other stores.
    """
    import numpy as np  # noqa: PLC0415 - heavy, and only maps need it

    scale = axes.get_figure(root=True).dpi / 72  # type: ignore[union-attr]  # these axes stand in a figure
    frame = frame_of(axes)
    pixels = {name: _pixels(axes, frame, dots) for name, dots in clusters.items()}
    occupied = np.concatenate([np.empty((0, 2)), *pixels.values()])
    owners = np.repeat(np.arange(len(pixels)), [len(dots) for dots in pixels.values()])
    spared_dots = _pixels(axes, frame, spared)
    placed, lines = list(taken), np.empty((0, 2))
    for number, (name, dots) in enumerate(pixels.items()):
        if not len(dots):
            continue
        foreign = occupied[owners != number]
        centre = _mean(dots)
        best: tuple[float, Box, Dots] | None = None
        for distance, box in _rooms(centre, _size(axes, name), scale, DISTANCES_POINTS + FAR_POINTS * far):
            if not box.lies_in(frame) or any(map(box.meets, placed)) or box.holds(occupied) or box.holds(lines):
                continue
            line = _line(centre, box) if distance > NEAR_POINTS else lines[:0]
            if any(each.holds(line) for each in placed) or _touched(line, lines, STEP):
                continue
            if (crossed := _touched(foreign, line, DOT)) > MAX_CROSSED:
                continue
            cost = distance / 4 + 3 * box.holds(spared_dots) + CROSSED * crossed
            cost += INWARD * _inward(_mean(occupied), centre, box)
            if not len(line) and len(foreign) and box.gap(foreign) < box.gap(dots):
                cost += CONFUSED
            if best is None or cost < best[0]:
                best = cost, box, line
        if best is not None:
            placed.append(best[1])
            lines = np.concatenate([lines, best[2]])
            _write(axes, name, centre, best[1], with_line=len(best[2]) > 0)


def frame_of(artist: "Axes | Text") -> Box:
    """Return the rectangle that axes or a text cover."""
    extent = artist.get_window_extent()
    return Box(extent.x0, extent.y0, extent.x1, extent.y1)


def _pixels(axes: "Axes", frame: Box, places: Sequence[Place]) -> "Dots":
    """Return where places are within the frame."""
    import numpy as np  # noqa: PLC0415 - the same

    dots = np.asarray(axes.transData.transform(np.reshape(places, (-1, 2)))) if places else np.empty((0, 2))
    x, y = dots[:, 0], dots[:, 1]
    return dots[(x >= frame.left) & (x <= frame.right) & (y >= frame.bottom) & (y <= frame.top)]


def _size(axes: "Axes", name: str) -> Place:
    text = axes.text(0, 0, name, fontsize=FONT_POINTS)
    extent = text.get_window_extent()
    text.remove()
    return extent.width, extent.height


def _mean(dots: "Dots") -> Place:
    x, y = dots.mean(axis=0)
    return float(x), float(y)


def _inward(middle: Place, cluster: Place, box: Box) -> float:
    """Return 0 for a name that stands farther out than its cluster as seen from the middle, 2 for one within."""
    outward = math.atan2(cluster[1] - middle[1], cluster[0] - middle[0])
    to_name = math.atan2((box.bottom + box.top) / 2 - cluster[1], (box.left + box.right) / 2 - cluster[0])
    return 1 - math.cos(to_name - outward)


def _touched(dots: "Dots", others: "Dots", reach: float) -> int:
    """Return how many dots lie within reach of any of the others."""
    if not len(dots) or not len(others):
        return 0
    near = dots[(abs(dots - others.mean(axis=0)) <= abs(others - others.mean(axis=0)).max(axis=0) + reach).all(axis=1)]
    return int((abs(near[:, None] - others[None]).sum(axis=2) < reach).any(axis=1).sum())


def _rooms(centre: Place, size: Place, scale: float, distances: Sequence[int]) -> Iterator[tuple[int, Box]]:
    (x, y), (width, height) = centre, size
    for distance in distances:
        for direction in DIRECTIONS:
            across, up = math.cos(math.radians(direction)), math.sin(math.radians(direction))
            # The rectangle's side or corner that faces the cluster stands at this distance.
            left = x + across * distance * scale + (across - 1) / 2 * width
            bottom = y + up * distance * scale + (up - 1) / 2 * height
            yield distance, Box(left, bottom, left + width, bottom + height)


def _end(centre: Place, box: Box) -> Place:
    return min(max(centre[0], box.left), box.right), min(max(centre[1], box.bottom), box.top)


def _line(centre: Place, box: Box) -> "Dots":
    """Return points along the line from a cluster to its name."""
    import numpy as np  # noqa: PLC0415 - the same

    end = _end(centre, box)
    return np.linspace(centre, end, max(1, int(math.dist(centre, end) / STEP)) + 1)


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
