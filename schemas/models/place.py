"""When and where."""

from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import from_json

from schemas.countries import is_country
from schemas.models.base import MAX_TEXT_BYTES, Many, Short, TimeMs, Value, break_rule

GEOMETRY_TYPES: Final = frozenset(
    {"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection"}
)


def _country(code: str) -> str:
    if not is_country(code):
        break_rule("an ISO 3166-1 alpha-3 code, or XKX")
    return code


def _geometry(text: str) -> str:
    if len(text.encode()) > MAX_TEXT_BYTES:
        break_rule("a geometry of at most 64 KiB")
    try:
        # pydantic's reader bounds the depth, where the standard library's ends in a RecursionError.
        value = from_json(text, allow_inf_nan=False)
    except ValueError:
        break_rule("a GeoJSON geometry")
    if not isinstance(value, dict) or value.get("type") not in GEOMETRY_TYPES:
        break_rule("a GeoJSON geometry")
    return text


Country = Annotated[str, AfterValidator(_country)]
"""ISO 3166-1 alpha-3, and XKX for Kosovo."""
Geometry = Annotated[str, Field(max_length=MAX_TEXT_BYTES), AfterValidator(_geometry)]


class When(Value):
    """The interval that holds the event; its length is the precision."""

    start: TimeMs = Field(description="UTC ms.")
    end: TimeMs | None = Field(default=None, description="UTC ms, exclusive; null = going on.")

    @model_validator(mode="after")
    def _is_interval(self) -> Self:
        if self.end is not None and self.end <= self.start:
            break_rule("start before end")
        return self


class Admin(Value):
    """An administrative area that holds the place."""

    level: int = Field(ge=0, le=9, description="0 country, 1 province, 2 district, and so on.")
    name: Short | None = None
    scheme: Short | None = Field(default=None, description="The list that the code is of.")
    code: Short | None = None


class Where(Value):
    """A place on WGS-84, as well as it is known."""

    lat: float | None = Field(default=None, ge=-90.0, le=90.0, description="Degrees north; with lon or not at all.")
    lon: float | None = Field(default=None, ge=-180.0, le=180.0, description="Degrees east.")
    uncertainty_km: float | None = Field(
        default=None, ge=0.0, le=20_040.0, description="Radius that holds the place with 95 %; null = unknown."
    )
    countries: Annotated[Many[Country], Field(max_length=250)] = ()
    admin: Annotated[Many[Admin], Field(max_length=32)] = ()
    name: Short | None = None
    geometry: Geometry | None = Field(default=None, description="GeoJSON text, at most 64 KiB; lat/lon lie inside.")

    @model_validator(mode="after")
    def _has_point_or_none(self) -> Self:
        if (self.lat is None) is not (self.lon is None):
            break_rule("lat and lon both or neither")
        return self
