"""A strict Avro reader: it accepts the one canonical encoding of a value and nothing else.

fastavro accepts many spellings of one value (a negative enum or union index, overlong varints, several blocks for one
array, repeated map keys, trailing bytes), so its result would have to be encoded again and compared. This reader
refuses each of them where it meets it, in less than half of the time, and a law test holds that both ways agree on
any bytes: what it accepts re-encodes to the very bytes received.

A compiled reader takes (data, position) and returns (value, position after it). Reading past the end is an
IndexError, anything else a `NotCanonicalError` or `MalformedError`. Nothing is allocated from a count alone: every
item takes at least one byte (lint), and recursion is refused when the reader is compiled.
"""

from collections.abc import Callable
from struct import Struct
from typing import Any, Final

from schemas.untyped import AvroSchema, AvroValue

Reader = Callable[[bytes, int], tuple[AvroValue, int]]

_DOUBLE: Final = Struct("<d")
_INT_MAX: Final = 2**31
_MORE: Final = 0x80
"""Set in every byte of a varint but the last."""
_LAST_SHIFT: Final = 63
_BRANCH_1: Final = 2
"""The index of the second branch, as an Avro long."""


class MalformedError(ValueError):
    """The bytes are no encoding of this schema."""


class NotCanonicalError(ValueError):
    """The bytes are an encoding, but not the canonical one."""


def compile_reader(schema: AvroSchema, known: dict[str, Reader] | None = None) -> Reader:
    """Compile the reader of a schema that the lint accepts."""
    known = {} if known is None else known
    if isinstance(schema, str):
        reader = PRIMITIVES.get(schema) or known.get(schema)
        if reader is None:
            message = f"recursive or unknown type {schema}"
            raise ValueError(message)
        return reader
    if isinstance(schema, list):
        _, branch = schema
        return _optional(compile_reader(branch, known))
    return _complex_reader(schema, known)


def _complex_reader(schema: AvroSchema, known: dict[str, Reader]) -> Reader:
    kind = schema["type"]
    if kind == "record":
        fields = tuple((field["name"], compile_reader(field["type"], known)) for field in schema["fields"])
        return known.setdefault(schema["name"], _record(fields))
    if kind == "enum":
        return known.setdefault(schema["name"], _enum(tuple(schema["symbols"])))
    if kind == "array":
        return _array(compile_reader(schema["items"], known))
    if kind == "map":
        return _map(compile_reader(schema["values"], known))
    return compile_reader(kind, known)


def _long(data: bytes, position: int) -> tuple[int, int]:
    byte = data[position]
    position += 1
    if byte < _MORE:
        return (byte >> 1) ^ -(byte & 1), position
    value = byte & 0x7F
    shift = 7
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < _MORE:
            break
        shift += 7
        if shift > _LAST_SHIFT:
            raise MalformedError
    if byte == 0:
        raise NotCanonicalError
    if value >= 1 << 64:
        raise MalformedError
    return (value >> 1) ^ -(value & 1), position


def _int(data: bytes, position: int) -> tuple[int, int]:
    value, position = _long(data, position)
    if not -_INT_MAX <= value < _INT_MAX:
        raise MalformedError
    return value, position


def _null(_data: bytes, position: int) -> tuple[None, int]:
    return None, position


def _boolean(data: bytes, position: int) -> tuple[bool, int]:
    byte = data[position]
    if byte > 1:
        raise NotCanonicalError
    return byte == 1, position + 1


def _double(data: bytes, position: int) -> tuple[float, int]:
    end = position + 8
    if end > len(data):
        raise MalformedError
    return _DOUBLE.unpack_from(data, position)[0], end


def _bytes(data: bytes, position: int) -> tuple[bytes, int]:
    size, position = _long(data, position)
    end = position + size
    if size < 0 or end > len(data):
        raise MalformedError
    return data[position:end], end


def _string(data: bytes, position: int) -> tuple[str, int]:
    size = data[position]
    if size < _MORE and not size & 1:
        position += 1
        size >>= 1
    else:
        size, position = _long(data, position)
    end = position + size
    if size < 0 or end > len(data):
        raise MalformedError
    return str(data[position:end], "utf-8"), end


def _record(fields: tuple[tuple[str, Reader], ...]) -> Reader:
    def read(data: bytes, position: int) -> tuple[dict[str, Any], int]:
        value = {}
        for name, reader in fields:
            value[name], position = reader(data, position)
        return value, position

    return read


def _enum(symbols: tuple[str, ...]) -> Reader:
    def read(data: bytes, position: int) -> tuple[str, int]:
        index, position = _long(data, position)
        if not 0 <= index < len(symbols):
            raise MalformedError
        return symbols[index], position

    return read


def _optional(reader: Reader) -> Reader:
    def read(data: bytes, position: int) -> tuple[AvroValue, int]:
        index = data[position]
        if index == 0:
            return None, position + 1
        if index == _BRANCH_1:
            return reader(data, position + 1)
        raise MalformedError

    return read


def _array(reader: Reader) -> Reader:
    def read(data: bytes, position: int) -> tuple[list[Any], int]:
        count, position = _block(data, position)
        items = []
        for _ in range(count):
            item, position = reader(data, position)
            items.append(item)
        return items, _end_of_blocks(data, position, count)

    return read


def _map(reader: Reader) -> Reader:
    def read(data: bytes, position: int) -> tuple[dict[str, Any], int]:
        count, position = _block(data, position)
        items = {}
        for _ in range(count):
            key, position = _string(data, position)
            items[key], position = reader(data, position)
        if len(items) != count:
            raise NotCanonicalError
        return items, _end_of_blocks(data, position, count)

    return read


def _block(data: bytes, position: int) -> tuple[int, int]:
    """Read the count of the only block; every item takes a byte, so a count beyond what is left is a lie."""
    count, position = _long(data, position)
    if count < 0:
        raise NotCanonicalError
    if count > len(data) - position:
        raise MalformedError
    return count, position


def _end_of_blocks(data: bytes, position: int, count: int) -> int:
    if count == 0:
        return position
    if data[position] != 0:
        raise NotCanonicalError
    return position + 1


PRIMITIVES: Final[dict[str, Reader]] = {
    "null": _null,
    "boolean": _boolean,
    "int": _int,
    "long": _long,
    "double": _double,
    "bytes": _bytes,
    "string": _string,
}
