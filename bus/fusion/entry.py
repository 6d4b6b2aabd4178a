"""What the graph holds of an open event, of a cluster, and of a place-day. Masks are bitmasks of readers."""

from collections.abc import Iterator
from typing import Final

from bus.fusion.node import Key, Node

NONE: Final[frozenset["Entry"]] = frozenset()


class Cluster:
    """One story of some readers: its members by key. Readers who see the same share one object."""

    __slots__ = ("members",)

    def __init__(self, members: tuple[Node, ...]) -> None:
        """Take the members, sorted by key."""
        self.members = members

    def __repr__(self) -> str:
        """The keys of the members."""
        return f"Cluster({', '.join('/'.join(node.key) for node in self.members)})"


class Entry:
    """An open event: who has it, what it is connected with, and its cluster for each of its readers.

    `edges` holds the score of every edge that some reader has. `strong` are those neighbours whose edge holds in a
    dense place-day too; it is complete wherever this place-day or the neighbour's is dense for anybody.
    """

    __slots__ = ("bucket", "clusters", "edges", "mask", "node", "strong")

    def __init__(self, node: Node, mask: int) -> None:
        """Begin without edges and cluster."""
        self.node = node
        self.mask = mask
        self.edges: dict[Entry, float] = {}
        self.strong: set[Entry] | frozenset[Entry] = NONE
        self.bucket: Bucket | None = None
        self.clusters: tuple[tuple[int, Cluster], ...] = ()

    @property
    def key(self) -> Key:
        """The event's identity."""
        return self.node.key

    def connect(self, other: "Entry", score: float, *, strong: bool) -> None:
        """Make an edge, seen from both sides."""
        self.edges[other] = other.edges[self] = score
        if strong:
            self.strengthen(other)
            other.strengthen(self)

    def strengthen(self, other: "Entry") -> None:
        """Remember that the edge holds in a dense place-day too."""
        if not isinstance(self.strong, set):
            self.strong = set()
        self.strong.add(other)

    def disconnect(self, other: "Entry") -> None:
        """Take an edge away, from both sides."""
        for one, its in ((self, other), (other, self)):
            del one.edges[its]
            if isinstance(one.strong, set):
                one.strong.discard(its)

    def readers_of(self, other: "Entry") -> int:
        """The readers for whom the edge to a neighbour holds."""
        common = self.mask & other.mask
        dense = self.dense | other.dense
        return common & ~dense if dense and other not in self.strong else common

    @property
    def dense(self) -> int:
        """The readers for whom the place-day is dense."""
        return 0 if self.bucket is None else self.bucket.dense

    def cluster_of(self, readers: int) -> Cluster | None:
        """The cluster for one reader, or for several who share it."""
        for mask, cluster in self.clusters:
            if mask & readers:
                return cluster
        return None

    def assign(self, cluster: Cluster, readers: int) -> None:
        """Take a cluster for these readers."""
        found: dict[Cluster, int] = {}
        for mask, other in ((readers, cluster), *((mask & ~readers, other) for mask, other in self.clusters)):
            if mask:
                found[other] = found.get(other, 0) | mask
        self.clusters = tuple([(mask, other) for other, mask in found.items()])

    def narrow(self, mask: int) -> None:
        """Keep clusters of these readers only."""
        self.clusters = tuple([(held & mask, cluster) for held, cluster in self.clusters if held & mask])


class Bucket:
    """The open events of one place-day: one cell and one UTC day.

    `crowd` is there where it holds more events than the limit; then `dense` are the readers who see more than the
    limit.
    """

    __slots__ = ("crowd", "dense", "entries")

    def __init__(self) -> None:
        """Begin empty."""
        self.entries: dict[Entry, None] = {}
        self.dense = 0
        self.crowd: Crowd | None = None


class Crowd:
    """The events of a crowded place-day, found by who reads them and by what makes an edge strong."""

    __slots__ = ("by_feature", "by_mask", "spots")

    def __init__(self) -> None:
        """Begin empty."""
        self.by_mask: dict[int, dict[Entry, None]] = {}
        self.by_feature: dict[object, dict[Entry, None]] = {}
        self.spots: dict[tuple[int, int | str, int], int] = {}
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


def bits(mask: int) -> Iterator[int]:
    """The readers in a mask."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
