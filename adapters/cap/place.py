"""Where an event is: circles, polygons and geocodes of its areas to a point, a radius, a shape and countries.

A radius is never below 1 km, and that of a point circle (radius 0) is 10 km. CAP has "lat,lon", GeoJSON has [lon, lat].
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Final

from adapters.cap.area import Circle, Point, Ring, circle, polygon
from adapters.cap.geocodes import admin_of, country_of
from adapters.cap.markup import Element, kids, line, pairs, text, texts
from adapters.cap.rules import Broken

POINT_KM: Final = 10.0
LEAST_KM: Final = 1.0
MOST_KM: Final = 20_040.0
EARTH_KM: Final = 6371.0088
MAX_SHAPE_CHARS: Final = 49_152
MAX_NAME_CHARS: Final = 256
MAX_ADMIN: Final = 32
_COARSER: Final = (None, 4, 3)
"""Decimals: as given, 11 m, 110 m."""

SHAPE_LEFT_OUT: Final = "a shape too long to travel is left out: point and radius stay"
SHAPE_ROUNDED: Final = "a long shape is rounded to fewer decimals"
CIRCLE_IN_RADIUS: Final = "several circles, or circles beside polygons, stand in the radius only"
NAME_CUT: Final = "a name of an area is cut to 256 characters; the whole stands in cap.areaDesc"
ADMIN_CUT: Final = "more than 32 codes of districts: the rest stand in the attributes only"


def where(infos: Sequence[Element], notes: Counter[str]) -> dict[str, Any]:
    """The event's place; what does not fit is counted in `notes`."""
    areas = [each for info in infos for each in kids(info, "area")]
    found: dict[str, Any] = {}
    codes = list(dict.fromkeys(pair for each in areas for pair in pairs(each, "geocode")))
    if nations := sorted({country for code in codes if (country := country_of(code)) is not None}):
        found["countries"] = nations
    if admin := [district for code in codes if (district := admin_of(code)) is not None]:
        found["admin"] = admin[:MAX_ADMIN]
        notes.update([ADMIN_CUT] * (len(admin) > MAX_ADMIN))
    if names := list(dict.fromkeys(line(named) for each in areas for named in texts(each, "areaDesc"))):
        whole = "; ".join(names)
        found["name"] = whole[:MAX_NAME_CHARS]
        notes.update([NAME_CUT] * (len(whole) > MAX_NAME_CHARS))
    rings = list(dict.fromkeys(ring for each in areas for ring in _rings(each)))
    circles = list(dict.fromkeys(round_ for each in areas for round_ in _circles(each)))
    found.update(_extent(rings, circles))
    if rings:
        _shape(found, rings, notes)
    notes.update([CIRCLE_IN_RADIUS] * (bool(circles) and len(rings) + len(circles) > 1))
    return found


def _rings(place: Element) -> Iterable[Ring]:
    for element in kids(place, "polygon"):
        if text(element) and not isinstance(ring := polygon(element), Broken):
            yield ring


def _circles(place: Element) -> Iterable[Circle]:
    for element in kids(place, "circle"):
        if text(element) and not isinstance(round_ := circle(element), Broken):
            yield round_ if round_.radius_km > 0 else Circle(round_.centre, POINT_KM)


def _extent(rings: Sequence[Ring], circles: Sequence[Circle]) -> dict[str, float]:
    """A point inside the largest part, and the radius about it that holds all parts."""
    if not rings and not circles:
        return {}
    sizes = [(abs(_surface(_unwrapped(ring))) * EARTH_KM**2, _inside(ring)) for ring in rings]
    sizes += [(math.pi * each.radius_km**2, each.centre) for each in circles]
    lat, lon = max(sizes, key=lambda size: size[0])[1]
    reach = [distance_km((lat, lon), corner) for ring in rings for corner in ring]
    reach += [distance_km((lat, lon), each.centre) + each.radius_km for each in circles]
    return {"lat": lat, "lon": lon, "uncertainty_km": round(min(MOST_KM, max(LEAST_KM, *reach)), 3)}


