"""Clusters that are too large for one comparison window, cut into pieces that are not. Pure."""

import math
import re
from collections import defaultdict
from collections.abc import Sequence

from scheduler.geography import StorePoint, centre, city_of

WINDS = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")
MIDDLE = "centre"
AMONG_THREE = 1 / 3  # of the way to the farthest piece: nearer than that is the centre
DIRECTION = re.compile(rf" ({'|'.join(sorted((*WINDS, MIDDLE), key=len, reverse=True))})\b")


def window_capacity(crawls_a_day: int, window_hours: float, share: float) -> int:
    """Return how many stores of one cluster a window can hold when ``share`` of the crawls go to it."""
    return math.floor(crawls_a_day * window_hours / 24 * share + 1e-9)


def cut_cluster(points: Sequence[StorePoint], at_most: int) -> list[list[StorePoint]]:
    """Cut a cluster into as few pieces as have ``at_most`` stores each; their sizes differ by one store at the most.

    Each cut goes straight across the direction in which the stores are spread wider. The same stores give the same
    pieces, whatever their order.
    """
    count = -(-len(points) // at_most)
    sizes = [len(points) // count + (number < len(points) % count) for number in range(count)]
    return _cut(list(points), sizes)


def _cut(points: list[StorePoint], sizes: list[int]) -> list[list[StorePoint]]:
    if len(sizes) == 1:
        return [sorted(points, key=lambda point: point.store)]
    middle = centre(points)
    offsets = {point.store: _offset_km(centre([point]), middle) for point in points}
    spreads = [sum(offset[axis] ** 2 for offset in offsets.values()) for axis in (0, 1)]
    axis = 0 if spreads[0] > spreads[1] else 1
    points = sorted(points, key=lambda point: (offsets[point.store][axis], point.store))
    half = len(sizes) // 2
    first = sum(sizes[:half])
    return _cut(points[:first], sizes[:half]) + _cut(points[first:], sizes[half:])


def name_pieces(pieces: Sequence[Sequence[StorePoint]]) -> list[str]:
    """Name the pieces of one cluster after their cities; pieces of one city by where in it they lie: ``Sydney north``.

    A cluster in one piece has the city's name alone. Names may come twice only from ten pieces of one city on.
    """
    of_city: defaultdict[str, list[int]] = defaultdict(list)
    for number, piece in enumerate(pieces):
        of_city[city_of(piece).name].append(number)
    names = dict.fromkeys(range(len(pieces)), "")
    for city, numbers in of_city.items():
        centres = [centre(pieces[number]) for number in numbers]
        words = _directions(centres) if len(numbers) > 1 else [""]
        names |= {number: f"{city} {word}".strip() for number, word in zip(numbers, words, strict=True)}
    return list(names.values())


def is_piece_name(name: str) -> bool:
    """Tell whether a name says where in a city its stores lie."""
    return DIRECTION.search(name) is not None


def _directions(centres: Sequence[tuple[float, float]]) -> list[str]:
    """Give each centre its direction from all of them: none twice while one is free, the farthest choose first."""
    middle = sum(x for x, _ in centres) / len(centres), sum(y for _, y in centres) / len(centres)
    offsets = [_offset_km(each, middle) for each in centres]
    if len(centres) == 2:
        up, across = offsets[0]
        low, high = ("south", "north") if abs(up) >= abs(across) else ("west", "east")
        first_is_high = (up if abs(up) >= abs(across) else across) > 0
        return [high, low] if first_is_high else [low, high]
    far = max(map(_length, offsets))
    words: dict[int, str] = {}
    nearest = min(range(len(offsets)), key=lambda number: _length(offsets[number]))
    if _length(offsets[nearest]) < far * AMONG_THREE:
        words[nearest] = MIDDLE
    free: list[str] = []
    for number in sorted(range(len(offsets)), key=lambda number: -_length(offsets[number])):
        if number not in words:
            free = free or list(WINDS)
            words[number] = min(free, key=lambda wind: _turn(offsets[number], wind))
            free.remove(words[number])
    return [words[number] for number in range(len(offsets))]


def _offset_km(place: tuple[float, float], middle: tuple[float, float]) -> tuple[float, float]:
    """Return how far north and how far east of ``middle`` a place in degrees is."""
    scale = 111.195
    return (place[0] - middle[0]) * scale, (place[1] - middle[1]) * scale * math.cos(math.radians(middle[0]))


def _length(offset: tuple[float, float]) -> float:
    return math.hypot(*offset)


def _turn(offset: tuple[float, float], wind: str) -> float:
    """Return the angle between an offset and a direction of the wind rose, 0 to 180 degrees."""
    heading = math.degrees(math.atan2(offset[1], offset[0]))
    apart = abs(heading - 45 * WINDS.index(wind)) % 360
    return min(apart, 360 - apart)
