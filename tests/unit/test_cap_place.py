"""Areas become a point inside them, a radius that holds them, and a shape; CAP has lat,lon and GeoJSON lon,lat."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters.cap.markup import Element
from adapters.cap.place import MAX_SHAPE_CHARS, SHAPE_LEFT_OUT, SHAPE_ROUNDED, distance_km, where

NS = "urn:oasis:names:tc:emergency:cap:1.2"
SQUARE = "10,20 10,21 11,21 11,20 10,20"


def info(*areas: str) -> Element:
    inside = "".join(f"<area><areaDesc>A</areaDesc>{area}</area>" for area in areas)
    return etree.fromstring(f'<info xmlns="{NS}">{inside}</info>')


def found(*areas: str, notes: Counter[str] | None = None) -> dict[str, Any]:
    return where([info(*areas)], Counter() if notes is None else notes)


def geocode(name: str, value: str) -> str:
    return f"<geocode><valueName>{name}</valueName><value>{value}</value></geocode>"


def test_a_circle_is_its_centre_and_radius() -> None:
    assert found("<circle>-35.3888,147.0598 25.0</circle>") == {
        "name": "A",
        "lat": -35.3888,
        "lon": 147.0598,
        "uncertainty_km": 25.0,
    }


@pytest.mark.parametrize(("radius", "km"), [("0", 10.0), ("0.0", 10.0), ("0.2", 1.0), ("1.5", 1.5)])
def test_a_point_circle_gets_ten_kilometres_and_none_is_below_one(radius: str, km: float) -> None:
    assert found(f"<circle>1,2 {radius}</circle>")["uncertainty_km"] == km


def test_a_polygon_is_a_point_inside_and_the_way_to_its_farthest_corner() -> None:
    place = found(f"<polygon>{SQUARE}</polygon>")
    assert (place["lat"], place["lon"]) == (10.5, 20.5)
    assert place["uncertainty_km"] == pytest.approx(78.1, abs=0.5)
    assert json.loads(place["geometry"]) == {
        "type": "Polygon",
        "coordinates": [[[20, 10], [21, 10], [21, 11], [20, 11], [20, 10]]],
    }


def test_the_point_of_a_crescent_lies_in_it() -> None:
    horseshoe = "0,0 0,10 10,10 10,8 2,8 2,2 10,2 10,0 0,0"
    place = found(f"<polygon>{horseshoe}</polygon>")
    assert 0 < place["lat"] < 2 or place["lon"] < 2 or place["lon"] > 8


def test_several_polygons_are_one_shape_about_the_largest() -> None:
    place = found(f"<polygon>{SQUARE}</polygon><polygon>0,0 0,5 5,5 5,0 0,0</polygon>", f"<polygon>{SQUARE}</polygon>")
    shape = json.loads(place["geometry"])
    assert shape["type"] == "MultiPolygon"
    assert len(shape["coordinates"]) == 2
    assert (place["lat"], place["lon"]) == (2.5, 2.5)
    assert place["uncertainty_km"] == pytest.approx(distance_km((2.5, 2.5), (11, 21)), abs=0.01)


def test_circles_beside_others_stand_in_the_radius() -> None:
    notes: Counter[str] = Counter()
    place = found("<circle>0,0 50</circle><circle>0,1 10</circle>", notes=notes)
    assert (place["lat"], place["lon"]) == (0, 0)
    assert place["uncertainty_km"] == pytest.approx(121.19, abs=0.1)
    assert "geometry" not in place
    assert sum(notes.values()) == 1


def test_a_polygon_over_the_antimeridian_is_small() -> None:
    place = found("<polygon>-17,178.5 -17,-178.5 -20,-178.5 -20,178.5 -17,178.5</polygon>")
    assert abs(place["lon"]) == 180
    assert place["uncertainty_km"] < 240


def test_a_line_and_a_point_that_close_are_places_too() -> None:
    assert found("<polygon>1,2 1,2 1,2 1,2</polygon>")["uncertainty_km"] == 1.0
    line = found("<polygon>1,2 1,3 1,2 1,2</polygon>")
    assert (line["lat"], line["lon"]) == (1, 2)
    assert line["uncertainty_km"] == pytest.approx(111.2, abs=0.1)


def test_a_long_shape_is_rounded_and_a_longer_one_left_out() -> None:
    def ring(count: int) -> str:
        corners = [f"{10 + 0.123456789 * (n % 2):.9f},{20 + n / 3 / count:.9f}" for n in range(count)]
        return f"<polygon>{' '.join([*corners, corners[0]])}</polygon>"

    notes: Counter[str] = Counter()
    place = found(ring(2_400), notes=notes)
    assert notes == {SHAPE_ROUNDED: 1}
    assert len(place["geometry"]) <= MAX_SHAPE_CHARS
    notes.clear()
    place = found(ring(20_000), notes=notes)
    assert notes == {SHAPE_LEFT_OUT: 1}
    assert "geometry" not in place
    assert place["uncertainty_km"] > 10


@pytest.mark.parametrize(
    ("scheme", "value", "country", "level"),
    [
        ("SAME", "006109", "USA", 2),
        ("FIPS6", "030049", "USA", 2),
        ("UGC", "MTZ014", "USA", 2),
        ("profile:CAP-CP:Location:0.3", "3537001", "CAN", 3),
        ("profile:CAP-CP:Location:0.3", "35", "CAN", 1),
        ("http://www.iso.org/iso/country_codes.html", "AU-NSW", "AUS", 1),
        ("ISO 3166-2", "SD-GZ", "SDN", 1),
        ("iso3166-1", "XK", "XKX", None),
        ("ISO3166-1", "SOM", "SOM", None),
        ("EMMA_ID", "AT707", "AUT", 2),
        ("NUTS3", "EL301", "GRC", 3),
        ("NUTS3", "UKC11", "GBR", 3),
        ("Taiwan_Geocode_103", "10015", "TWN", 2),
        ("my own", "AU-NSW", None, None),
        ("EMMA_ID", "??707", None, None),
    ],
)
def test_a_geocode_names_its_country_and_district(
    scheme: str, value: str, country: str | None, level: int | None
) -> None:
    place = found(geocode(scheme, value))
    assert place.get("countries") == ([country] if country else None)
    wanted = [{"level": level, "scheme": scheme, "code": value}] if level else None
    assert place.get("admin") == wanted
    assert "lat" not in place


corner = st.tuples(
    st.floats(-89, 89, allow_nan=False).map(lambda lat: round(lat, 4)),
    st.floats(-179, 179, allow_nan=False).map(lambda lon: round(lon, 4)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(corner, min_size=3, max_size=12))
def test_the_radius_holds_every_corner_of_any_ring(corners: list[tuple[float, float]]) -> None:
    ring = [*corners, corners[0]]
    place = found(f"<polygon>{' '.join(f'{lat},{lon}' for lat, lon in ring)}</polygon>")
    centre = place["lat"], place["lon"]
    assert abs(centre[0]) <= 90
    assert abs(centre[1]) <= 180
    assert all(distance_km(centre, point) <= place["uncertainty_km"] + 0.001 for point in ring)
