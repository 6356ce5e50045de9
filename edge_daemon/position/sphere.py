"""Places on the globe, by vectors, so that neither the poles nor the date line are special.

The earth is a sphere here: a distance is good to 0.6 %, which decides nothing.
"""

from __future__ import annotations

import math

EARTH_M = 6_371_009.0
"""Mean radius, metres."""

Place = tuple[float, float]
"""Degrees north, degrees east."""


def distance_m(one: Place, other: Place) -> float:
    """Along the surface, metres."""
    chord = math.dist(_vector(one), _vector(other))
    return 2 * EARTH_M * math.asin(min(1.0, chord / 2))


def between(one: Place, other: Place, share: float) -> Place:
    """The place on the way from `one` (share 0) to `other` (share 1); for ways that are short beside the globe."""
    x, y, z = (a + (b - a) * share for a, b in zip(_vector(one), _vector(other), strict=True))
    return math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x))


def _vector(place: Place) -> tuple[float, float, float]:
    latitude, longitude = math.radians(place[0]), math.radians(place[1])
    return (
        math.cos(latitude) * math.cos(longitude),
        math.cos(latitude) * math.sin(longitude),
        math.sin(latitude),
    )