def _shape(found: dict[str, Any], rings: Sequence[Ring], notes: Counter[str]) -> None:
    for decimals in _COARSER:
        parts = [[[_rounded(lon, decimals), _rounded(lat, decimals)] for lat, lon in ring] for ring in rings]
        shape = (
            {"type": "Polygon", "coordinates": parts}
            if len(parts) == 1
            else {"type": "MultiPolygon", "coordinates": [[part] for part in parts]}
        )
        written = json.dumps(shape, separators=(",", ":"))
        if len(written) <= MAX_SHAPE_CHARS:
            found["geometry"] = written
            notes.update([SHAPE_ROUNDED] * (decimals is not None))
            return
    notes[SHAPE_LEFT_OUT] += 1


def _rounded(degrees: float, decimals: int | None) -> float:
    return degrees if decimals is None else round(degrees, decimals)


def _inside(ring: Ring) -> Point:
    """A point within: the centroid where it is within, else the middle of the widest stretch on some parallel."""
    flat = _unwrapped(ring)
    surface = _surface(flat)
    if abs(surface) < 1e-12:  # a line, or one point many times  # noqa: PLR2004
        return ring[0]
    lat, lon = _centroid(flat)
    if not _holds(flat, lat, lon):
        lat, lon = _widest(flat)
    return round(lat, 6), round((lon + 180) % 360 - 180, 6)


def _unwrapped(ring: Ring) -> list[Point]:
    """The same ring without a jump at the antimeridian: longitudes may pass 180."""
    flat = [ring[0]]
    for lat, lon in ring[1:]:
        before = flat[-1][1]
        flat.append((lat, lon + 360 * round((before - lon) / 360)))
    return flat


def _surface(flat: Sequence[Point]) -> float:
    """Twice signed, in steradians, on the plane of longitude and the sine of latitude (which keeps areas)."""
    sines = [(math.sin(math.radians(lat)), math.radians(lon)) for lat, lon in flat]
    return sum(x1 * y0 - x0 * y1 for (y0, x0), (y1, x1) in pairwise(sines)) / 2


def _centroid(flat: Sequence[Point]) -> Point:
    lat0, lon0 = flat[0]
    twice = lat_sum = lon_sum = 0.0
    for (lat1, lon1), (lat2, lon2) in pairwise(flat):
        cross = (lon1 - lon0) * (lat2 - lat0) - (lon2 - lon0) * (lat1 - lat0)
        twice += cross
        lat_sum += cross * (lat1 + lat2 - 2 * lat0)
        lon_sum += cross * (lon1 + lon2 - 2 * lon0)
    return (lat0, lon0) if not twice else (lat0 + lat_sum / (3 * twice), lon0 + lon_sum / (3 * twice))


def _crossings(flat: Sequence[Point], lat: float) -> list[float]:
    """The longitudes at which a ring crosses a parallel, in order."""
    return sorted(
        lon1 + (lat - lat1) / (lat2 - lat1) * (lon2 - lon1)
        for (lat1, lon1), (lat2, lon2) in pairwise(flat)
        if (lat1 > lat) is not (lat2 > lat)
    )


def _holds(flat: Sequence[Point], lat: float, lon: float) -> bool:
    return sum(crossing > lon for crossing in _crossings(flat, lat)) % 2 == 1


def _widest(flat: Sequence[Point]) -> Point:
    """The middle of the widest stretch inside, on some parallels between the ring's corners."""
    lats = sorted({lat for lat, _ in flat})
    middles = [(low + high) / 2 for low, high in pairwise(lats)]
    best = (0.0, flat[0])
    for lat in middles[:: len(middles) // 32 + 1]:
        found = _crossings(flat, lat)
        for west, east in zip(found[::2], found[1::2], strict=False):
            best = max(best, (east - west, (lat, (west + east) / 2)))
    return best[1]


def distance_km(one: Point, other: Point) -> float:
    """The great circle between two points, on a sphere."""
    lat1, lat2 = math.radians(one[0]), math.radians(other[0])
    half = math.sin((lat2 - lat1) / 2) ** 2
    half += math.cos(lat1) * math.cos(lat2) * math.sin(math.radians(other[1] - one[1]) / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, half)))
