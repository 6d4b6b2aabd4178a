"""Which events are connected, for whom; kept while events come, go, change readers, and while places crowd."""

from collections.abc import Iterable, Sequence

from bus.fusion.dense import Bucket
from bus.fusion.entry import Entry
from bus.fusion.index import Index
from bus.fusion.joins import Joins
from bus.fusion.node import Node
from bus.fusion.score import Matcher
from schemas.models import Parameters


class Edges:
    """All edges, and since the last look the events some edge of which changed, with the readers for whom."""

    __slots__ = ("_index", "_joins", "_matcher", "touched")

    def __init__(self, parameters: Parameters, joins: Joins) -> None:
        """Begin without events."""
        self._index = Index(parameters)
        self._matcher = Matcher(parameters)
        self._joins = joins
        self.touched: dict[Entry, int] = {}

    def add(self, entry: Entry) -> None:
        """Take an event in, with all its edges."""
        self._touch(entry, entry.mask)
        if entry.node.window_ms is None or entry.node.lat is None:
            return
        self._index.add(entry)
        self._recount(entry.bucket)
        self._connect(entry, entry.mask)

    def remove(self, entry: Entry) -> None:
        """Let an event go, with all its edges."""
        for other in list(entry.edges):
            entry.disconnect(other)
        self.touched.pop(entry, None)
        self._index.remove(entry)
        self._recount(entry.bucket)

    def change_mask(self, entry: Entry, mask: int) -> None:
        """Give an event to other readers."""
        gained = mask & ~entry.mask
        self._index.change_mask(entry, mask)
        self._touch(entry, gained)
        self._recount(entry.bucket)
        if entry.bucket is not None:
            self._prune(entry)
            if gained:
                self._connect(entry, gained)

    def beside(self, node: Node) -> Sequence[Entry]:
        """The events of the place-day of one that has a place and a time."""
        return self._index.beside(node)

    def tell_of(self, record: str) -> Iterable[Entry]:
        """The events whose public record this is."""
        return self._index.tell_of(record)

    def _connect(self, entry: Entry, readers: int) -> None:
        """Find the edges that these readers have of an event."""
        node, edges, score, strong = entry.node, entry.edges, self._matcher.score, False
        # In a crowd one is met once for each gram that two texts share.
        for other in dict.fromkeys(self._index.near(entry, readers)):
            if other is entry or other in edges or not other.mask & readers:
                continue
            found = score(node, other.node)
            if found is None or not (
                node.label is other.node.label or self._joins.are_valid(frozenset((node.label, other.node.label)))
            ):
                continue
            dense = entry.dense | other.dense
            if dense:
                strong = self._matcher.is_strong(node, other.node)
                if not strong and not entry.mask & other.mask & ~dense:
                    continue
            entry.connect(other, found, strong=strong)
            strong = False

    def _recount(self, bucket: Bucket | None) -> None:
        """Bring a place-day's density up to date, and where it changes for somebody, the edges there."""
        if bucket is None:
            return
        dense = self._index.recount(bucket)
        denser, thinner = dense & ~bucket.dense, bucket.dense & ~dense
        if denser:
            self._thicken(bucket, dense, denser)
        bucket.dense = dense
        if thinner:
            for entry in list(bucket.entries):
                if entry.mask & thinner:
                    self._touch(entry, entry.mask & thinner)
                    self._connect(entry, entry.mask & thinner)

    def _thicken(self, bucket: Bucket, dense: int, denser: int) -> None:
        """Keep of a place-day's edges, for those for whom it became dense, the strong ones."""
        first = not bucket.dense
        bucket.dense = dense
        for entry in bucket.entries:
            for other in list(entry.edges):
                if first and self._matcher.is_strong(entry.node, other.node):
                    entry.strengthen(other)
                    other.strengthen(entry)
                if other not in entry.strong:
                    self._touch(entry, entry.mask & other.mask & denser)
            self._prune(entry)

    def _prune(self, entry: Entry) -> None:
        """Drop the edges that no reader has any more."""
        for other in [other for other in entry.edges if not entry.readers_of(other)]:
            entry.disconnect(other)

    def _touch(self, entry: Entry, readers: int) -> None:
        if readers:
            self.touched[entry] = self.touched.get(entry, 0) | readers
