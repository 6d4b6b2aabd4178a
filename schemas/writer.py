"""A strict Avro writer: the canonical encoding of a value, or an exception.

Symmetrical to the reader (schemas/reader.py) and held equal to fastavro's strict writer by a law test. It is faster,
since it does not try each branch of a union on the whole value. A compiled writer takes (bytes so far, value) and
appends. A value of another type, a field too many or too few is a TypeError, KeyError or ValueError: our own fault,
since nobody else's values are ever written.
"""

from collections.abc import Callable
from functools import lru_cache
from struct import Struct
from typing import Any, Final

from schemas.source import Source
from schemas.untyped import AvroSchema, AvroValue

Writer = Callable[[bytearray, AvroValue], None]

_DOUBLE: Final = Struct("<d")
_LONG_LIMIT: Final = 2**63
_ONE_BYTE: Final = 0x7F
"""The largest zigzag value that takes one byte."""
_SMALL: Final = 64
"""Below it a number or a length takes one byte."""


def compile_writer(schema: AvroSchema) -> Writer:
    """Compile the writer of a schema that the lint accepts: one function for the whole schema."""
    code = _Code()
    code.line(0, "def write(out, value):")
    code.line(1, "append = out.append")
    code.write(schema, "value", 1)
    writer: Writer = code.run("write")
    return writer


def compile_part_writer(schema: AvroSchema, names: tuple[str, ...]) -> Writer:
    """Compile the writer of some fields of a record, in this order."""
    code = _Code()
    code.line(0, "def write(out, value):")
    code.line(1, "append = out.append")
    code.part(schema, names)
    writer: Writer = code.run("write")
    return writer


