"""What a command says: results on stdout, all else on stderr; text for people, or JSON with stable names.

With `--json` a command prints one JSON document, or, where it lists, one document per line (NDJSON). A fault is a
document too, on stdout, so that whoever reads it never meets nothing: `error`, `advice`, `retriable` and `exit`.
Everything that reaches a screen as text has passed `safe`; JSON escapes all but ASCII, which every parser turns back.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TextIO

from bus.cli.shown import safe, width
from bus.errors import Refusal, TocsinError


class UnwritableError(TocsinError):
    """The results can't be written to where they were to go."""


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as fault:
        why = fault.strerror or "the system refused"
        raise UnwritableError(
            f"the results can't be written: {why}",
            "What the command did is done; make room or write elsewhere, then ask again.",
            retriable=True,
        ) from fault


class Output:
    """The two streams of one command."""

    def __init__(self, *, as_json: bool, out: TextIO | None = None, err: TextIO | None = None) -> None:
        """Write to these streams, by default the process's own."""
        self.as_json = as_json
        self.out = out or sys.stdout
        self.err = err or sys.stderr
        self._is_whole = False

    def flush(self) -> None:
        """Let what was said be written."""
        with _writing():
            self.out.flush()

    def document(self, value: Mapping[str, Any]) -> None:
        """The one JSON document of a command."""
        self._is_whole = True
        self._write(json.dumps(value, default=_plain, indent=2, allow_nan=False) + "\n")

    def item(self, value: Mapping[str, Any]) -> None:
        """One line of NDJSON."""
        self._write(json.dumps(value, default=_plain, separators=(",", ":"), allow_nan=False) + "\n")

    def fault(self, error: str, advice: str, status: int, *, retriable: bool) -> None:
        """Why there is no result, or no more of it: the message on stderr, and with `--json` a document on stdout."""
        self.note(f"tocsin: {error}")
        if advice:
            self.note(f"  {advice}")
        if self.as_json and not self._is_whole:
            self.item({"error": error, "advice": advice, "retriable": retriable, "exit": status})

    def line(self, text: str = "") -> None:
        """One line of the result."""
        self._write(safe(text) + "\n")

    def page(self, text: str) -> None:
        """A page that was made for a screen: nothing in it that a terminal obeys but its own colours."""
        self._write(text)

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Rows under their heads, columns as wide as their longest cell; of nothing, that it is nothing."""
        cells = [list(heads), *([safe(_cell(one)) for one in row] for row in rows)]
        if len(cells) == 1:
            self.note("nothing to list")
            return
        wide = [max(width(row[at]) for row in cells) for at in range(len(heads))]
        for row in cells:
            padded = (cell + " " * (most - width(cell)) for cell, most in zip(row, wide, strict=True))
            self._write("  ".join(padded).rstrip() + "\n")

    def note(self, text: str) -> None:
        """Something beside the result."""
        self.err.write(safe(text) + "\n")

    def refused(self, what: str, refusal: Refusal) -> None:
        """Why something is not accepted, where, what was expected, and how to mend it."""
        self.note(f"{what}: {refusal.reason} at {refusal.place}: expected {refusal.expected}")
        self.note(f"  {refusal.remedy}")

    def progress(self, text: str) -> None:
        """Where a long work stands: on a terminal only, in one line that is written over."""
        if self.err.isatty():
            self.err.write(f"\r\x1b[K{safe(text)}")
            self.err.flush()

    def _write(self, text: str) -> None:
        with _writing():
            self.out.write(text)


def moment(ms: int | None) -> str:
    """A time as a person reads it, UTC."""
    if ms is None:
        return "-"
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def scope_text(feeds: Sequence[str]) -> str:
    """A key's feeds."""
    return "all feeds" if "*" in feeds else ", ".join(feeds)


def refusal_json(refusal: Refusal) -> dict[str, str]:
    """A refusal's fields."""
    return {
        "reason": str(refusal.reason),
        "place": refusal.place,
        "expected": refusal.expected,
        "remedy": refusal.remedy,
    }


def compact(value: object) -> str:
    """A value as JSON on one line for people: letters stay letters, so `safe` must see it."""
    return json.dumps(value, default=_plain, ensure_ascii=False, allow_nan=False)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = ", ".join(map(str, value)) if isinstance(value, tuple | list) else "" if value is None else str(value)
    return text or "-"


def _plain(value: object) -> object:
    """What json does not know: bytes as hex, enums by value, models as their fields."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Enum):
        return value.value
    if hasattr(value, "model_dump"):
        return value.model_dump()
    if isinstance(value, frozenset | set):
        return sorted(value)
    msg = f"{type(value).__name__} has no JSON"
    raise TypeError(msg)
