"""What a schema of ours must never hold, because a decoder or a later version would pay for it (architecture.md, 5)."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from schemas.untyped import AvroSchema

ALLOWED: Final = frozenset({"null", "boolean", "long", "double", "string", "bytes"})


def lint(schema: AvroSchema) -> list[str]:
    """Return what is wrong with a schema; an empty list is good."""
    return list(_findings(schema, {}, ()))


def lint_history(versions: Sequence[dict[str, Any]]) -> list[str]:
    """Return the fields that were removed in one version and came back in a later one: old bytes would be misread."""
    removed: set[tuple[str, str]] = set()
    before: set[tuple[str, str]] = set()
    findings = []
    for number, schema in enumerate(versions, 1):
        now = set(_field_names(schema))
        findings += [f"version {number}: {record}.{name} was removed before" for record, name in sorted(now & removed)]
        removed |= before - now
        before = now
    return findings


def _findings(schema: AvroSchema, known: dict[str, Any], inside: tuple[str, ...]) -> Iterator[str]:
    if isinstance(schema, str):
        if schema in inside:
            yield f"{schema}: recursive; a small payload could end the process"
        elif schema not in known and schema not in ALLOWED:
            yield f"{schema}: not allowed; use long, double, or a type defined before"
    elif isinstance(schema, list):
        if schema[:1] != ["null"] or len(schema[1:]) != 1:
            yield "a union other than null and one type; the codec reads none"
        for branch in schema:
            yield from _findings(branch, known, inside)
    else:
        yield from _complex_findings(schema, known, inside)


def _complex_findings(schema: dict[str, Any], known: dict[str, Any], inside: tuple[str, ...]) -> Iterator[str]:
    kind = schema["type"]
    name = schema.get("name", kind)
    if "logicalType" in schema:
        yield f"{name}: logical types are not allowed; times are plain longs, checked in the model"
    if "name" in schema:
        known[name] = schema
    if kind == "record":
        for field in schema["fields"]:
            yield from _findings(field["type"], known, (*inside, name))
    elif kind == "enum":
        if schema.get("default") not in schema["symbols"]:
            yield f"{name}: an enum needs a default among its symbols"
    elif kind in ("array", "map"):
        item = schema["items" if kind == "array" else "values"]
        yield from _findings(item, known, inside)
        if kind == "array" and _is_empty(item, known):
            yield f"{name}: items of no bytes; five bytes of payload could ask for any memory"
    else:
        yield from _findings(kind, {}, inside)


def _is_empty(schema: AvroSchema, known: dict[str, Any]) -> bool:
    if isinstance(schema, str):
        return schema == "null" or (schema in known and _is_empty(known[schema], known))
    if isinstance(schema, list):
        return False
    if schema["type"] == "record":
        return all(_is_empty(field["type"], known) for field in schema["fields"])
    return bool(schema["type"] == "null" or schema.get("size") == 0)


def _field_names(schema: AvroSchema) -> Iterator[tuple[str, str]]:
    if isinstance(schema, list):
        for branch in schema:
            yield from _field_names(branch)
    elif isinstance(schema, dict):
        for field in schema.get("fields", ()):
            yield schema["name"], field["name"]
            yield from _field_names(field["type"])
        yield from _field_names(schema.get("items", schema.get("values")))
