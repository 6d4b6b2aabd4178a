"""When to look: bins of time, so that a place with a long history is not read through for one day."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from bus.fusion.node import DAY_MS, Node

SPANS_DAYS: Final = (1, 16, 256)
"""Intervals up to these lengths are binned by their start, in bins of half the length but at least a day; longer ones,
and what goes on, lie in one bin."""
OPEN: Final = len(SPANS_DAYS)
SPANS: Final = OPEN + 1
LAST_DAY: Final = 1 << 32
"""After every day."""
MOST_BINS: Final = 256
"""More bins than this are not looked up one by one."""
_WIDTHS: Final = tuple(max(1, days // 2) for days in SPANS_DAYS)


def span_of(node: Node) -> int:
    """The number of the span that holds the interval."""
    if node.end is not None and node.start is not None:
        for span, days in enumerate(SPANS_DAYS):
            if node.end - node.start <= days * DAY_MS:
                return span
    return OPEN


def bin_of(node: Node) -> int:
    """The bin that an event lies in."""
    span = span_of(node)
    return OPEN if span == OPEN else ((node.start or 0) // DAY_MS // _WIDTHS[span]) * SPANS + span


class Times(NamedTuple):
    """Bins to look in, by span and where they are few as keys; starts lie from `first` to before `last`."""

    ranges: tuple[range, ...]
    keys: Sequence[int] | None
    first: int
    last: int

    @classmethod
    def around(cls, node: Node, held: Sequence[int]) -> "Times":
        """The bins that can hold an interval within the event's window; `held` says how many lie in each span.

        Its own window is the largest that counts.
        """
        start, window = node.start or 0, node.window_ms or 0
        last = LAST_DAY if node.end is None else (node.end + window) // DAY_MS
        ranges = [
            range((start - window - days * DAY_MS) // DAY_MS // width, last // width + 1) if held[span] else range(0)
            for span, (days, width) in enumerate(zip(SPANS_DAYS, _WIDTHS, strict=True))
        ]
        ranges.append(range(1 if held[OPEN] else 0))
        longest = max((days for days, count in zip(SPANS_DAYS, held, strict=False) if count), default=0)
        first = -LAST_DAY * DAY_MS if held[OPEN] else start - window - longest * DAY_MS
        latest = LAST_DAY * DAY_MS if node.end is None else node.end + window
        if sum(map(len, ranges)) > MOST_BINS:
            return cls(tuple(ranges), None, first, latest)
        keys = [number * SPANS + span for span, each in enumerate(ranges) for number in each]
        return cls(tuple(ranges), keys, first, latest)

    def among(self, bins: Iterable[int]) -> list[int]:
        """Those of some bins that are to be looked in."""
        return [key for key in bins if key // SPANS in self.ranges[key % SPANS]]
