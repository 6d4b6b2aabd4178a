"""A function's Python source in the making, as `dataclasses` makes its methods: for the codec's readers and writers.

A call per field would take most of the time: a report has a hundred of them. Nothing of a schema stands in the source
but what `repr` quotes.
"""

from collections.abc import Mapping
from typing import Any


class Source:
    """Lines of one function, and the names that they use."""

    def __init__(self, names: Mapping[str, object]) -> None:
        """Begin with nothing but these helpers."""
        self._lines: list[str] = []
        self._names: dict[str, Any] = dict(names)

    def line(self, depth: int, text: str) -> None:
        """Add a line."""
        self._lines.append("    " * depth + text)

    def constant(self, value: object) -> str:
        """A name for a value."""
        name = f"constant_{len(self._names)}"
        self._names[name] = value
        return name

    def run(self, function: str) -> Any:  # noqa: ANN401 - its type is the caller's matter
        """Turn the source into the function of this name."""
        exec(compile("\n".join(self._lines), f"<Avro {function}>", "exec"), self._names)  # noqa: S102 - our own source
        return self._names[function]
