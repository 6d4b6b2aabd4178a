"""ISO 3166-1 alpha-3 country codes, and XKX for Kosovo."""

from functools import cache
from importlib.resources import files


@cache
def countries() -> frozenset[str]:
    """Return all codes."""
    return frozenset(files("schemas").joinpath("taxonomies", "countries.txt").read_text("ascii").split())


def is_country(code: str) -> bool:
    """Tell whether this is such a code."""
    return code in countries()
