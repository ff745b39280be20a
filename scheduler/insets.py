"""The closer views beside a map: where they look, and what their places are called on the map itself."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from scheduler.clusters import ClusterReport, PlacedStore
from scheduler.geography import StorePoint, city_of
from scheduler.projection import project

INSETS, INSET_STORES = 2, 8  # so many insets at the most, each with so many stores at the least
STEP_KM = 10.0  # between the windows that are tried
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


def points_of(stores: Sequence[PlacedStore]) -> Iterator[Point]:
    """Yield where stores are drawn."""
    for store in stores:
        if store.longitude is not None and store.latitude is not None:
            yield project(store.longitude, store.latitude)


def choose_insets(report: ClusterReport, width_km: float, height_km: float) -> dict[str, Window]:
    """Return by city the windows of this size with the most stores; they do not overlap.

    A city is where most stores of its window are, whatever clusters they belong to: pieces of one stay together.
    """
    everyone = [
        (project(store.longitude, store.latitude), StorePoint(0, store.latitude, store.longitude))
        for inside in report.clusters.values()
        for store in inside
        if store.longitude is not None and store.latitude is not None
    ]

    def window_at(x: float, y: float) -> Window:
        return Window(x - width_km / 2, y - height_km / 2, x + width_km / 2, y + height_km / 2)

    cells = {(x // STEP_KM, y // STEP_KM) for (x, y), _ in everyone}
    windows = [window_at((column + 0.5) * STEP_KM, (row + 0.5) * STEP_KM) for column, row in sorted(cells)]
    counts = {window: sum(window.holds(point) for point, _ in everyone) for window in windows}
    chosen: dict[str, Window] = {}
    for window in sorted(windows, key=lambda window: -counts[window]):
        if counts[window] < INSET_STORES or len(chosen) == INSETS:
            break
        held = [(point, store) for point, store in everyone if window.holds(point)]
        xs, ys = zip(*(point for point, _ in held), strict=True)
        centred = window_at((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2)
        if not any(map(centred.meets, chosen.values())):
            chosen.setdefault(city_of([store for _, store in held]).name, centred)
    return chosen


def names_beside(report: ClusterReport, insets: Mapping[str, Window]) -> dict[str, list[Point]]:
    """Return the names for the map beside insets, and where their stores are.

    All clusters whose middle lies in an inset go by the name of its city, the others by their own.
    """
    names: dict[str, list[Point]] = {city: [] for city in insets}
    for name, inside in report.clusters.items():
        points = list(points_of(inside))
        middle = median(x for x, _ in points), median(y for _, y in points)
        shown = next((city for city, window in insets.items() if window.holds(middle)), name)
        names.setdefault(shown, []).extend(points)
    return {name: points for name, points in names.items() if points}
