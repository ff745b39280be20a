"""Which points to ask a store finder for, when it answers with the stores nearest to a point and tells no limit."""

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt

EARTH_RADIUS_KM = 6371.0
DENSE_STORES = 20
# Around a city the cells go down to where no finder answers with too few; where hardly anyone lives they stay large.
MIN_DEGREES_DENSE = 0.02
MIN_DEGREES_SPARSE = 2.0


@dataclass(frozen=True, slots=True)
class Cell:
    """A rectangle of latitudes and longitudes, in degrees."""

    south: float
    north: float
    west: float
    east: float

    @property
    def centre(self) -> tuple[float, float]:
        return (self.south + self.north) / 2, (self.west + self.east) / 2

    @property
    def reach_km(self) -> float:
        """Distance from the centre to the farthest corner."""
        widest = min((self.south, self.north), key=abs)
        return (
            distance_km(self.centre, (widest, self.east))
            if widest
            else distance_km(self.centre, (self.north, self.east))
        )

    def quarters(self) -> Iterator["Cell"]:
        latitude, longitude = self.centre
        for south, north in ((self.south, latitude), (latitude, self.north)):
            for west, east in ((self.west, longitude), (longitude, self.east)):
                yield Cell(south, north, west, east)


AUSTRALIA = Cell(south=-44.0, north=-10.0, west=112.0, east=154.0)


def distance_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the great-circle distance between two (latitude, longitude) in degrees."""
    (lat1, lon1), (lat2, lon2) = one, other
    across = sin(radians(lat2 - lat1) / 2) ** 2
    along = cos(radians(lat1)) * cos(radians(lat2)) * sin(radians(lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(across + along))


def is_covered(cell: Cell, distances: Collection[float]) -> bool:
    """Tell whether the stores nearest to the centre of ``cell`` include all stores in it, as far as can be told.

    ``distances``: how many km they are from it, as the finder says; the coordinates of stores are not to be trusted.
    They do when one of them lies farther away than the cell's corners. If not, the finder may have an upper number of
    stores or a radius: then the cell is to be split, down to a size that depends on how many stores there are.
    """
    if max(distances, default=0.0) >= cell.reach_km:
        return True
    smallest = MIN_DEGREES_DENSE if len(distances) >= DENSE_STORES else MIN_DEGREES_SPARSE
    return max(cell.north - cell.south, cell.east - cell.west) <= smallest


class Sweep:
    """The cells of an area that a finder is still to be asked about, from the largest down to the smallest needed.

    ``most``: how many stores an answer holds at most, where that is known; an answer with fewer names all there are.
    A cell that an earlier answer reaches beyond, be it to the point of another cell, is not asked about again.
    """

    def __init__(self, area: Cell, most: int | None = None) -> None:
        self._waiting = deque([area])
        self._most = most
        self._seen: list[tuple[tuple[float, float], float]] = []  # points, and how far their answers reached

    def __iter__(self) -> Iterator[Cell]:
        while self._waiting:
            cell = self._waiting.popleft()
            if not self._is_seen(cell):
                yield cell

    def answered(self, cell: Cell, distances: Collection[float]) -> None:
        """Take note of the answer to the centre of ``cell``: how many km the stores are from it."""
        if self._most is not None and len(distances) < self._most:
            self._waiting.clear()
            return
        self._seen.append((cell.centre, max(distances, default=0.0)))
        if not is_covered(cell, distances):
            self._waiting += cell.quarters()

    def _is_seen(self, cell: Cell) -> bool:
        return any(distance_km(point, cell.centre) + cell.reach_km <= reach for point, reach in self._seen)
