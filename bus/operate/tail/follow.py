"""From where a topic is shown, which records of it, and how many a second."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from bus.log.protocol import Log
from bus.operate.tail.decode import Fields, described

SECOND_S = 1.0


class Skipped(NamedTuple):
    """So many records came too fast to be shown."""

    records: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Records of a topic whose fields are these; `content`: with their bodies."""

    topic: str
    fields: Mapping[str, str] = field(default_factory=dict)
    content: bool = False

    def read(self, log: Log, start: int, end: int) -> Iterator[Fields]:
        """Those with start ≤ offset < end."""
        for record in log.read(self.topic, start, end):
            fields = described(record, content=self.content)
            if all(str(fields.get(name)) == value for name, value in self.fields.items()):
                yield fields


def backlog(log: Log, wanted: Wanted, *, last: int, start: int | None = None) -> tuple[Iterator[Fields], int]:
    """The last so many records, or all from an offset on; and the offset to follow from."""
    end = log.end(wanted.topic)
    if start is not None:
        return wanted.read(log, start, end), max(start, end)
    if wanted.fields or last == 0:
        found = deque(wanted.read(log, 0, end) if last else (), maxlen=last)
    else:
        found = deque(wanted.read(log, max(0, end - last), end), maxlen=last)
    return iter(found), end


def follow(  # noqa: PLR0913 - what is shown, and how fast
    log: Log,
    wanted: Wanted,
    start: int,
    *,
    most_per_s: int,
    poll_s: float,
    is_over: Callable[[], bool],
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[Fields | Skipped | None]:
    """What comes, until `is_over`; of each second no more than so many (0: all), and then how many were left out.

    None: nothing more for now, so what was shown can be flushed.
    """
    until, shown, skipped = monotonic() + SECOND_S, 0, 0
    while not is_over():
        end = log.end(wanted.topic)
        for fields in wanted.read(log, start, end):
            if monotonic() >= until:
                if skipped:
                    yield Skipped(skipped)
                until, shown, skipped = monotonic() + SECOND_S, 0, 0
            if most_per_s and shown >= most_per_s:
                skipped += 1
            else:
                shown += 1
                yield fields
        start = max(start, end)
        if skipped and monotonic() >= until:
            yield Skipped(skipped)
            until, shown, skipped = monotonic() + SECOND_S, 0, 0
        yield None
        log.wait(poll_s)
    if skipped:
        yield Skipped(skipped)
