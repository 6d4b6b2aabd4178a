"""What the graph holds of an open event and of a cluster. Masks are bitmasks of readers."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Final

from bus.fusion.node import Key, Node

if TYPE_CHECKING:
    from bus.fusion.dense import Bucket


FEW: Final = 4
"""So many edges are held as neighbour, score, neighbour, score …: in a third of a dict's memory."""


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

    `edges` has the score of every edge that some reader has. `strong` are those neighbours whose edge holds in a
    dense place-day too; it is complete wherever this place-day or the neighbour's is dense for anybody. `lat`, `lon`
    and `start` are the node's, where a search finds them fastest.
    """

    __slots__ = ("_edges", "bucket", "cluster", "lat", "lon", "mask", "node", "others", "settled", "start", "strong")

    def __init__(self, node: Node, mask: int) -> None:
        """Begin without edges and cluster."""
        self.node = node
        self.mask = mask
        self.lat, self.lon, self.start = node.lat or 0.0, node.lon or 0.0, node.start or 0
        self._edges: dict[Entry, float] | tuple[Any, ...] = ()
        self.strong: AbstractSet[Entry] = NONE
        self.bucket: Bucket | None = None
        self.cluster: Cluster | None = None
        self.settled = 0
        self.others: tuple[tuple[int, Cluster], ...] = ()

    @property
    def key(self) -> Key:
        """The event's identity."""
        return self.node.key

    @property
    def has_edges(self) -> bool:
        """Whether it has any neighbour."""
        return bool(self._edges)

    @property
    def edges(self) -> "Mapping[Entry, float]":
        """The neighbours, with scores."""
        held = self._edges
        return held if isinstance(held, dict) else dict(zip(held[::2], held[1::2], strict=True))

    def connect(self, other: "Entry", score: float, *, strong: bool) -> None:
        """Make an edge, seen from both sides."""
        self.gain(other, score)
        other.gain(self, score)
        if strong:
            self.strengthen(other)
            other.strengthen(self)

    def disconnect(self, other: "Entry") -> None:
        """Take an edge away, from both sides."""
        self.lose(other)
        other.lose(self)

    def gain(self, other: "Entry", score: float) -> None:
        """Take a neighbour in, on this side."""
        held = self._edges
        if isinstance(held, dict):
            held[other] = score
        elif len(held) < 2 * FEW and other not in held[::2]:
            self._edges = (*held, other, score)
        else:
            self._edges = {**self.edges, other: score}

    def lose(self, other: "Entry") -> None:
        """Let a neighbour go, on this side."""
        held = self._edges
        if isinstance(held, dict):
            del held[other]
            if len(held) <= FEW:
                self._edges = tuple([part for edge in held.items() for part in edge])
        else:
            place = held[::2].index(other) * 2
            self._edges = (*held[:place], *held[place + 2 :])
        if isinstance(self.strong, set):
            self.strong.discard(other)

    def strengthen(self, other: "Entry") -> None:
        """Remember that the edge holds in a dense place-day too."""
        if not isinstance(self.strong, set):
            self.strong = set()
        self.strong.add(other)

    def readers_of(self, other: "Entry") -> int:
        """The readers for whom the edge to a neighbour holds."""
        dense = self.dense | other.dense
        if dense and other not in self.strong:
            return self.mask & other.mask & ~dense
        return self.mask & other.mask

    @property
    def dense(self) -> int:
        """The readers for whom the place-day is dense."""
        return 0 if self.bucket is None else self.bucket.dense

    @property
    def clusters(self) -> tuple[tuple[int, Cluster], ...]:
        """The clusters by disjoint masks of readers; `cluster` with its readers `settled`, then the `others`."""
        if self.cluster is None:
            return ()
        return ((self.settled, self.cluster), *self.others) if self.others else ((self.settled, self.cluster),)

    def cluster_of(self, readers: int) -> Cluster | None:
        """The cluster for one reader, or for several who share it."""
        if self.settled & readers:
            return self.cluster
        return next((cluster for mask, cluster in self.others if mask & readers), None)

    def assign(self, cluster: Cluster, readers: int) -> None:
        """Take a cluster for these readers."""
        if not (self.others or self.settled & ~readers):
            self.settled, self.cluster = readers, cluster
            return
        found = {cluster: readers}
        for mask, other in self.clusters:
            if mask & ~readers:
                found[other] = found.get(other, 0) | mask & ~readers
        self._keep([(mask, other) for other, mask in found.items()])

    def narrow(self, mask: int) -> None:
        """Keep clusters of these readers only."""
        self._keep([(held & mask, cluster) for held, cluster in self.clusters if held & mask])

    def _keep(self, clusters: list[tuple[int, Cluster]]) -> None:
        self.settled, self.cluster = clusters[0] if clusters else (0, None)
        self.others = tuple(clusters[1:])


NONE: Final[frozenset[Entry]] = frozenset()
