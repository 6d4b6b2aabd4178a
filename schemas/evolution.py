"""An older version read as the newest one: what is missing has its default, what was dropped is left out.

So everything behind the codec knows one version of each kind. The gate (schemas/compatibility.py) sees to it that a
default exists wherever it is needed; which bytes are accepted is the older version's own matter.
"""

from typing import Any, Final

from schemas.compatibility import expand
from schemas.untyped import AvroSchema, AvroValue

READ_AS: Final = "read as"
"""In a record: the newest version's fields in their order, each with its default (None where the bytes hold it).
In an enum: what each symbol is read as."""


def read_as(written: AvroSchema, newest: AvroSchema) -> AvroSchema:
    """Return an older schema with a note, in each record and enum, of what the newest version reads."""
    return _noted(expand(written, {}), expand(newest, {}))


def _noted(written: AvroSchema, newest: AvroSchema) -> AvroSchema:
    if isinstance(written, str):
        return written
    if isinstance(written, list):
        return [_noted(one, other) for one, other in zip(written, newest, strict=True)]
    kind = written["type"]
    if kind == "record":
        return _noted_record(written, newest)
    if kind == "enum":
        known = newest["symbols"]
        return {**written, READ_AS: [one if one in known else newest["default"] for one in written["symbols"]]}
    part = "items" if kind == "array" else "values"
    return {**written, part: _noted(written[part], newest[part])}


def _noted_record(written: dict[str, Any], newest: dict[str, Any]) -> dict[str, Any]:
    there = {field["name"] for field in written["fields"]}
    known = {field["name"]: field["type"] for field in newest["fields"]}
    fields = [
        {**field, "type": _noted(field["type"], known[field["name"]])} if field["name"] in known else field
        for field in written["fields"]
    ]
    given = {
        field["name"]: None if field["name"] in there else _value(field["type"], field["default"])
        for field in newest["fields"]
    }
    return {**written, "fields": fields, READ_AS: given}


def _value(schema: AvroSchema, default: AvroSchema) -> AvroValue:
    """A default as the codec decodes it, from the JSON value that stands in a schema."""
    if isinstance(schema, list):
        return None if default is None else _value(schema[1], default)
    kind = schema if isinstance(schema, str) else schema["type"]
    if kind == "array":
        return [_value(schema["items"], one) for one in default]
    if kind == "map":
        return {key: _value(schema["values"], one) for key, one in default.items()}
    if kind == "record":
        fields = ((one["name"], one["type"], one.get("default")) for one in schema["fields"])
        return {name: _value(of, default.get(name, otherwise)) for name, of, otherwise in fields}
    return float(default) if kind == "double" else default.encode("latin-1") if kind == "bytes" else default