@lru_cache(maxsize=512)
def varint(value: int) -> bytes:
    """A number as a zigzag varint; memoised, since times and counts come again and again, for each reader."""
    if not -_LONG_LIMIT <= value < _LONG_LIMIT:
        raise ValueError
    out = bytearray()
    rest = (value << 1) ^ (value >> 63)
    while rest > _ONE_BYTE:
        out.append(rest & _ONE_BYTE | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


class _Code(Source):
    """The writer's source. In it `append` appends one byte to `out`."""

    def __init__(self) -> None:
        """Begin with nothing but the helpers below."""
        super().__init__(_HELPERS)
        self._known: dict[str, AvroSchema] = {}
        self._open: set[str] = set()

    def write(self, schema: AvroSchema, value: str, depth: int) -> None:
        """Lines that write what stands in the variable `value`."""
        if isinstance(schema, list):
            _, branch = schema
            self._optional(branch, value, depth)
        elif isinstance(schema, dict) and not isinstance(schema["type"], str):
            self.write(schema["type"], value, depth)
        else:
            kind = schema if isinstance(schema, str) else schema["type"]
            lines = _PRIMITIVES.get(kind)
            if lines is not None:
                for text in lines:
                    self.line(depth, text.replace("VALUE", value))
            elif isinstance(schema, str):
                self._named(schema, value, depth)
            else:
                _COMPLEX[kind](self, schema, value, depth)

    def part(self, schema: AvroSchema, names: tuple[str, ...]) -> None:
        """Lines that write some fields of a record, each with the types that are defined before it."""
        fields = {field["name"]: field["type"] for field in schema["fields"]}
        for kind in fields.values():
            self._learn(kind)
        for number, name in enumerate(names):
            self.line(1, f"value_{number} = value[{name!r}]")
            self.write(fields[name], f"value_{number}", 1)

    def _learn(self, schema: AvroSchema) -> None:
        """Remember the types that a schema defines."""
        if isinstance(schema, list):
            for branch in schema:
                self._learn(branch)
        elif isinstance(schema, dict):
            if "name" in schema:
                self._known[schema["name"]] = schema
            for field in schema.get("fields", ()):
                self._learn(field["type"])
            for inner in ("type", "items", "values"):
                self._learn(schema.get(inner))

    def _named(self, name: str, value: str, depth: int) -> None:
        if name not in self._known or name in self._open:
            message = f"recursive or unknown type {name}"
            raise ValueError(message)
        self.write(self._known[name], value, depth)

    def _optional(self, branch: AvroSchema, value: str, depth: int) -> None:
        self.line(depth, f"if {value} is None:")
        self.line(depth + 1, "append(0)")
        self.line(depth, "else:")
        self.line(depth + 1, "append(2)")
        self.write(branch, value, depth + 1)

    def record(self, schema: AvroSchema, value: str, depth: int) -> None:
        """Fields in a row; as many as the schema has."""
        self._known[schema["name"]] = schema
        self._open.add(schema["name"])
        self.line(depth, f"if len({value}) != {len(schema['fields'])}:")
        self.line(depth + 1, "raise ValueError")
        for number, field in enumerate(schema["fields"]):
            place = f"{value}_{number}"
            self.line(depth, f"{place} = {value}[{field['name']!r}]")
            self.write(field["type"], place, depth)
        self._open.remove(schema["name"])

    def enum(self, schema: AvroSchema, value: str, depth: int) -> None:
        """The index of a symbol."""
        self._known[schema["name"]] = schema
        encoded = self.constant({symbol: varint(index) for index, symbol in enumerate(schema["symbols"])})
        self.line(depth, f"out += {encoded}[{value}]")

    def array(self, schema: AvroSchema, value: str, depth: int) -> None:
        """One block of items, or none."""
        self.line(depth, f"if not isinstance({value}, (list, tuple)):")
        self.line(depth + 1, "raise TypeError")
        self.line(depth, f"if {value}:")
        self.line(depth + 1, f"out += varint(len({value}))")
        self.line(depth + 1, f"for {value}_i in {value}:")
        self.write(schema["items"], f"{value}_i", depth + 2)
        self.line(depth, "append(0)")

    def map(self, schema: AvroSchema, value: str, depth: int) -> None:
        """One block of keys and values, or none."""
        self.line(depth, f"if {value}:")
        self.line(depth + 1, f"out += varint(len({value}))")
        self.line(depth + 1, f"for {value}_k, {value}_i in {value}.items():")
        self.write("string", f"{value}_k", depth + 2)
        self.write(schema["values"], f"{value}_i", depth + 2)
        self.line(depth, "append(0)")


_HELPERS: Final[dict[str, object]] = {"varint": varint, "pack_double": _DOUBLE.pack}
_LONG: Final = (
    "if type(VALUE) is not int:",
    "    raise TypeError",
    f"if 0 <= VALUE < {_SMALL}:",
    "    append(VALUE << 1)",
    "else:",
    "    out += varint(VALUE)",
)
_PRIMITIVES: Final[dict[str, tuple[str, ...]]] = {
    "null": ("if VALUE is not None:", "    raise TypeError"),
    "boolean": ("if type(VALUE) is not bool:", "    raise TypeError", "append(VALUE)"),
    "long": _LONG,
    "int": _LONG,
    "double": (
        "if type(VALUE) is not float and type(VALUE) is not int:",
        "    raise TypeError",
        "out += pack_double(VALUE)",
    ),
    "bytes": (
        "if not isinstance(VALUE, bytes):",
        "    raise TypeError",
        "out += varint(len(VALUE))",
        "out += VALUE",
    ),
    "string": (
        "if not isinstance(VALUE, str):",
        "    raise TypeError",
        "data = VALUE.encode()",
        "size = len(data)",
        f"if size < {_SMALL}:",
        "    append(size << 1)",
        "else:",
        "    out += varint(size)",
        "out += data",
    ),
}
_COMPLEX: Final[dict[str, Callable[[_Code, dict[str, Any], str, int], None]]] = {
    "record": _Code.record,
    "enum": _Code.enum,
    "array": _Code.array,
    "map": _Code.map,
}
