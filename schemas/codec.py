"""The strict codec: Avro single-object encoding, where a value has exactly one spelling.

An Avro decoder is an attack surface: fastavro 1.13.1 accepts a negative enum or union index, overlong varints, several blocks for one
array, repeated map keys and trailing bytes. So untrusted bytes pass these guards, in this order:

1. size: nothing above `MAX_PAYLOAD_BYTES` is looked at, so that no decoded value can exhaust memory;
2. prefix: the bytes name the very schema they are decoded with;
3. decode: whatever the decoder raises is the bytes' fault;
4. one spelling: the decoded value must re-encode to the very bytes received, and nothing may follow them.

Recursion and items of no bytes can't be guarded here, since they end the process or its memory inside the decoder: the lint lets no such
schema be released. Ranges, NaN and times are the models' (`schemas.models.validate`).
"""

from io import BytesIO
from typing import Any, Final

from fastavro import schemaless_reader, schemaless_writer

from bus.errors import Reason, Refusal, refuse
from schemas.kinds import KIND_OF_MODEL
from schemas.models import Value
from schemas.payload import PayloadType, parse_payload_type, payload_type, resolve
from schemas.registry import PREFIX_BYTES, Schema, newest

__all__ = [
    "MAX_PAYLOAD_BYTES",
    "PayloadType",
    "decode",
    "decode_trusted",
    "decode_value",
    "encode",
    "encode_part",
    "parse_payload_type",
    "payload_type",
    "resolve",
    "to_wire",
]

MAX_PAYLOAD_BYTES: Final = 262_144
"""As large as an envelope may be: 256 KiB."""


def encode(schema: Schema, value: dict[str, Any]) -> bytes:
    """Encode a value of our own making; a field too many, too few or of another type is an exception."""
    out = BytesIO()
    out.write(schema.prefix)
    schemaless_writer(out, schema.parsed, value, strict=True)
    return out.getvalue()


def encode_part(schema: Schema, name: str, value: Any) -> bytes:  # noqa: ANN401  a field holds any Avro value
    """Encode one field alone, without a prefix: a record is the concatenation of its fields."""
    out = BytesIO()
    schemaless_writer(out, schema.parts[name], value, strict=True)
    return out.getvalue()


def decode(schema: Schema, data: bytes) -> dict[str, Any] | Refusal:
    """Decode untrusted bytes, strictly: there is exactly one spelling of each value."""
    if len(data) > MAX_PAYLOAD_BYTES:
        return refuse(Reason.TOO_LARGE, "payload", f"at most {MAX_PAYLOAD_BYTES} bytes")
    if data[:PREFIX_BYTES] != schema.prefix:
        return refuse(Reason.UNDECODABLE, "payload[0:10]", "the single-object prefix of the schema that the type names")
    return decode_value(schema, data[PREFIX_BYTES:])


def decode_value(schema: Schema, body: bytes) -> Any | Refusal:  # noqa: ANN401  a schema may be of any type
    """Decode untrusted bytes that stand without a prefix: guards 3 and 4."""
    try:
        value = schemaless_reader(BytesIO(body), schema.parsed, None)
        out = BytesIO()
        schemaless_writer(out, schema.parsed, value)
    except Exception:  # noqa: BLE001  the decoder has no closed list of what it raises, and one poison message must not stop a stage
        return refuse(Reason.UNDECODABLE, "payload", f"Avro of the schema {schema.kind} version {schema.version}")
    if out.getvalue() != body:
        return refuse(Reason.NOT_CANONICAL, "payload", "the one canonical encoding of its value, and nothing after it")
    return value


def decode_trusted(schema: Schema, data: bytes) -> dict[str, Any]:
    """Decode what this bus wrote itself; damage is an exception."""
    source = BytesIO(data)
    source.seek(PREFIX_BYTES)
    value: dict[str, Any] = schemaless_reader(source, schema.parsed, None)  # type: ignore[assignment]
    return value


def to_wire(message: Value) -> bytes:
    """Encode a model with the newest schema of its kind: the payload that is signed."""
    return encode(newest(KIND_OF_MODEL[type(message)]), message.model_dump())
