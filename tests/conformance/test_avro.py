"""The codec refuses every published must-reject payload and each attack of security.md, in a process that lives on."""

import json
import tracemalloc
from pathlib import Path
from time import process_time
from typing import Any

import pytest

from bus.errors import Reason, Refusal
from schemas.codec import MAX_PAYLOAD_BYTES, decode, decode_value, encode
from schemas.models import EventMessage, HeartbeatMessage, validate
from schemas.reader import compile_reader
from schemas.registry import Schema, compiled, newest
from schemas.untyped import AvroSchema
from schemas.writer import compile_writer
from tests.event_sample import event, with_value

DATA = Path(__file__).parent.parent / "data" / "avro" / "binary-rejections.json"
VECTORS = json.loads(DATA.read_text("utf-8"))["vectors"]
ENUM = {"type": "enum", "name": "E", "symbols": ["A", "B"]}
HUGE = "feffffffffffffffff01"
"""The largest long."""


def _of(schema: AvroSchema) -> Schema:
    return compiled("test", 1, schema)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_published_rejections(vector: dict[str, str]) -> None:
    answer = decode_value(_of(json.loads(vector["schema"])), bytes.fromhex(vector["bytesHex"]))
    assert isinstance(answer, Refusal)
    assert answer.reason in {Reason.UNDECODABLE, Reason.NOT_CANONICAL}


ATTACKS: list[tuple[str, Any, str, Reason]] = [
    ("enum -1", ENUM, "01", Reason.UNDECODABLE),
    ("union -1", ["null", "long"], "0100", Reason.UNDECODABLE),
    ("overlong union index", ["null", "long"], "820002", Reason.UNDECODABLE),
    ("overlong varint", "long", "8000", Reason.NOT_CANONICAL),
    ("overlong varint of ten bytes", "long", "82808080808080808000", Reason.NOT_CANONICAL),
    ("varint beyond 64 bits", "long", "ffffffffffffffffff02", Reason.UNDECODABLE),
    ("varint without end", "long", "80" * 5000, Reason.UNDECODABLE),
    ("int 2^40", "int", "808080808040", Reason.UNDECODABLE),
    ("boolean 2", "boolean", "02", Reason.NOT_CANONICAL),
    ("trailing byte", "long", "0200", Reason.NOT_CANONICAL),
    ("nothing", "long", "", Reason.UNDECODABLE),
    ("half a double", "double", "00000000", Reason.UNDECODABLE),
    ("string longer than the rest", "string", HUGE, Reason.UNDECODABLE),
    ("bytes longer than the rest", "bytes", HUGE, Reason.UNDECODABLE),
    ("broken UTF-8", "string", "04c328", Reason.UNDECODABLE),
    ("a lone surrogate", "string", "06eda080", Reason.UNDECODABLE),
    ("overlong UTF-8", "string", "04c080", Reason.UNDECODABLE),
    ("array of huge count", {"type": "array", "items": "long"}, HUGE, Reason.UNDECODABLE),
    ("array of null of huge count", {"type": "array", "items": "null"}, HUGE + "00", Reason.UNDECODABLE),
    ("map of huge count", {"type": "map", "values": "null"}, HUGE, Reason.UNDECODABLE),
    ("array of negative count", {"type": "array", "items": "long"}, "01020200", Reason.NOT_CANONICAL),
    ("array of two blocks", {"type": "array", "items": "long"}, "0202020400", Reason.NOT_CANONICAL),
    ("array without end", {"type": "array", "items": "long"}, "0202", Reason.UNDECODABLE),
    ("map with a key twice", {"type": "map", "values": "long"}, "04026102026104" + "00", Reason.NOT_CANONICAL),
]


@pytest.mark.parametrize(("schema", "data", "reason"), [a[1:] for a in ATTACKS], ids=[a[0] for a in ATTACKS])
def test_attacks_on_the_decoder_are_refused_with_a_reason(schema: AvroSchema, data: str, reason: Reason) -> None:
    answer = decode_value(_of(schema), bytes.fromhex(data))
    assert isinstance(answer, Refusal)
    assert answer.reason is reason


def test_a_recursive_schema_is_never_compiled() -> None:
    schema = {"type": "record", "name": "R", "fields": [{"name": "next", "type": ["null", "R"]}]}
    for compiler in (compile_reader, compile_writer):
        with pytest.raises(ValueError, match="recursive"):
            compiler(schema)


def test_a_huge_count_takes_no_memory() -> None:
    schema = _of({"type": "array", "items": "long"})
    tracemalloc.start()
    decode_value(schema, bytes.fromhex(HUGE) + b"\x02" * 1000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000


def test_size_is_capped_before_anything_is_read() -> None:
    schema = newest("event")
    answer = decode(schema, schema.prefix + bytes(MAX_PAYLOAD_BYTES))
    assert isinstance(answer, Refusal)
    assert answer.reason is Reason.TOO_LARGE


@pytest.mark.parametrize(
    "data", [b"", b"\xc3\x01", newest("link").prefix + bytes(40), b"\xc3\x02" + newest("event").prefix[2:]]
)
def test_bytes_that_name_another_schema_are_undecodable(data: bytes) -> None:
    answer = decode(newest("event"), data)
    assert isinstance(answer, Refusal)
    assert answer.reason is Reason.UNDECODABLE


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_none_pass_the_decoder_and_are_refused_by_the_model(value: float) -> None:
    message = validate(EventMessage, with_value("body/where/uncertainty_km", 1.0))
    assert isinstance(message, EventMessage)
    plain = message.model_dump()
    plain["body"]["where"]["uncertainty_km"] = value
    decoded = decode(newest("event"), encode(newest("event"), plain))
    answer = validate(EventMessage, decoded)
    assert isinstance(answer, Refusal)
    assert (answer.reason, answer.place) == (Reason.BAD_FIELD, "body.where.uncertainty_km")


@pytest.mark.parametrize("time", [253_402_300_800_000, 2**62, -(2**63)])
def test_times_outside_1900_to_9999_are_a_refusal_not_an_overflow(time: int) -> None:
    plain = {"header": {**event()["header"], "created_at": time}, "body": {"interval_s": 60}}
    decoded = decode(newest("heartbeat"), encode(newest("heartbeat"), plain))
    answer = validate(HeartbeatMessage, decoded)
    assert isinstance(answer, Refusal)
    assert (answer.reason, answer.place) == (Reason.BAD_FIELD, "header.created_at")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("body/source/about", [{"agency": "", "feed": "", "id": ""}] * 80_000),
        ("body/attributes", {f"{number:x}": "" for number in range(36_000)}),
        ("body/sectors", ["HEALTH"] * 200_000),
    ],
    ids=["list", "map", "enum"],
)
def test_a_full_payload_of_bad_items_costs_no_more_than_one(path: str, value: object) -> None:
    message = validate(EventMessage, event())
    assert isinstance(message, EventMessage)
    plain: Any = message.model_dump()
    *parents, last = path.split("/")
    target = plain
    for part in parents:
        target = target[part]
    target[last] = value
    data = encode(newest("event"), plain)
    start = process_time()
    assert isinstance(validate(EventMessage, decode(newest("event"), data)), Refusal)
    assert process_time() - start < 1.0
