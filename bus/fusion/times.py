"""When to look: events in order of their start, apart by how long they last.

So a place with a long history is not read through for one day, and what goes on for months does not make every search
go back for months.
"""

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from bus.fusion.node import Node
from bus.units import DAY_MS

if TYPE_CHECKING:
    from bus.fusion.entry import Entry

SPANS_DAYS: Final = (1, 16, 256)
"""Longest interval of each span; longer ones, and what goes on, are in the last."""
OPEN: Final = len(SPANS_DAYS)
SPANS: Final = OPEN + 1
ALWAYS_MS: Final = 1 << 62
"""After every time."""

_LENGTHS_MS: Final = tuple(days * DAY_MS for days in SPANS_DAYS)

Starts = tuple[int, int]
"""From the first to before the last, UTC ms."""


def span_of(node: Node) -> int:
    """The number of the span that holds the interval."""
    if node.end is not None and node.start is not None:
        for span, days in enumerate(SPANS_DAYS):
            if node.end - node.start <= days * DAY_MS:
                return span
    return OPEN


def starts_around(node: Node) -> list[Starts]:
    """For each span, between which starts an interval within the event's window can lie.

    Its own window is the largest that counts.
    """
    start, window = node.start or 0, node.window_ms or 0
    last = ALWAYS_MS if node.end is None else node.end + window
    first = start - window
    return [*[(first - length, last) for length in _LENGTHS_MS], (-ALWAYS_MS, last)]


class Row:
    """Events of one area in order of their start."""

    __slots__ = ("entries", "starts")

    def __init__(self, *entries: "Entry") -> None:
        """Begin with these, whose order does not matter."""
        self.entries = sorted(entries, key=lambda entry: entry.start)
        self.starts = [entry.start for entry in self.entries]

    def add(self, entry: "Entry") -> None:
        """Take an event in."""
        place = bisect_left(self.starts, entry.start)
        self.starts.insert(place, entry.start)
        self.entries.insert(place, entry)

    def remove(self, entry: "Entry") -> None:
        """Let an event go."""
        place = self.entries.index(entry, bisect_left(self.starts, entry.start))
        del self.starts[place], self.entries[place]
