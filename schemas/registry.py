"""The released schemas, pinned by fingerprint: nobody registers a schema by publishing.

A fingerprint is the SHA-256 of the schema's Parsing Canonical Form. `avro/pins.json` lists them all; a file that does
not match its pin is never used. Nothing is read before it is asked for.
"""

import json
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final, NamedTuple

from fastavro.schema import fingerprint, to_parsing_canonical_form

from bus.errors import Reason, Refusal, TocsinError, refuse
from schemas.evolution import read_as
from schemas.reader import Reader, compile_head_reader, compile_reader
from schemas.untyped import AvroSchema
from schemas.writer import Writer, compile_part_writer, compile_writer

MAGIC: Final = b"\xc3\x01"
"""Marks Avro's single-object encoding, version 1."""
PREFIX_BYTES: Final = 10
"""The magic and CRC-64-AVRO of the canonical form."""


class SchemaError(TocsinError):
    """A released schema is missing or was changed."""


class Pin(NamedTuple):
    """One released schema."""

    kind: str
    version: int
    fingerprint_hex: str
    prefix_hex: str


@dataclass(frozen=True, slots=True)
class Schema:
    """A released schema, ready to encode and decode."""

    kind: str
    version: int
    fingerprint_hex: str
    prefix: bytes = field(repr=False)
    source: AvroSchema = field(repr=False, compare=False)
    """The schema as released, JSON values."""
    read: Reader = field(repr=False, compare=False)
    write: Writer = field(repr=False, compare=False)

    def read_head(self, fields: int) -> Reader:
        """The reader of so many first fields alone."""
        return _head_reader(self, fields)

    def write_part(self, names: tuple[str, ...]) -> Writer:
        """The writer of some fields alone, in this order."""
        return _part_writer(self, names)


def sha256_fingerprint(schema: AvroSchema) -> str:
    """Return the SHA-256 of a schema's Parsing Canonical Form, in hex."""
    return fingerprint(to_parsing_canonical_form(schema), "SHA-256")


def single_object_prefix(schema: AvroSchema) -> bytes:
    """Return what stands before each value of this schema: C3 01 and CRC-64-AVRO, little-endian."""
    return MAGIC + bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))


def compiled(kind: str, version: int, schema: AvroSchema, newest_schema: AvroSchema = None) -> Schema:
    """Make a schema ready for use; whether it may be used is decided by the pins.

    Bytes of an older version are read as strictly as any, and give the fields and defaults of the newest one.
    """
    as_read = schema if newest_schema is None else read_as(schema, newest_schema)
    return Schema(
        kind,
        version,
        sha256_fingerprint(schema),
        single_object_prefix(schema),
        schema,
        compile_reader(as_read),
        compile_writer(schema),
    )


@lru_cache(maxsize=256)
def _head_reader(schema: Schema, fields: int) -> Reader:
    return compile_head_reader(schema.source, fields)


@lru_cache(maxsize=256)
def _part_writer(schema: Schema, names: tuple[str, ...]) -> Writer:
    return compile_part_writer(schema.source, names)


@cache
def pins() -> tuple[Pin, ...]:
    """Return all released schemas, each kind's oldest first."""
    listed = json.loads(files("schemas").joinpath("avro", "pins.json").read_text("utf-8"))
    return tuple(Pin(**entry) for entry in listed)


@cache
def newest(kind: str) -> Schema:
    """Return the newest released schema of a kind; an unknown kind is a fault of ours."""
    return _load(_newest_pin(kind))


def by_fingerprint(fingerprint_hex: str) -> Schema | None:
    """Return the released schema with this fingerprint, or None."""
    pin = _by_fingerprint().get(fingerprint_hex)
    return None if pin is None else _load(pin)


def of_bytes(data: bytes) -> Schema | Refusal:
    """Return the schema that the prefix of a single-object encoding names."""
    pin = _by_prefix().get(data[:PREFIX_BYTES])
    if pin is None:
        return refuse(Reason.UNKNOWN_SCHEMA, "payload[0:10]", "the prefix of a released schema")
    return _load(pin)


@cache
def _by_fingerprint() -> dict[str, Pin]:
    return {pin.fingerprint_hex: pin for pin in pins()}


@cache
def _by_prefix() -> dict[bytes, Pin]:
    return {bytes.fromhex(pin.prefix_hex): pin for pin in pins()}


def _newest_pin(kind: str) -> Pin:
    versions = [pin for pin in pins() if pin.kind == kind]
    if not versions:
        message = f"no schema is released for the kind {kind!r}"
        raise SchemaError(message, "Use one of the kinds in schemas/avro/pins.json.")
    return versions[-1]


@cache
def _load(pin: Pin) -> Schema:
    latest = _newest_pin(pin.kind)
    schema = compiled(pin.kind, pin.version, _released(pin), None if pin == latest else _released(latest))
    if schema.fingerprint_hex != pin.fingerprint_hex or schema.prefix.hex() != pin.prefix_hex:
        message = f"the released schema {_file_name(pin)} is not the one that was pinned"
        raise SchemaError(message, "Install Tocsin again; a released schema is never edited.")
    return schema


def _released(pin: Pin) -> AvroSchema:
    return json.loads(files("schemas").joinpath("avro", _file_name(pin)).read_text("utf-8"))


def _file_name(pin: Pin) -> str:
    return f"{pin.kind}.v{pin.version}.avsc"
