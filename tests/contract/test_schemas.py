"""Released schemas never change, follow the models, and read each other."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

import schemas
from schemas.compatibility import incompatibilities
from schemas.export import export
from schemas.kinds import MODEL_OF_KIND
from schemas.lint import lint, lint_history
from schemas.registry import by_fingerprint, newest, of_bytes, pins, sha256_fingerprint
from schemas.release import objections, release, released, undocumented

FOLDER = Path(schemas.__path__[0]) / "avro"


@pytest.mark.parametrize("kind", MODEL_OF_KIND)
def test_the_model_exports_the_newest_released_schema(kind: str) -> None:
    assert undocumented(export(MODEL_OF_KIND[kind])) == undocumented(released(FOLDER, kind)[-1])


@pytest.mark.parametrize("kind", MODEL_OF_KIND)
def test_released_versions_pass_lint_and_the_compatibility_gate(kind: str) -> None:
    versions = released(FOLDER, kind)
    assert [finding for count in range(1, len(versions) + 1) for finding in objections(versions[:count])] == []


def test_every_released_file_is_pinned_by_its_fingerprint() -> None:
    files = {path.name: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.avsc")}
    pinned = {f"{pin.kind}.v{pin.version}.avsc": pin.fingerprint_hex for pin in pins()}
    assert {name: sha256_fingerprint(schema) for name, schema in files.items()} == pinned


def test_a_schema_is_found_by_kind_by_fingerprint_and_by_the_prefix_of_its_bytes() -> None:
    for kind in MODEL_OF_KIND:
        schema = newest(kind)
        assert by_fingerprint(schema.fingerprint_hex) is schema
        assert of_bytes(schema.prefix + b"anything") is schema
    assert by_fingerprint("0" * 64) is None


def test_a_release_without_a_change_writes_nothing_new(tmp_path: Path) -> None:
    for path in FOLDER.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert release(tmp_path) == []
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first


def _record(*fields: dict[str, Any], name: str = "R") -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields)}


def _field(schema: object, name: str = "f") -> dict[str, Any]:
    return {"name": name, "type": schema}


ENUM = {"type": "enum", "name": "E", "symbols": ["A", "B"], "default": "A"}

REFUSED_BY_LINT: dict[str, dict[str, Any]] = {
    "recursive": _record(_field(["null", "R"])),
    "recursive array": _record(_field({"type": "array", "items": "R"})),
    "array of null": _record(_field({"type": "array", "items": "null"})),
    "array of empty records": _record(_field({"type": "array", "items": _record(name="Empty")})),
    "array of records of null": _record(_field({"type": "array", "items": _record(_field("null"), name="Nothing")})),
    "int": _record(_field("int")),
    "union of two types": _record(_field(["null", "long", "string"])),
    "union without null": _record(_field(["long", "string"])),
    "float": _record(_field(["null", "float"])),
    "fixed": _record(_field({"type": "fixed", "name": "F", "size": 0})),
    "logical type": _record(_field({"type": "long", "logicalType": "timestamp-millis"})),
    "enum without a default": _record(_field({"type": "enum", "name": "E", "symbols": ["A"]})),
}


@pytest.mark.parametrize("schema", REFUSED_BY_LINT.values(), ids=REFUSED_BY_LINT)
def test_lint_refuses_what_a_decoder_would_pay_for(schema: dict[str, Any]) -> None:
    assert lint(schema) != []


def test_lint_accepts_what_our_schemas_are_made_of() -> None:
    good = _record(
        _field(["null", ENUM]),
        _field({"type": "array", "items": "E"}, "g"),
        _field({"type": "map", "values": "long"}, "h"),
    )
    assert lint(good) == []


def test_a_removed_field_name_never_comes_back() -> None:
    one, two = _record(_field("long", "a"), _field("long", "b")), _record(_field("long", "a"))
    assert lint_history([one, two]) == []
    assert lint_history([one, two, one]) == ["version 3: R.b was removed before"]
    assert lint_history([one, two, two, one]) == ["version 4: R.b was removed before"]


V1 = _record(_field("long", "a"), _field(["null", ENUM], "e"), _field({"type": "array", "items": "string"}, "l"))


def _changed(**changes: object) -> dict[str, Any]:
    changed = deepcopy(V1)
    changed["fields"] = [{**field, "type": changes.get(field["name"], field["type"])} for field in changed["fields"]]
    return changed


INCOMPATIBLE: dict[str, dict[str, Any]] = {
    "a new field without a default": _record(*V1["fields"], _field("long", "n")),
    "a field gone that had no default": _record(*V1["fields"][1:]),
    "another primitive": _changed(a="double"),
    "no longer optional": _changed(e=ENUM),
    "other items": _changed(l={"type": "array", "items": "bytes"}),
    "another enum": _changed(e=["null", {**ENUM, "name": "F"}]),
    "an enum whose default the other lacks": _changed(e=["null", {**ENUM, "symbols": ["B", "C"], "default": "C"}]),
    "another record": {**V1, "name": "S"},
}


@pytest.mark.parametrize("schema", INCOMPATIBLE.values(), ids=INCOMPATIBLE)
def test_the_gate_refuses(schema: dict[str, Any]) -> None:
    assert incompatibilities([V1, schema]) != []


def test_the_gate_looks_at_all_versions_not_only_at_the_last_two() -> None:
    optional = {"name": "n", "type": "long", "default": 0}
    text = {"name": "n", "type": "string", "default": ""}
    versions = [_record(*V1["fields"], optional), V1, _record(*V1["fields"], text)]
    assert incompatibilities(versions[:2]) == []
    assert incompatibilities(versions[1:]) == []
    assert incompatibilities(versions) != []


def test_the_gate_accepts_new_fields_with_defaults_and_new_symbols() -> None:
    more = _changed(e=["null", {**ENUM, "symbols": ["A", "B", "C"]}])
    more["fields"].append({"name": "n", "type": ["null", "long"], "default": None})
    assert incompatibilities([V1, more]) == []
