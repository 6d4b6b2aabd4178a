"""The taxonomy of types: a tree of dotted codes, as data.

A code fits a branch where it is the branch or stands below it: `violence.attack.air` fits `violence.attack` and
`violence`.
"""

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, NamedTuple


class TypeEntry(NamedTuple):
    """One code with its English name and meaning; the gravest of several is the type."""

    code: str
    name: str
    definition: str
    gravity: int


_DATA: Final = json.loads(files("schemas").joinpath("taxonomies", "types.v1.json").read_text("utf-8"))
_INDICATOR: Final = re.compile(r"([1-9]|1[0-4])\.([1-9]|[12][0-9])")

VERSION: Final[int] = _DATA["version"]
TYPES: Final = MappingProxyType({entry["code"]: TypeEntry(**entry) for entry in _DATA["types"]})
RELATED: Final[tuple[tuple[str, str], ...]] = tuple((a, b) for a, b in _DATA["related"])
SAME_ACROSS: Final[tuple[tuple[str, str], ...]] = tuple((a, b) for a, b in _DATA["same_across"])


def is_type(code: str) -> bool:
    """Tell whether this is a code of the taxonomy."""
    return code in TYPES


def is_indicator(code: str) -> bool:
    """Tell whether this has the form of an indicator of the UN Framework of Analysis, such as `7.6`."""
    return _INDICATOR.fullmatch(code) is not None


def gravest(codes: Iterable[str]) -> str:
    """Return the gravest of some known codes (at least one)."""
    return max(codes, key=lambda code: TYPES[code].gravity)


@lru_cache(maxsize=8192)
def lineage(code: str) -> tuple[str, ...]:
    """Return the code and all above it, the root last."""
    parts = code.split(".")
    return tuple(".".join(parts[:length]) for length in range(len(parts), 0, -1))


@lru_cache(maxsize=8192)
def related(a: str, b: str) -> bool:
    """Tell whether two codes belong to one course of events: equal roots, or a pair of the table."""
    return lineage(a)[-1] == lineage(b)[-1] or _paired(RELATED, a, b) or _paired(SAME_ACROSS, a, b)


@lru_cache(maxsize=8192)
def same_across(a: str, b: str) -> bool:
    """Tell whether two codes of different branches can be one incident."""
    return _paired(SAME_ACROSS, a, b)


def _paired(table: tuple[tuple[str, str], ...], a: str, b: str) -> bool:
    above_a, above_b = lineage(a), lineage(b)
    return any((x in above_a and y in above_b) or (x in above_b and y in above_a) for x, y in table)
