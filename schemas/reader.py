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
from typing import Final

from schemas.evolution import READ_AS
from schemas.source import Source
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


def compile_reader(schema: AvroSchema) -> Reader:
    """Compile the reader of a schema that the lint accepts: one function for the whole schema."""
    code = _Code()
    code.line(0, "def read(data, p):")
    code.line(1, "size = len(data)")
    code.read(schema, "value", 1)
    code.line(1, "return value, p")
    reader: Reader = code.run("read")
    return reader


def compile_head_reader(schema: AvroSchema, fields: int) -> Reader:
    """Compile the reader of a record's first fields; what stands behind them is not looked at."""
    return compile_reader({**schema, "fields": schema["fields"][:fields]})


class _Code(Source):
    """The reader's source. In it `p` is the position, `x` the byte at hand, `size` the length of the data."""

    def __init__(self) -> None:
        """Begin with nothing but the helpers below."""
        super().__init__(_HELPERS)
        self._known: dict[str, AvroSchema] = {}
        self._open: set[str] = set()

    def read(self, schema: AvroSchema, target: str, depth: int) -> None:
        """Lines that read a value into `target`."""
        if isinstance(schema, list):
            _, branch = schema
            self._optional(branch, target, depth)
        elif isinstance(schema, dict) and not isinstance(schema["type"], str):
            self.read(schema["type"], target, depth)
        else:
            kind = schema if isinstance(schema, str) else schema["type"]
            lines = _PRIMITIVES.get(kind)
            if lines is not None:
                for text in lines:
                    self.line(depth, text.replace("TARGET", target))
            elif isinstance(schema, str):
                self._named(schema, target, depth)
            else:
                _COMPLEX[kind](self, schema, target, depth)

    def _named(self, name: str, target: str, depth: int) -> None:
        if name not in self._known or name in self._open:
            message = f"recursive or unknown type {name}"
            raise ValueError(message)
        self.read(self._known[name], target, depth)

    def _optional(self, branch: AvroSchema, target: str, depth: int) -> None:
        self.line(depth, "x = data[p]")
        self.line(depth, "p += 1")
        self.line(depth, "if x == 0:")
        self.line(depth + 1, f"{target} = None")
        self.line(depth, f"elif x == {_BRANCH_1}:")
        self.read(branch, target, depth + 1)
        self.line(depth, "else:")
        self.line(depth + 1, "raise MalformedError")

    def record(self, schema: AvroSchema, target: str, depth: int) -> None:
        """Fields in a row, then the dict of them; of an older version, the newest's fields and defaults."""
        self._known[schema["name"]] = schema
        self._open.add(schema["name"])
        places = {}
        for number, field in enumerate(schema["fields"]):
            places[field["name"]] = place = f"{target}_{number}"
            self.read(field["type"], place, depth)
        self._open.remove(schema["name"])
        given = [(name, places.get(name) or repr(value)) for name, value in schema.get(READ_AS, dict(places)).items()]
        self.line(depth, f"{target} = {{{', '.join(f'{name!r}: {value}' for name, value in given)}}}")

    def enum(self, schema: AvroSchema, target: str, depth: int) -> None:
        """The index of a symbol."""
        self._known[schema["name"]] = schema
        symbols = self.constant(tuple(schema.get(READ_AS, schema["symbols"])))
        self.line(depth, "x = data[p]")
        self.line(depth, f"if x < {min(2 * len(schema['symbols']), _MORE)} and not x & 1:")
        self.line(depth + 1, "p += 1")
        self.line(depth + 1, f"{target} = {symbols}[x >> 1]")
        self.line(depth, "else:")
        self.line(depth + 1, f"{target}, p = _symbol(data, p, {symbols})")

    def array(self, schema: AvroSchema, target: str, depth: int) -> None:
        """One block of items, or none."""
        self._block(target, depth, "[]")
        self.line(depth + 1, f"for _ in range({target}_n):")
        self.read(schema["items"], f"{target}_i", depth + 2)
        self.line(depth + 2, f"{target}.append({target}_i)")
        self.line(depth + 1, "p = _end_of_block(data, p)")

    def map(self, schema: AvroSchema, target: str, depth: int) -> None:
        """One block of keys and values, or none; no key twice."""
        self._block(target, depth, "{}")
        self.line(depth + 1, f"for _ in range({target}_n):")
        self.line(depth + 2, f"{target}_k, p = _string(data, p)")
        self.read(schema["values"], f"{target}_i", depth + 2)
        self.line(depth + 2, f"{target}[{target}_k] = {target}_i")
        self.line(depth + 1, f"if len({target}) != {target}_n:")
        self.line(depth + 2, "raise NotCanonicalError")
        self.line(depth + 1, "p = _end_of_block(data, p)")

    def _block(self, target: str, depth: int, empty: str) -> None:
        self.line(depth, f"{target} = {empty}")
        self.line(depth, "if data[p] == 0:")
        self.line(depth + 1, "p += 1")
        self.line(depth, "else:")
        self.line(depth + 1, f"{target}_n, p = _count(data, p)")


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


def _symbol(data: bytes, position: int, symbols: tuple[str, ...]) -> tuple[str, int]:
    index, position = _long(data, position)
    if not 0 <= index < len(symbols):
        raise MalformedError
    return symbols[index], position


def _count(data: bytes, position: int) -> tuple[int, int]:
    """Read the count of the only block; every item takes a byte, so a count beyond what is left is a lie."""
    count, position = _long(data, position)
    if count < 0:
        raise NotCanonicalError
    if count > len(data) - position:
        raise MalformedError
    return count, position


def _end_of_block(data: bytes, position: int) -> int:
    if data[position] != 0:
        raise NotCanonicalError
    return position + 1


_HELPERS: Final[dict[str, object]] = {
    one.__name__: one for one in (_long, _int, _boolean, _double, _bytes, _string, _symbol, _count, _end_of_block)
} | {"MalformedError": MalformedError, "NotCanonicalError": NotCanonicalError}
_PRIMITIVES: Final[dict[str, tuple[str, ...]]] = {
    "null": ("TARGET = None",),
    "boolean": ("TARGET, p = _boolean(data, p)",),
    "int": ("TARGET, p = _int(data, p)",),
    "double": ("TARGET, p = _double(data, p)",),
    "bytes": ("TARGET, p = _bytes(data, p)",),
    "long": (
        "x = data[p]",
        f"if x < {_MORE}:",
        "    TARGET = (x >> 1) ^ -(x & 1)",
        "    p += 1",
        "else:",
        "    TARGET, p = _long(data, p)",
    ),
    "string": (
        "x = data[p]",
        f"if x < {_MORE} and not x & 1:",
        "    end = p + 1 + (x >> 1)",
        "    if end > size:",
        "        raise MalformedError",
        '    TARGET = str(data[p + 1 : end], "utf-8")',
        "    p = end",
        "else:",
        "    TARGET, p = _string(data, p)",
    ),
}
_COMPLEX: Final[dict[str, Callable[[_Code, AvroSchema, str, int], None]]] = {
    "record": _Code.record,
    "enum": _Code.enum,
    "array": _Code.array,
    "map": _Code.map,
}
