"""Circles and polygons of CAP: "lat,lon" in degrees, radii in kilometres."""

import re
from typing import Final, NamedTuple

from adapters.cap.markup import Element, text
from adapters.cap.rules import Broken, Rule, broken

Point = tuple[float, float]
"""Latitude, longitude."""
Ring = tuple[Point, ...]
"""First and last point are one."""

LEAST_POINTS: Final = 4
_NUMBER: Final = r"[+-]?(?:[0-9]{1,9}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})"
_POINT: Final = re.compile(rf"({_NUMBER}),({_NUMBER})")
_CIRCLE: Final = re.compile(rf"({_NUMBER}),({_NUMBER})[\x20\t\r\n]+({_NUMBER})")
_DEGREES: Final = "latitude,longitude in degrees, -90 to 90 and -180 to 180"


class Circle(NamedTuple):
    """A point and what lies within a radius of it."""

    centre: Point
    radius_km: float


def polygon(element: Element) -> Ring | Broken:
    """A ring of at least four points, the first and the last one."""
    points: list[Point] = []
    for word in text(element).split():
        found = _POINT.fullmatch(word)
        if found is None:
            return broken(Rule.POLYGON_FORM, element, "points as latitude,longitude with blanks between them")
        point = float(found[1]), float(found[2])
        if not _is_on_earth(point):
            return broken(Rule.POINT_RANGE, element, _DEGREES)
        points.append(point)
    if len(points) < LEAST_POINTS:
        return broken(Rule.POLYGON_FEW_POINTS, element, f"at least {LEAST_POINTS} points")
    if points[0] != points[-1]:
        return broken(Rule.POLYGON_OPEN, element, "a last point that is the first one again")
    return tuple(points)


def circle(element: Element) -> Circle | Broken:
    """A centre and a radius that is not negative; 0 is a point."""
    found = _CIRCLE.fullmatch(text(element))
    if found is None:
        return broken(Rule.CIRCLE_FORM, element, "latitude,longitude, a blank, and a radius in km")
    centre = float(found[1]), float(found[2])
    if not _is_on_earth(centre):
        return broken(Rule.POINT_RANGE, element, _DEGREES)
    if (radius := float(found[3])) < 0:
        return broken(Rule.CIRCLE_RADIUS, element, "a radius of 0 km or more")
    return Circle(centre, radius)


def height(element: Element) -> float | None:
    """An altitude or ceiling in feet above mean sea level; None where it is no number."""
    found = re.fullmatch(_NUMBER, text(element))
    return None if found is None else float(found[0])


def _is_on_earth(point: Point) -> bool:
    return abs(point[0]) <= 90 and abs(point[1]) <= 180  # noqa: PLR2004 - degrees
