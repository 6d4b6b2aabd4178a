"""The codec against fastavro: one spelling per value, and on any bytes the answer of decoding and encoding again."""

from contextlib import suppress
from io import BytesIO
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.errors import Refusal
from schemas.codec import (
    DamagedRecordError,
    UnencodableError,
    decode,
    decode_head,
    decode_trusted,
    decode_value,
    encode,
    to_wire,
)
from schemas.models import EventMessage, validate
from schemas.registry import PREFIX_BYTES, Schema, compiled, newest
from schemas.untyped import AvroSchema, AvroValue
from tests.event_sample import event

SCHEMA = newest("event")
SMALL = compiled(
    "test",
    1,
    {
        "type": "record",
        "name": "R",
        "fields": [
            {"name": "e", "type": ["null", {"type": "enum", "name": "E", "symbols": ["A", "B", "C"]}]},
            {"name": "l", "type": {"type": "array", "items": "long"}},
            {"name": "m", "type": {"type": "map", "values": ["null", "string"]}},
            {"name": "d", "type": ["null", "double"]},
            {
                "name": "r",
                "type": {
                    "type": "array",
                    "items": {"type": "record", "name": "S", "fields": [{"name": "e", "type": "E"}]},
                },
            },
            {"name": "b", "type": "boolean"},
            {"name": "y", "type": ["null", "bytes"]},
        ],
    },
)
LONGS = st.integers(-(2**63), 2**63 - 1)
SMALL_VALUES = st.fixed_dictionaries(
    {
        "e": st.none() | st.sampled_from(["A", "B", "C"]),
        "l": st.lists(LONGS, max_size=4),
        "m": st.dictionaries(st.text(max_size=3), st.none() | st.text(max_size=3), max_size=3),
        "d": st.none() | st.floats(allow_nan=False),
        "r": st.lists(st.fixed_dictionaries({"e": st.sampled_from(["A", "B", "C"])}), max_size=2),
        "b": st.booleans(),
        "y": st.none() | st.binary(max_size=4),
    }
)
VALID = to_wire(EventMessage.model_validate(event()))


def _by_fastavro(source: AvroSchema, body: bytes) -> AvroValue:
    """Decode, encode again, compare: the slow way. Nothing at all where that fails."""
    value, out = None, BytesIO()
    parsed = parse_schema(source, named_schemas={})
    with suppress(Exception):
        value = schemaless_reader(BytesIO(body), parsed, None)
        schemaless_writer(out, parsed, value)
    return value if out.getvalue() == body else None


def _agree(schema: Schema, body: bytes) -> None:
    ours, slow = decode_value(schema, body), _by_fastavro(schema.source, body)
    assert repr(None if isinstance(ours, Refusal) else ours) == repr(slow)


@settings(deadline=None)
@given(SMALL_VALUES)
def test_what_is_encoded_decodes_to_itself_and_as_fastavro_writes_it(value: dict[str, Any]) -> None:
    data, out = encode(SMALL, value), BytesIO()
    schemaless_writer(out, SMALL.source, value, strict=True)
    assert data == SMALL.prefix + out.getvalue()
    assert decode(SMALL, data) == value == decode_trusted(SMALL, data)
    with pytest.raises(DamagedRecordError):
        decode_trusted(newest("tick"), data)


@settings(deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_get_the_same_answer_as_by_decoding_and_encoding_again(body: bytes) -> None:
    _agree(SMALL, body)


@settings(deadline=None)
@given(SMALL_VALUES, st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), min_size=1, max_size=3))
def test_damaged_bytes_get_the_same_answer_too(value: dict[str, Any], damage: list[tuple[int, int]]) -> None:
    body = bytearray(encode(SMALL, value)[PREFIX_BYTES:])
    for place, byte in damage:
        body[place % len(body)] = byte
    _agree(SMALL, bytes(body))


@settings(deadline=None)
@given(st.integers(PREFIX_BYTES, len(VALID) - 1), st.integers(0, 255))
def test_a_damaged_event_is_another_canonical_one_or_a_refusal(place: int, byte: int) -> None:
    damaged = VALID[:place] + bytes([byte]) + VALID[place + 1 :]
    _agree(SCHEMA, damaged[PREFIX_BYTES:])
    decoded = decode(SCHEMA, damaged)
    if not isinstance(decoded, Refusal):
        answer = validate(EventMessage, decoded)
        assert isinstance(answer, Refusal) or to_wire(answer) == damaged


@settings(deadline=None)
@given(st.integers(0, len(VALID) - 1))
def test_a_cut_event_is_refused(length: int) -> None:
    assert isinstance(decode(SCHEMA, VALID[:length]), Refusal)


def test_a_value_with_a_field_too_many_too_few_or_of_another_type_is_not_encoded() -> None:
    good: dict[str, Any] = {"e": None, "l": [], "m": {}, "d": None, "r": [], "b": True, "y": None}
    assert encode(SMALL, good)
    bad: list[dict[str, Any]] = [
        {**good, "z": 1},
        {"e": None},
        {**good, "l": ["x"]},
        {**good, "e": "D"},
        {**good, "y": "text"},
        {**good, "l": [2**63]},
        {**good, "l": [True]},
        {**good, "b": 1},
        {**good, "m": {1: None}},
        {**good, "r": [{}]},
    ]
    for value in bad:
        with pytest.raises(UnencodableError):
            encode(SMALL, value)


@given(SMALL_VALUES, st.integers(0, 7))
def test_the_first_fields_read_alone_are_those_of_the_whole(value: dict[str, Any], fields: int) -> None:
    data = encode(SMALL, value)
    assert decode_head(SMALL, data, fields) == dict(list(decode_trusted(SMALL, data).items())[:fields])
    with pytest.raises(DamagedRecordError):
        decode_head(SMALL, data[1:], fields)
