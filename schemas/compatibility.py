"""The compatibility gate: whether readers of one version understand writers of another.

Stricter than Avro's own rules: primitives never change, not even by promotion, and enums need a default. Between all
released versions of a kind it must hold in both directions (FULL_TRANSITIVE).
"""

from collections.abc import Iterator, Sequence
from itertools import permutations

from schemas.untyped import AvroSchema


def incompatibilities(versions: Sequence[AvroSchema]) -> list[str]:
    """Return what keeps the versions of one kind, oldest first, from reading each other."""
    return [
        f"version {reader} can't read version {writer}: {finding}"
        for reader, writer in permutations(range(1, len(versions) + 1), 2)
        for finding in _compare(expand(versions[reader - 1], {}), expand(versions[writer - 1], {}), "")
    ]


def _compare(reader: AvroSchema, writer: AvroSchema, place: str) -> Iterator[str]:
    if isinstance(reader, list) or isinstance(writer, list):
        yield from _compare_unions(reader, writer, place)
    elif isinstance(reader, str) or isinstance(writer, str) or reader["type"] != writer["type"]:
        if reader != writer:
            yield f"{place}: the type changed"
    elif reader["type"] == "record":
        yield from _compare_records(reader, writer, place)
    elif reader["type"] == "enum":
        if reader["name"] != writer["name"]:
            yield f"{place}: the enum's name changed"
        elif reader.get("default") not in writer["symbols"] or reader.get("default") not in reader["symbols"]:
            yield f"{place}: the enum has no default that both versions know"
    else:
        part = "items" if reader["type"] == "array" else "values"
        yield from _compare(reader[part], writer[part], f"{place}[]")


def _compare_unions(reader: AvroSchema, writer: AvroSchema, place: str) -> Iterator[str]:
    if not (isinstance(reader, list) and isinstance(writer, list) and len(reader) == len(writer)):
        yield f"{place}: the union changed"
        return
    for one, other in zip(reader, writer, strict=True):
        yield from _compare(one, other, place)


def _compare_records(reader: AvroSchema, writer: AvroSchema, place: str) -> Iterator[str]:
    if reader["name"] != writer["name"]:
        yield f"{place}: the record's name changed"
    written = {field["name"]: field for field in writer["fields"]}
    for field in reader["fields"]:
        here = f"{place}.{field['name']}"
        if field["name"] in written:
            yield from _compare(field["type"], written[field["name"]]["type"], here)
        elif "default" not in field:
            yield f"{here}: new without a default"


def expand(schema: AvroSchema, known: dict[str, AvroSchema]) -> AvroSchema:
    """Put the definition in place of each name; our schemas are never recursive (lint)."""
    if isinstance(schema, str):
        return known.get(schema, schema)
    if isinstance(schema, list):
        return [expand(branch, known) for branch in schema]
    expanded = dict(schema)
    if "fields" in schema:
        expanded["fields"] = [{**field, "type": expand(field["type"], known)} for field in schema["fields"]]
    for part in {"items", "values"} & schema.keys():
        expanded[part] = expand(schema[part], known)
    if "name" in schema:
        known[schema["name"]] = expanded
    return expanded
