"""Write the Avro schema of a model: the models are the source, the schemas follow.

int → long, float → double, StrEnum → enum (default: its first symbol), Optional → ["null", T] with default null,
tuple → array, dict → map, a nested model → a named record. Descriptions and docstrings become `doc`.
"""

from enum import StrEnum
from inspect import cleandoc
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from schemas.untyped import AvroSchema

Annotation = Any
"""A type as Python writes it: a class, or what `typing` makes."""

NAMESPACE: Final = "org.tocsin"
PRIMITIVES: Final[dict[type, str]] = {str: "string", bytes: "bytes", bool: "boolean", int: "long", float: "double"}


def export(model: type[BaseModel]) -> dict[str, Any]:
    """Return the Avro schema of a model as JSON values."""
    return {"namespace": NAMESPACE, **_record(model, set())}


def _record(model: type[BaseModel], seen: set[str]) -> dict[str, Any]:
    seen.add(model.__name__)
    fields = [_field(info.alias or name, info, seen) for name, info in model.model_fields.items()]
    return {"type": "record", "name": model.__name__, "doc": cleandoc(model.__doc__ or ""), "fields": fields}


def _field(name: str, info: FieldInfo, seen: set[str]) -> dict[str, Any]:
    field: dict[str, Any] = {"name": name, "type": _type(info.annotation, seen)}
    if info.description:
        field["doc"] = info.description
    if not info.is_required():
        field["default"] = _default(info.default)
    return field


def _default(value: object) -> AvroSchema:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, tuple):
        return [_default(item) for item in value]
    return value.value if isinstance(value, StrEnum) else value


def _type(annotation: Annotation, seen: set[str]) -> AvroSchema:
    origin: Any = get_origin(annotation)
    arguments = get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0], seen)
    if origin in (Union, UnionType):
        inner = [argument for argument in arguments if argument is not NoneType]
        if len(inner) != 1 or len(arguments) != len(inner) + 1:
            message = f"only Optional is allowed, not {annotation}"
            raise TypeError(message)
        return ["null", _type(inner[0], seen)]
    if origin is tuple:
        return {"type": "array", "items": _type(arguments[0], seen)}
    if origin is dict:
        return {"type": "map", "values": _type(arguments[1], seen)}
    return _named_or_primitive(annotation, seen)


def _named_or_primitive(annotation: type, seen: set[str]) -> AvroSchema:
    if annotation in PRIMITIVES:
        return PRIMITIVES[annotation]
    if annotation.__name__ in seen:
        return annotation.__name__
    if issubclass(annotation, StrEnum):
        seen.add(annotation.__name__)
        symbols = [member.value for member in annotation]
        doc = cleandoc(annotation.__doc__ or "")
        return {"type": "enum", "name": annotation.__name__, "doc": doc, "symbols": symbols, "default": symbols[0]}
    if issubclass(annotation, BaseModel):
        return _record(annotation, seen)
    message = f"no Avro type for {annotation}"
    raise TypeError(message)
