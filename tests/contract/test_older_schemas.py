"""What an older version wrote is read as the newest one: with its fields, and their defaults where bytes hold none."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bus.errors import Reason, Refusal
from schemas.codec import decode, decode_trusted, encode
from schemas.compatibility import incompatibilities
from schemas.kinds import MODEL_OF_KIND
from schemas.models import EventMessage, validate
from schemas.registry import PREFIX_BYTES, compiled, newest, of_bytes
from tests.event_sample import event
from tests.support.older_schemas import first, forget, in_first_version, plant


@pytest.fixture
def _planted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    with monkeypatch.context() as patched:
        plant(patched, tmp_path)
        yield
    forget()


def plain_event() -> dict[str, Any]:
    """An event that says nothing but what the first version demands."""
    whole = EventMessage.model_validate(event()).model_dump()
    body = {"nature": "INCIDENT", "type": "violence.killing", "source": {"discipline": "OSINT"}}
    header = {name: value for name, value in whole["header"].items() if name not in {"expires_at", "exercise"}}
    header["status"] = "ACTUAL"
    return EventMessage.model_validate({"header": header, "body": body}).model_dump(mode="json")


@pytest.mark.usefixtures("_planted")
def test_an_older_event_is_decoded_as_the_newest_version_writes_it_and_validates() -> None:
    value = plain_event()
    data = in_first_version("event", value)
    assert data is not None
    assert (first("event").version, newest("event").version) == (1, 2)
    assert len(data) < len(encode(newest("event"), value))
    read = decode(first("event"), data)
    assert read == decode_trusted(first("event"), data) == value
    assert [list(read[part]) for part in read] == [list(value[part]) for part in value], "fields in the newest's order"
    assert of_bytes(data) is first("event")
    assert isinstance(validate(EventMessage, read), EventMessage)


@pytest.mark.usefixtures("_planted")
def test_no_two_values_share_a_default_that_can_be_changed() -> None:
    data = in_first_version("event", plain_event())
    assert data is not None
    one, other = decode_trusted(first("event"), data), decode_trusted(first("event"), data)
    one["body"]["texts"].append("changed")
    one["body"]["where"]["countries"].append("changed")
    assert other == plain_event()


@pytest.mark.usefixtures("_planted")
def test_an_older_versions_bytes_are_read_no_less_strictly() -> None:
    data = in_first_version("event", plain_event())
    assert data is not None
    for cut in range(PREFIX_BYTES, len(data)):
        assert isinstance(decode(first("event"), data[:cut]), Refusal)
    longer = decode(first("event"), data + b"\0")
    assert isinstance(longer, Refusal)
    assert longer.reason is Reason.NOT_CANONICAL
    other = decode(newest("event"), data)
    assert isinstance(other, Refusal)
    assert other.reason is Reason.UNDECODABLE


@pytest.mark.usefixtures("_planted")
@pytest.mark.parametrize("kind", MODEL_OF_KIND)
def test_the_gate_lets_what_was_planted_pass(kind: str) -> None:
    assert incompatibilities([first(kind).source, newest(kind).source]) == []


def _record(*fields: dict[str, Any], name: str = "R") -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields)}


def _enum(*symbols: str) -> dict[str, Any]:
    return {"type": "enum", "name": "E", "symbols": list(symbols), "default": "A"}


def test_what_the_newest_version_dropped_is_left_out_and_a_symbol_that_it_does_not_know_is_its_default() -> None:
    place = _record({"name": "lat", "type": "double"}, {"name": "old", "type": "string", "default": ""}, name="P")
    before = _record(
        {"name": "e", "type": {"type": "array", "items": _enum("A", "B", "C")}},
        {"name": "gone", "type": "long", "default": 0},
        {"name": "p", "type": ["null", place]},
        {"name": "m", "type": {"type": "map", "values": "P"}},
    )
    later = _record({"name": "lat", "type": "double"}, {"name": "km", "type": "double", "default": 1}, name="P")
    now = _record(
        {"name": "new", "type": {"type": "array", "items": later}, "default": [{"lat": 2}]},
        {"name": "m", "type": {"type": "map", "values": "P"}},
        {"name": "raw", "type": "bytes", "default": "\u00ff"},
        {"name": "p", "type": ["null", "P"]},
        {"name": "e", "type": {"type": "array", "items": _enum("A", "C")}},
    )
    assert incompatibilities([before, now]) == []
    schema = compiled("test", 1, before, now)
    where = {"lat": 1.0, "old": "x"}
    data = encode(schema, {"e": ["A", "B", "C"], "gone": 7, "p": where, "m": {"k": where}})
    read = decode(schema, data)
    there = {"lat": 1.0, "km": 1.0}
    new = [{"lat": 2.0, "km": 1.0}]
    assert read == {"new": new, "m": {"k": there}, "raw": b"\xff", "p": there, "e": ["A", "A", "C"]}
    assert list(read) == [field["name"] for field in now["fields"]]
    assert isinstance(read["new"][0]["km"], float)
