"""Which two events can be one story at all: by nature, time and place.

What any two events must share whatever else speaks for them; whether their types agree is asked with the score.
"""

from math import asin, cos, pi, radians, sin, sqrt
from typing import Final

from bus.fusion.node import Node
from schemas.models import Parameters

EARTH_KM: Final = 6371.0088
"""Mean radius (IUGG R1)."""
KM_PER_DEGREE: Final = EARTH_KM * radians(1.0)
LEAST_KM_PER_DEGREE: Final = KM_PER_DEGREE * 0.999
"""A little less, for the rounding."""
RADIAN: Final = radians(1.0)
HALF_RADIAN: Final = RADIAN / 2


class Gate:
    """The gate under one parameter record."""

    __slots__ = ("coarsest_km", "sigma_0_squared", "sigmas")

    def __init__(self, parameters: Parameters) -> None:
        """Take the gate's numbers."""
        gate = parameters.gate
        self.sigmas = gate.sigmas
        self.sigma_0_squared = gate.gazetteer_sigma_km**2
        self.coarsest_km = max(
            (level.up_to_km * gate.sigma_per_uncertainty for level in parameters.cluster.index), default=0.0
        )
        """Largest standard deviation of a place that cells can find."""

    def distance_km(self, a: Node, b: Node) -> float | None:
        """The distance of two events that can be one story; None where they can't."""
        lat_a, lon_a, lat_b, lon_b = a.lat, a.lon, b.lat, b.lon
        if a.nature != b.nature or lat_a is None or lat_b is None or lon_a is None or lon_b is None:
            return None
        if not within_window(a, b):
            return None
        sigma_a, sigma_b = a.sigma_km, b.sigma_km
        distance = 0.0
        if lat_a != lat_b or lon_a != lon_b:
            reach_km = self.reach_km(sigma_a, sigma_b)
            # No two points are nearer than their parallels, which need no sine.
            if abs(lat_a - lat_b) * LEAST_KM_PER_DEGREE > reach_km:
                return None
            distance = distance_km(lat_a, lon_a, lat_b, lon_b)
            if distance > reach_km:
                return None
        # A place that is known no better than its country can't be found by cells.
        if (sigma_a > self.coarsest_km or sigma_b > self.coarsest_km) and set(a.countries).isdisjoint(b.countries):
            return None
        return distance

    def reach_km(self, sigma_a: float, sigma_b: float) -> float:
        """How far apart two places of these standard deviations can be stated and be the same."""
        return self.sigmas * sqrt(sigma_a * sigma_a + sigma_b * sigma_b + self.sigma_0_squared)


def within_window(a: Node, b: Node) -> bool:
    """Whether the gap between two intervals fits the smaller window; a window of 0 asks that they overlap."""
    start_a, start_b, window_a, window_b = a.start, b.start, a.window_ms, b.window_ms
    if start_a is None or start_b is None or window_a is None or window_b is None:
        return False
    window = min(window_a, window_b)
    if start_a <= start_b:
        return a.end is None or start_b - a.end < window
    return b.end is None or start_a - b.end < window


def distance_km(lat_a: float, lon_a: float, lat_b: float, lon_b: float) -> float:
    """The great-circle distance (haversine), to the bit the same in both directions."""
    north, east = sin((lat_b - lat_a) * HALF_RADIAN), sin((lon_b - lon_a) * HALF_RADIAN)
    chord = north * north + cos(lat_a * RADIAN) * cos(lat_b * RADIAN) * (east * east)
    return 2 * EARTH_KM * asin(sqrt(chord)) if chord < 1.0 else EARTH_KM * pi
