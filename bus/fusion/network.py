"""The nodes that are matched, and their clusters, for each reader as if there were nobody else.

Each is an event, or stands for those that say the same (bus/fusion/graph.py).
"""

from collections.abc import Callable, Iterable, Sequence

from bus.fusion.clusters import Rules
from bus.fusion.edges import Edges
from bus.fusion.entry import Cluster, Entry
from bus.fusion.joins import Joins
from bus.fusion.links import Links
from bus.fusion.node import Key, Node
from bus.fusion.region import Reclustering, Region, Split, regroup
from bus.labels import Label
from schemas.models import Parameters


class Network:
    """Nodes under one parameter record and one set of policies. A mask is a bitmask of readers."""

    __slots__ = ("_changed", "_dirty", "_edges", "_entries", "_rules", "links")

    def __init__(self, parameters: Parameters, label_join: Callable[[Label, Label], Label | None]) -> None:
        """Begin without events."""
        joins = Joins(label_join)
        self._entries: dict[Key, Entry] = {}
        self._edges = Edges(parameters, joins)
        self.links = Links()
        self._rules = Rules(parameters.cluster.edge_share, joins.are_valid)
        self._dirty: dict[Entry, int] = {}
        self._changed: dict[Key, int] = {}

    def __len__(self) -> int:
        """How many nodes there are."""
        return len(self._entries)

    def get(self, key: Key) -> Entry | None:
        """The node of this key."""
        return self._entries.get(key)

    def beside(self, node: Node) -> Sequence[Entry]:
        """The nodes of the place-day of one that has a place and a time."""
        return self._edges.beside(node)

    def tell_of(self, record: str) -> Iterable[Entry]:
        """The nodes whose public record this is."""
        return self._edges.tell_of(record)

    def put(self, node: Node, mask: int) -> None:
        """Put an event, or replace the one of the same key, for these readers."""
        entry = self._entries.get(node.key)
        if entry is not None and entry.node == node:
            self.set_mask(node.key, mask)
            return
        if entry is not None:
            self._remove(entry)
        if mask:
            entry = self._entries[node.key] = Entry(node, mask)
            self._edges.add(entry)

    def set_mask(self, key: Key, mask: int) -> None:
        """Leave an event open for these readers only, or for more; 0 takes it away."""
        entry = self._entries.get(key)
        if entry is None or entry.mask == mask:
            return
        if not mask:
            self._remove(entry)
            return
        self._leave(entry, entry.mask & ~mask)
        self._edges.change_mask(entry, mask)
        entry.narrow(mask)

    def __contains__(self, key: Key) -> bool:
        """Whether there is a node of this key."""
        return key in self._entries

    def link(self, link_key: Key, relation: str, refs: Iterable[Key], mask: int) -> Iterable[Key]:
        """Say SAME or DIFFERENT of all pairs of some events, known or not, for these readers; 0 takes it back.

        Returns of which now other things are said.
        """
        named = self.links.set(link_key, relation, refs, mask)
        for ref, readers in named.items():
            entry = self._entries.get(ref)
            if entry is not None and entry.mask & readers:
                self._dirty[entry] = self._dirty.get(entry, 0) | entry.mask & readers
        return named

    def settle(self) -> dict[Key, int]:
        """Re-cluster what changed: events whose cluster changed since the last time, with the readers for whom."""
        dirty = self._dirty
        for entry, readers in self._edges.touched.items():
            dirty[entry] = dirty.get(entry, 0) | readers
        self._edges.touched.clear()
        while dirty:
            entry = next(iter(dirty))
            readers = dirty[entry] & entry.mask
            if not readers:
                del dirty[entry]
                continue
            if not entry.has_edges and entry.cluster is None and not self.links.name(entry.key):
                self._apply(Region([[entry]], readers))
                continue
            while True:
                try:
                    region = Reclustering(self._entries, self.links, self._rules, dirty, readers).around(entry)
                except Split as split:
                    readers = split.readers
                else:
                    break
            self._apply(region)
        changed, self._changed = self._changed, {}
        return changed

    def cluster_of(self, key: Key, bit: int) -> Cluster | None:
        """The cluster of an event for one reader, as of the last `settle`."""
        entry = self._entries.get(key)
        return None if entry is None else entry.cluster_of(1 << bit)

    def clusters_of(self, key: Key) -> list[tuple[int, Cluster]]:
        """The clusters of an event by disjoint masks of readers, as of the last `settle`."""
        entry = self._entries.get(key)
        return [] if entry is None else list(entry.clusters)

    def _apply(self, region: Region) -> None:
        for entry, cluster in regroup(region):
            if entry.cluster_of(region.readers) is not cluster:
                self._mark(entry.node.key, region.readers)
                entry.assign(cluster, region.readers)
            if entry in self._dirty:
                left = self._dirty.pop(entry) & ~region.readers
                if left:
                    self._dirty[entry] = left

    def _remove(self, entry: Entry) -> None:
        self._leave(entry, entry.mask)
        self._edges.remove(entry)
        del self._entries[entry.key]
        self._dirty.pop(entry, None)

    def _leave(self, entry: Entry, readers: int) -> None:
        """An event leaves these readers' sight: those it was one story with must be looked at again."""
        for mask, cluster in entry.clusters:
            lost = mask & readers
            if lost:
                self._mark(entry.key, lost)
                for node in cluster.members:
                    member = self._entries.get(node.key)
                    if member is not None and member is not entry and member.mask & lost:
                        self._mark(node.key, lost)
                        self._dirty[member] = self._dirty.get(member, 0) | member.mask & lost

    def _mark(self, key: Key, readers: int) -> None:
        self._changed[key] = self._changed.get(key, 0) | readers
