"""Place-days, and which of them are dense: there an edge must be strong, so that a crowd does not become one story.

A place-day is dense for a reader who sees more of its events than the limit. Hidden events count for nobody: `dense`
is a mask of readers.
"""

from collections.abc import Iterator

from bus.fusion.areas import Spot
from bus.fusion.entry import Entry
from bus.fusion.masks import bits
from bus.fusion.node import Node
from bus.units import DAY_MS


class Bucket:
    """The open events of one place-day: one cell and one UTC day.

    `crowd` is there where it holds more events than the limit; then `dense` are the readers who see more than the
    limit.
    """

    __slots__ = ("crowd", "dense", "entries")

    def __init__(self) -> None:
        """Begin empty."""
        self.entries: list[Entry] = []
        self.dense = 0
        self.crowd: Crowd | None = None

    def is_between(self, first: int, last: int) -> bool:
        """Whether its day has any of these times, `last` not included."""
        day = self.entries[0].start // DAY_MS
        return first // DAY_MS <= day <= (last - 1) // DAY_MS


class Crowd:
    """The events of a crowded place-day, found by who reads them and by what makes an edge strong."""

    __slots__ = ("by_feature", "by_mask", "spots")

    def __init__(self) -> None:
        """Begin empty."""
        self.by_mask: dict[int, dict[Entry, None]] = {}
        self.by_feature: dict[object, dict[Entry, None]] = {}
        self.spots: dict[Spot, int] = {}
        """Where the index names the bucket instead of its events, each with how many."""

    def add(self, entry: Entry, mask: int) -> None:
        """Take an event in."""
        self.by_mask.setdefault(mask, {})[entry] = None
        for feature in features(entry.node):
            self.by_feature.setdefault(feature, {})[entry] = None

    def discard(self, entry: Entry, mask: int) -> None:
        """Let an event go that was taken in with this mask."""
        for table, name in ((self.by_mask, mask), *((self.by_feature, name) for name in features(entry.node))):
            held: dict[Entry, None] = table[name]  # type: ignore[index]
            del held[entry]
            if not held:
                del table[name]  # type: ignore[attr-defined]

    def readers_above(self, limit: int) -> int:
        """The readers who see more events than the limit."""
        dense = 0
        every = 0
        for mask in self.by_mask:
            every |= mask
        for bit in bits(every):
            if sum(len(held) for mask, held in self.by_mask.items() if mask >> bit & 1) > limit:
                dense |= 1 << bit
        return dense

    def find(self, node: Node, readers: int, dense: int) -> Iterator[Entry]:
        """The events that may have an edge with this one: all that one reads who sees few, else by feature."""
        few = readers & ~dense
        for mask, held in self.by_mask.items():
            if mask & few:
                yield from held
        if readers & dense:
            for feature in features(node):
                yield from self.by_feature.get(feature, ())


def features(node: Node) -> Iterator[object]:
    """What two events of a dense place-day must share one of: a gram, a named actor, a picture (and see records)."""
    yield from memoryview(node.grams).cast("I")
    yield from node.actors
    yield from node.media
