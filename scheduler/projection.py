"""Degrees to kilometres on a sheet: the conic projection that maps of Australia are drawn in."""

import math

from scheduler.geography import EARTH_RADIUS_KM

# Geoscience Australia's Lambert: two parallels are true to scale, others to two per cent.
PARALLELS, MERIDIAN, LATITUDE = (-18.0, -36.0), 134.0, -27.0


def _tangent(latitude: float) -> float:
    return math.tan(math.pi / 4 + math.radians(latitude) / 2)


_SOUTH, _NORTH = PARALLELS[1], PARALLELS[0]
_CONE = math.log(math.cos(math.radians(_NORTH)) / math.cos(math.radians(_SOUTH))) / math.log(
    _tangent(_SOUTH) / _tangent(_NORTH)
)
_SCALE = EARTH_RADIUS_KM * math.cos(math.radians(_NORTH)) * _tangent(_NORTH) ** _CONE / _CONE


def project(longitude: float, latitude: float) -> tuple[float, float]:
    """Return how far east and north of the middle of Australia a position in degrees is drawn, in kilometres.

    Lambert's conformal conic projection of a sphere (Snyder, Map Projections, 1987, page 106).
    """
    radius, turn = _SCALE / _tangent(latitude) ** _CONE, math.radians(longitude - MERIDIAN) * _CONE
    return radius * math.sin(turn), _SCALE / _tangent(LATITUDE) ** _CONE - radius * math.cos(turn)
