"""A registry in which the schemas of today are each kind's second version, and the first one knew far fewer fields.

So what older publishers send, and what an older Tocsin left in a log, meets today's models and stages as it would after
any release.
"""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

import schemas
from schemas import codec, delivery, payload, registry
from schemas.compatibility import expand
from schemas.registry import Pin, Schema, newest, sha256_fingerprint, single_object_prefix
from schemas.release import released
from schemas.untyped import AvroSchema

AVRO = Path(schemas.__path__[0]) / "avro"
CACHES = (
    registry.pins,
    registry.newest,
    registry._by_fingerprint,
    registry._by_prefix,
    registry._load,
    payload.payload_type,
    delivery._schema,
)


def older(schema: AvroSchema, keep: Collection[str] = ()) -> AvroSchema:
    """A schema without its fields that have a default, but for those of these names."""
    return _collapsed(_stripped(expand(schema, {}), keep), set())


def plant(monkeypatch: pytest.MonkeyPatch, folder: Path, keep: Collection[str] = ()) -> None:
    """Release, in this folder, each kind's `older` schema before today's, and let the registry read there."""
    (folder / "avro").mkdir()
    pins = []
    for kind in sorted({pin.kind for pin in registry.pins()}):
        today = released(AVRO, kind)[-1]
        for version, schema in enumerate(_versions(today, keep), 1):
            (folder / "avro" / f"{kind}.v{version}.avsc").write_text(json.dumps(schema), "utf-8")
            prefix = single_object_prefix(schema).hex()
            pins.append(Pin(kind, version, sha256_fingerprint(schema), prefix)._asdict())
    (folder / "avro" / "pins.json").write_text(json.dumps(pins), "utf-8")
    monkeypatch.setattr(registry, "files", lambda _: folder)
    forget()


def forget() -> None:
    """Let the registry look again."""
    for cache in CACHES:
        cache.cache_clear()


def first(kind: str) -> Schema:
    """The first version of a kind in the planted registry."""
    pin = next(pin for pin in registry.pins() if pin.kind == kind)
    found = registry.by_fingerprint(pin.fingerprint_hex)
    assert found is not None
    return found


def in_first_version(kind: str, value: Any) -> bytes | None:
    """A value in the bytes of the first version; None where that lacks a field for something that it says."""
    schema = first(kind)
    data = codec.encode(schema, _reduced(value, schema.source))
    return data if codec.decode(schema, data) == codec.decode(newest(kind), codec.encode(newest(kind), value)) else None


def _versions(today: AvroSchema, keep: Collection[str]) -> list[AvroSchema]:
    before = older(today, keep)
    return [today] if sha256_fingerprint(before) == sha256_fingerprint(today) else [before, today]


def _stripped(schema: AvroSchema, keep: Collection[str]) -> AvroSchema:
    if isinstance(schema, list):
        return [_stripped(one, keep) for one in schema]
    if isinstance(schema, str):
        return schema
    found = {key: _stripped(one, keep) if key in {"items", "values"} else one for key, one in schema.items()}
    if schema["type"] == "record":
        fields = [field for field in schema["fields"] if "default" not in field or field["name"] in keep]
        found["fields"] = [{**field, "type": _stripped(field["type"], keep)} for field in fields]
    return found


def _collapsed(schema: AvroSchema, seen: set[str]) -> AvroSchema:
    """Each named type is defined where it stands first, and only named afterwards."""
    if isinstance(schema, list):
        return [_collapsed(one, seen) for one in schema]
    if isinstance(schema, str):
        return schema
    if "name" in schema:
        if schema["name"] in seen:
            return schema["name"]
        seen.add(schema["name"])
    found = {key: _collapsed(one, seen) if key in {"items", "values"} else one for key, one in schema.items()}
    if schema["type"] == "record":
        found["fields"] = [{**field, "type": _collapsed(field["type"], seen)} for field in schema["fields"]]
    return found


def _reduced(value: Any, schema: AvroSchema) -> Any:
    """What a schema has fields for."""
    return _fitted(value, expand(schema, {}))


def _fitted(value: Any, schema: AvroSchema) -> Any:
    if isinstance(schema, list):
        return None if value is None else _fitted(value, schema[1])
    kind = schema if isinstance(schema, str) else schema["type"]
    if kind == "record":
        return {field["name"]: _fitted(value[field["name"]], field["type"]) for field in schema["fields"]}
    if kind == "array":
        return [_fitted(one, schema["items"]) for one in value]
    if kind == "map":
        return {name: _fitted(one, schema["values"]) for name, one in value.items()}
    return value
