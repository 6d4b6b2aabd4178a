"""What Tocsin logs, on stderr: lines for people, or JSON lines. Ids, reasons and positions only, never content.

A message whose one argument is a mapping (`_log.info("%(owner)s: …", {"owner": …})`) gives its fields in JSON too. Of
an exception only type and places are told: its words may quote what was being read.

What repeats is told once, and then as a sum per interval: a flood of a hundred thousand bad signatures is a few lines.
"""

import json
import logging
import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

from adapters.display import shown

MOST_KINDS: Final = 1_000
"""Kinds of lines that are counted apart in one interval; all beyond are counted together."""
_PLACES: Final = 5

_Kind: TypeAlias = tuple[object, ...]
_OTHERS: Final[_Kind] = ("others",)


def log_to_stderr(level: str, form: str = "text", interval_s: float = 10.0) -> None:
    """Let this process log to stderr from this level on, as `text` or `json`; the first call of a process counts.

    `interval_s`: how long what repeats is counted before its sum is told; 0 tells each line.
    """
    stream = logging.StreamHandler()
    stream.setFormatter(JsonLines() if form == "json" else TextLines())
    handler = Sums(stream, interval_s) if interval_s else stream
    logging.basicConfig(level=level, handlers=[handler])


class TextLines(logging.Formatter):
    """One line for people: when (UTC), how grave, where from, what. It can't steer a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        said = f"{_at(record)} {record.levelname} {record.name} {record.getMessage()}"
        if times := _times(record):
            said += f" (the last of {times} more like it)"
        if record.exc_info:
            said += f": {places(record.exc_info[1])}"
        return shown(said)


class JsonLines(logging.Formatter):
    """One JSON document a line, with the message's fields, none of which passes for the line's own."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        fields = dict(record.args) if isinstance(record.args, Mapping) else {}
        line: dict[str, Any] = {
            "at": _at(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in fields.items() if name not in line}
        if times := _times(record):
            line["times"] = times
        if record.exc_info:
            line["fault"] = places(record.exc_info[1])
        return json.dumps(line, default=str, separators=(",", ":"))


class Sums(logging.Handler):
    """Passes on the first line of each kind; of those that follow, per interval, the last one with their number.

    A kind is a message with its words, numbers left out: `ingest-fra: BAD_SIGNATURE at offset … of submissions.fra`.
    """

    def __init__(self, to: logging.Handler, interval_s: float) -> None:
        """Pass on to this handler."""
        super().__init__()
        self._to = to
        self._interval_s = interval_s
        self._held: dict[_Kind, _Held] = {}
        self._timer: threading.Timer | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """One more line."""
        kind = _kind(record)
        if kind not in self._held and len(self._held) >= MOST_KINDS:
            kind = _OTHERS
        held = self._held.get(kind)
        if held is None:
            self._held[kind] = _Held()
            self._to.handle(record)
        else:
            held.times += 1
            held.last = record
        if self._timer is None:
            self._start()

    def flush(self) -> None:
        """Tell what was held back. What goes on coming is told in sums still, what stopped begins anew."""
        self.acquire()
        try:
            held, self._held = self._held, {}
            for kind, one in held.items():
                if one.last is not None:
                    self._held[kind] = _Held()
                    one.last.times = one.times
                    self._to.handle(one.last)
        finally:
            self.release()
        self._to.flush()

    def close(self) -> None:
        """Tell what was held back, and no more."""
        if self._timer is not None:
            self._timer.cancel()
        self.flush()
        super().close()

    def _start(self) -> None:
        self._timer = threading.Timer(self._interval_s, self._over)
        self._timer.daemon = True
        self._timer.start()

    def _over(self) -> None:
        """The interval's end."""
        self.flush()
        self.acquire()
        try:
            self._timer = None
            if self._held:
                self._start()
        finally:
            self.release()


@dataclass(slots=True)
class _Held:
    """Lines of one kind that were not told yet."""

    times: int = 0
    last: logging.LogRecord | None = None


def places(fault: BaseException | None) -> str:
    """Type and places of an exception, innermost first; none of its values."""
    if fault is None:
        return ""
    frames = traceback.extract_tb(fault.__traceback__)[-_PLACES:]
    where = " < ".join(f"{Path(one.filename).name}:{one.lineno}" for one in reversed(frames))
    return f"{type(fault).__name__} at {where}" if where else type(fault).__name__


def _at(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _times(record: logging.LogRecord) -> int:
    """How many lines a sum stands for."""
    return int(getattr(record, "times", 0))


def _kind(record: logging.LogRecord) -> _Kind:
    args = record.args.values() if isinstance(record.args, Mapping) else record.args or ()
    return (record.name, record.msg, *(str(one) for one in args if not isinstance(one, int | float)))
