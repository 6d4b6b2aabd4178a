"""Mappings: those that are shipped, by name, and a partner's own, by their text."""

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Final

from pydantic import ValidationError

from adapters.display import shown
from adapters.table.mapping import EXTENDS, Mapping, merged
from bus.errors import Refusal, UsageError
from schemas.models import validate

_NAME: Final = re.compile(r"[a-z0-9_]{1,64}")
_HELP: Final = "adapters/README.md lists what a mapping can say; `tocsin adapters` lists the shipped ones."


class MappingError(UsageError):
    """A mapping file makes no sense: the place in it, and what was expected there."""


@cache
def shipped() -> tuple[str, ...]:
    """Names of the shipped mappings, in order; those that only others extend are left out."""
    found = (path.name for path in files("adapters.table").joinpath("mappings").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml") and name[0] != "_"))


@cache
def shipped_mapping(name: str) -> Mapping:
    """Return a shipped mapping."""
    return parse(_text(name))


def find(mapping: str) -> Mapping:
    """Return a mapping by its shipped name, or from its own text.

    Raises:
        MappingError: no such name, or the text is no mapping.
    """
    if _NAME.fullmatch(mapping):
        if mapping not in shipped():
            raise MappingError(f"no mapping is named {mapping}", f"Shipped are: {', '.join(shipped())}.")
        return shipped_mapping(mapping)
    return parse(mapping)


def parse(text: str) -> Mapping:
    """Read a mapping file (TOML).

    Raises:
        MappingError: with the first place that is wrong.
    """
    fields = _loaded(text)
    found = validate(Mapping, fields)
    if isinstance(found, Refusal):
        raise MappingError(f"mapping: {_place(found, fields)}: expected {found.expected}", _HELP)
    return found


def _place(found: Refusal, fields: dict[str, Any]) -> str:
    """Where it is, with the names of keys that a refusal hides: the mapping is the user's own."""
    if "*" not in found.place:
        return found.place
    try:
        Mapping.model_validate(fields)
    except ValidationError as error:
        steps = (f"[{one}]" if isinstance(one, int) else f".{one}" for one in error.errors()[0]["loc"])
        return shown("".join(steps).removeprefix("."))
    return found.place


def _loaded(text: str) -> dict[str, Any]:
    try:
        own = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # not TOML, a number of thousands of digits, or too deep
        raise MappingError(f"mapping: not TOML: {error}", _HELP) from error
    base = own.pop(EXTENDS, None)
    if base is None:
        return own
    if not isinstance(base, str) or not _NAME.fullmatch(base):
        raise MappingError(f"mapping: {EXTENDS}: expected the name of a shipped mapping", _HELP)
    return merged(_loaded(_text(base)), own)


def _text(name: str) -> str:
    path = files("adapters.table").joinpath("mappings", f"{name}.toml")
    if not path.is_file():
        raise MappingError(f"mapping: {EXTENDS}: no mapping is named {name}", _HELP)
    return path.read_text("utf-8")
