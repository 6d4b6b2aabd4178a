"""Codes of places: which country and district a geocode names (tables/geocodes.toml)."""

import tomllib
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from adapters.cap.markup import Pair
from schemas.countries import is_country

MAX_CHARS: Final = 256


class Scheme(NamedTuple):
    """One list of codes of places, known by how its name begins."""

    name: str
    country: str | None
    """Alpha-3, where all of the list lies in one country."""
    begins: bool
    """Whether its codes begin with ISO 3166-1 alpha-2, as NUTS codes do."""
    levels: MappingProxyType[int, int]
    """The level of the district by the length of the code, without its separators; 0 stands for any length."""


@cache
def schemes() -> tuple[Scheme, ...]:
    """The lists that are known, longest names first."""
    data = tomllib.loads(_table("geocodes.toml"))["scheme"]
    return tuple(sorted((_scheme(each) for each in data), key=lambda one: -len(one.name)))


@cache
def alpha3() -> MappingProxyType[str, str]:
    """Alpha-3 codes by alpha-2 ones, and the two that the European Union spells in its own way."""
    text = files("adapters").joinpath("tables", "iso3166.txt").read_text("utf-8")
    rows = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return MappingProxyType({**{row[1]: row[0] for row in rows}, "EL": "GRC", "UK": "GBR"})


@lru_cache(maxsize=4096)
def country_of(code: Pair) -> str | None:
    """Alpha-3 of the country that a geocode lies in, where its list says so."""
    scheme = _scheme_of(code.name)
    if scheme is None:
        return None
    if scheme.country is not None:
        return scheme.country
    if not scheme.begins:
        return None
    whole = code.value.strip().upper()
    return whole if is_country(whole) else alpha3().get(whole[:2])


def admin_of(code: Pair) -> dict[str, Any] | None:
    """The district that a geocode names; None where its list is not known or it names a whole country."""
    scheme = _scheme_of(code.name)
    value = code.value.strip()
    if scheme is None or not 0 < len(value) <= MAX_CHARS or len(code.name) > MAX_CHARS:
        return None
    length = sum(char.isalnum() for char in value)
    level = scheme.levels.get(length, scheme.levels.get(0))
    return None if level is None else {"level": level, "scheme": code.name, "code": value}


@lru_cache(maxsize=1024)
def _scheme_of(name: str) -> Scheme | None:
    folded = "".join(char for char in name.casefold() if char.isalnum())
    return next((scheme for scheme in schemes() if folded.startswith(scheme.name)), None)


def _scheme(fields: dict[str, Any]) -> Scheme:
    levels = MappingProxyType({int(length): level for length, level in fields.get("levels", {}).items()})
    return Scheme(fields["name"], fields.get("country"), fields.get("begins", False), levels)


def _table(name: str) -> str:
    return files("adapters.cap").joinpath("tables", name).read_text("utf-8")
