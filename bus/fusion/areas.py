"""Where to look: H3 cells within reach of a place, and a box around it."""

from array import array
from functools import lru_cache
from math import ceil, cos, radians
from typing import Final, NamedTuple

import h3.api.basic_int as h3

from bus.fusion.gate import KM_PER_DEGREE

SMALLEST_EDGE: Final = 0.7
"""Least edge of an H3 cell against the mean of its resolution."""
SLACK: Final = 1.001
"""Boxes are a little wider than the reach, so that no rounding leaves a pair out."""
HALF_TURN: Final = 180.0
"""Degrees."""
MOST_NORTH: Final = 85.0
"""Degrees; nearer to a pole a box goes all around."""

Area = int | str
"""A cell, or beyond the last level a country."""
Spot = tuple[int, Area]
"""A table of the index, and an area in it."""


class Box(NamedTuple):
    """What lies outside is too far away; the borders are outside."""

    south: float
    north: float
    west: float
    east: float

    @classmethod
    def around(cls, lat: float, lon: float, reach_km: float) -> "Box":
        """The box that holds all within reach; near a pole and the 180th meridian it goes all around."""
        degrees = reach_km / KM_PER_DEGREE * SLACK
        south, north = lat - degrees, lat + degrees
        widest = max(-south, north)
        if widest < MOST_NORTH:
            wide = degrees / cos(radians(widest))
            if abs(lon) + wide < HALF_TURN:
                return cls(south, north, lon - wide, lon + wide)
        return cls(south, north, -181.0, 181.0)


@lru_cache(maxsize=2048)
def cell_of(lat: float, lon: float, resolution: int) -> int:
    """The cell that holds a point."""
    return int(h3.latlng_to_cell(lat, lon, resolution))


@lru_cache(maxsize=4096)
def disk(cell: int, rings: int) -> "array[int]":
    """The cells around one, itself included; eight bytes each, since many are kept."""
    return array("Q", h3.grid_disk(cell, rings))


def rings_within(resolution: int, reach_km: float) -> int:
    """Rings of cells that hold every point within reach of any point of the middle one.

    In a grid of hexagons k rings hold what is within (1.5 k - 0.5) edges.
    """
    return ceil((reach_km / _edge_km(resolution) + 0.5) / 1.5)


@lru_cache(maxsize=16)
def _edge_km(resolution: int) -> float:
    return float(h3.average_hexagon_edge_length(resolution, unit="km")) * SMALLEST_EDGE
