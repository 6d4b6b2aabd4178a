"""Validate untrusted values: a model or a refusal that names the place, and never the content."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from bus.errors import Reason, Refusal, refuse
from schemas.models.base import BROKEN

M = TypeVar("M", bound=BaseModel)

_EXPECTED: Final[Mapping[str, str]] = {
    BROKEN: "{expected}",
    "missing": "this field",
    "extra_forbidden": "no field of this name",
    "string_type": "text",
    "string_unicode": "text in UTF-8",
    "string_pattern_mismatch": "text of the pattern {pattern}",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "bytes_type": "bytes",
    "bytes_too_short": "at least {min_length} bytes",
    "bytes_too_long": "at most {max_length} bytes",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "too_short": "at least {min_length} items",
    "too_long": "at most {max_length} items",
    "enum": "one of {expected}",
    "tuple_type": "a list",
    "dict_type": "a map",
    "model_type": "a record",
}


def validate(cls: type[M], value: object) -> M | Refusal:
    """Return the model, or a BAD_FIELD refusal for the first field that breaks a rule."""
    try:
        return cls.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return refuse(Reason.BAD_FIELD, _place(cls, first["loc"]), in_words(first["type"], first.get("ctx", {})))


def in_words(kind: str, context: Mapping[str, Any]) -> str:
    """What an error of pydantic's expected, without the value."""
    template = _EXPECTED.get(kind)
    # A kind of error that pydantic adds later is named, not quoted: its message could hold the value.
    return template.format_map(context) if template is not None else kind.replace("_", " ")


def _place(cls: type[BaseModel], loc: tuple[int | str, ...]) -> str:
    """Spell the path; a name that stands in the value only (a map's key, an unknown field) is content and left out."""
    known = _names(cls)
    place = ""
    for part in loc:
        if isinstance(part, int):
            place += f"[{part}]"
        elif part in known:
            place += f".{part}"
        else:
            return (place + ".*").lstrip(".")
    return place.lstrip(".") or "record"


@lru_cache(maxsize=64)
def _names(cls: type[BaseModel]) -> frozenset[str]:
    """All field names that the schema of a model speaks of, from its JSON schema."""
    schema = cls.model_json_schema()
    models = [schema, *schema.get("$defs", {}).values()]
    return frozenset(name for model in models for name in model.get("properties", {}))
