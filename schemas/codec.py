"""The strict codec: Avro single-object encoding, where a value has exactly one spelling.

An Avro decoder is an attack surface. Untrusted bytes pass these guards, in this order:

1. size: nothing above `most_bytes` is looked at, so that no decoded value can exhaust memory;
2. prefix: the bytes name the very schema they are decoded with;
3. decode: by the strict reader, which refuses what other decoders let pass (schemas/reader.py);
4. one spelling: the value re-encodes to the very bytes received, and nothing follows them.

Recursion and items of no bytes could end the process or its memory inside any decoder: the lint lets no such schema
be released. Ranges, NaN and times are the models' (`schemas.models.validate`).
"""

from collections.abc import Mapping
from typing import Any, Final

from bus.errors import Reason, Refusal, TocsinError, refuse
from schemas.kinds import KIND_OF_MODEL
from schemas.models import Value
from schemas.payload import PayloadType, parse_payload_type, payload_type, resolve
from schemas.reader import MalformedError, NotCanonicalError
from schemas.registry import PREFIX_BYTES, Schema, newest, of_bytes
from schemas.untyped import AvroValue
from schemas.writer import Writer

__all__ = [
    "MAX_PAYLOAD_BYTES",
    "DamagedRecordError",
    "PayloadType",
    "UnencodableError",
    "decode",
    "decode_head",
    "decode_own",
    "decode_trusted",
    "decode_value",
    "encode",
    "encode_fields",
    "parse_payload_type",
    "payload_type",
    "resolve",
    "to_wire",
]

MAX_PAYLOAD_BYTES: Final = 262_144
"""As large as an envelope may be: 256 KiB."""


class DamagedRecordError(TocsinError):
    """A record that the bus wrote itself can't be decoded."""


class UnencodableError(TocsinError):
    """A value of ours does not fit its schema."""


def encode(schema: Schema, value: Mapping[str, Any]) -> bytes:
    """Encode a value of our own making; a field too many, too few or of another type is an exception."""
    return _written(schema.prefix, schema.write, value, schema.kind)


def encode_fields(schema: Schema, values: Mapping[str, Any]) -> bytes:
    """Encode some fields alone, in the order given, without a prefix: a record is the concatenation of its fields."""
    return _written(b"", schema.write_part(tuple(values)), values, schema.kind)


def _written(prefix: bytes, writer: Writer, value: AvroValue, what: str) -> bytes:
    out = bytearray(prefix)
    try:
        writer(out, value)
    except (KeyError, TypeError, ValueError, OverflowError):
        message = f"a value does not fit the schema of {what}"
        # Without its cause, which may quote the value.
        raise UnencodableError(message, "Validate the value with its model first.") from None
    return bytes(out)


def decode(schema: Schema, data: bytes, most_bytes: int = MAX_PAYLOAD_BYTES) -> dict[str, Any] | Refusal:
    """Decode untrusted bytes, strictly: there is exactly one spelling of each value."""
    if len(data) > most_bytes:
        return refuse(Reason.TOO_LARGE, "payload", f"at most {most_bytes} bytes")
    if data[:PREFIX_BYTES] != schema.prefix:
        return refuse(Reason.UNDECODABLE, "payload[0:10]", "the single-object prefix of the schema that the type names")
    return decode_value(schema, data, PREFIX_BYTES)


def decode_value(schema: Schema, data: bytes, start: int = 0) -> AvroValue | Refusal:
    """Decode untrusted bytes that stand without a prefix: guards 3 and 4."""
    try:
        value, end = schema.read(data, start)
    except NotCanonicalError:
        return _not_canonical()
    except (MalformedError, IndexError, UnicodeDecodeError):
        return refuse(Reason.UNDECODABLE, "payload", f"Avro of the schema {schema.kind} version {schema.version}")
    return value if end == len(data) else _not_canonical()


def decode_trusted(schema: Schema, data: bytes) -> dict[str, Any]:
    """Decode what this bus wrote itself with this very schema; damage is an exception."""
    if not data.startswith(schema.prefix):
        raise _damaged(schema.kind)
    try:
        value, _ = schema.read(data, PREFIX_BYTES)
    except (MalformedError, NotCanonicalError, IndexError, UnicodeDecodeError) as error:
        raise _damaged(schema.kind) from error
    record: dict[str, Any] = value
    return record


def decode_head(schema: Schema, data: bytes, fields: int) -> dict[str, Any]:
    """Decode the first fields of what this bus wrote itself with this very schema; the rest is not looked at."""
    if not data.startswith(schema.prefix):
        raise _damaged(schema.kind)
    try:
        value, _ = schema.read_head(fields)(data, PREFIX_BYTES)
    except (MalformedError, NotCanonicalError, IndexError, UnicodeDecodeError) as error:
        raise _damaged(schema.kind) from error
    record: dict[str, Any] = value
    return record


def decode_own(kind: str, data: bytes) -> dict[str, Any]:
    """Decode a record of this kind that this bus wrote itself, maybe with an older version; damage is an exception."""
    schema = of_bytes(data)
    if isinstance(schema, Refusal) or schema.kind != kind:
        raise _damaged(kind)
    return decode_trusted(schema, data)


def _damaged(kind: str) -> DamagedRecordError:
    return DamagedRecordError(
        f"a {kind} record of our own log can't be read",
        "Stop all Tocsin processes and restore the home from its latest backup.",
    )


def _not_canonical() -> Refusal:
    return refuse(Reason.NOT_CANONICAL, "payload", "the one canonical encoding of its value, and nothing after it")


def to_wire(message: Value) -> bytes:
    """Encode a model with the newest schema of its kind: the payload that is signed."""
    return encode(newest(KIND_OF_MODEL[type(message)]), message.model_dump())
