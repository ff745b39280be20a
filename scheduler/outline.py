"""The coast and the states of Australia: to draw, and to tell which state a position is in. Pure."""

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

KM_PER_DEGREE = 111.195
LineOfPlaces = list[tuple[float, float]]  # longitude, latitude


@dataclass(frozen=True, slots=True)
class Outline:
    """Australia for a map: rings to fill by state, the coast and the borders to draw as lines."""

    states: dict[str, list[LineOfPlaces]]
    coast: list[LineOfPlaces]
    borders: list[LineOfPlaces]


@dataclass(frozen=True, slots=True)
class Area:
    """One ring of a state, to six kilometres, with the box around it: west, south, east, north."""

    ring: LineOfPlaces
    box: tuple[float, float, float, float]


@cache
def read_outline() -> Outline:
    """Return the outline that ships with this room (Natural Earth, public domain)."""
    stored = _stored()
    lines: list[LineOfPlaces] = [[(x, y) for x, y in line] for line in stored["lines"]]
    return Outline(
        states={state: [_ring(lines, numbers) for numbers in rings] for state, rings in stored["states"].items()},
        coast=[lines[number] for number in stored["coast"]],
        borders=[lines[number] for number in stored["borders"]],
    )


def state_at(latitude: float, longitude: float) -> str:
    """Return the state that a position in degrees is in, or the nearest one."""
    return min(_areas(), key=lambda state: (km_outside(state, latitude, longitude), state != "ACT"))


def km_outside(state: str, latitude: float, longitude: float) -> float:
    """Return how far outside a state a position is, to six kilometres; 0 inside, infinite for an unknown state."""
    areas = _areas().get(state, ())
    if any(_holds(area, latitude, longitude) for area in areas):
        return 0.0
    return min((_km_to(area.ring, latitude, longitude) for area in areas), default=math.inf)


@cache
def _areas() -> dict[str, list[Area]]:
    found: dict[str, list[Area]] = {}
    for state, rings in _stored()["areas"].items():
        for places in rings:
            xs, ys = zip(*places, strict=True)
            ring = [(x, y) for x, y in places]
            found.setdefault(state, []).append(Area(ring, (min(xs), min(ys), max(xs), max(ys))))
    return found


def _stored() -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(files("scheduler").joinpath("outline.json").read_text(encoding="utf-8"))
    return stored


def _ring(lines: list[LineOfPlaces], numbers: list[int]) -> LineOfPlaces:
    """Join lines end to end; ~n stands for line n backwards."""
    ring: LineOfPlaces = []
    for number in numbers:
        line = lines[number] if number >= 0 else lines[~number][::-1]
        ring += line[1:] if ring else line
    return ring


def _holds(area: Area, latitude: float, longitude: float) -> bool:
    """Count the sides that a line to the east crosses."""
    west, south, east, north = area.box
    if not (west <= longitude <= east and south <= latitude <= north):
        return False
    inside = False
    for (x, y), (to_x, to_y) in zip(area.ring, area.ring[1:] + area.ring[:1], strict=True):
        if (y > latitude) != (to_y > latitude) and longitude < x + (latitude - y) / (to_y - y) * (to_x - x):
            inside = not inside
    return inside


def _km_to(ring: LineOfPlaces, latitude: float, longitude: float) -> float:
    """Measure to the nearest side of a ring, on a plane through the position: good for a few hundred kilometres."""
    across = KM_PER_DEGREE * math.cos(math.radians(latitude))
    flat = [((x - longitude) * across, (y - latitude) * KM_PER_DEGREE) for x, y in ring]
    return min(_to_side(start, end) for start, end in zip(flat, flat[1:] + flat[:1], strict=True))


def _to_side(start: tuple[float, float], end: tuple[float, float]) -> float:
    along = end[0] - start[0], end[1] - start[1]
    length = along[0] ** 2 + along[1] ** 2
    share = -(start[0] * along[0] + start[1] * along[1]) / length if length else 0.0
    share = min(max(share, 0.0), 1.0)
    return math.hypot(start[0] + share * along[0], start[1] + share * along[1])
