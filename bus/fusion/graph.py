"""The open events and their clusters, for each reader as if there were nobody else.

What anybody sees is a function of the set of (event, readers) and of the links: neither the order of arrival, nor
batches, nor what came and went meanwhile, nor anything that a reader does not see makes a difference
(tests/laws/test_graph.py).

Events that say the same are one node of the network that is matched (bus/fusion/twins.py); the clusters that are
given out hold all of them.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from operator import or_

from bus.fusion.entry import Cluster, Entry
from bus.fusion.network import Network
from bus.fusion.node import Key, Node, by_key
from bus.fusion.twins import Twin, Twins, has_twins, said
from bus.labels import Label
from schemas.models import Parameters

Clusters = list[tuple[int, Cluster]]
"""By disjoint masks of readers."""


class Graph:
    """Open events under one parameter record and one set of policies. A mask is a bitmask of readers."""

    __slots__ = ("_changed", "_network", "_records", "_twins", "_whole")

    def __init__(self, parameters: Parameters, label_join: Callable[[Label, Label], Label | None]) -> None:
        """Begin without events."""
        self._network = Network(parameters, label_join)
        self._twins: dict[Key, Twin] = {}
        self._records: dict[str, dict[Twin, None]] = {}
        """The twins that tell of a public record."""
        self._changed: dict[Key, int] = {}
        """Twins that came, went or were told to others, for whom; and who stood beside them."""
        self._whole: dict[Cluster, Clusters] = {}
        """Clusters of the network with the twins of their nodes."""

    def __len__(self) -> int:
        """How many events are open for anybody."""
        return len(self._network) + sum(not twin.shown for twin in self._twins.values())

    def put(self, node: Node, mask: int) -> None:
        """Put an event, or replace the one of the same key, for these readers."""
        before = self._node(node.key)
        if before == node:
            self.set_mask(node.key, mask)
            return
        if before is not None:
            self.set_mask(node.key, 0)
        if not mask:
            return
        twins = self._twins_of(node) if has_twins(node) else None
        if twins is None:
            self._network.put(node, mask)
        else:
            self._enter(twins, node, mask)
            self._note(twins, mask)
            self._arrange(twins)
        self._look_at_record(node, twins)

    def set_mask(self, key: Key, mask: int) -> None:
        """Leave an event open for these readers only, or for more; 0 takes it away."""
        node, twin = self._node(key), self._twins.get(key)
        if node is None:
            return
        if twin is None:
            self._network.set_mask(key, mask)
        elif twin.mask != mask:
            self._note(twin.twins, twin.mask ^ mask)
            twin.mask = mask
            if mask:
                twin.apart = self._apart(twin)
                self._arrange(twin.twins)
            else:
                self._leave(twin)
        self._look_at_record(node, None if twin is None else twin.twins)

    def link(self, link_key: Key, relation: str, refs: Iterable[Key], mask: int) -> None:
        """Say SAME or DIFFERENT of all pairs of some events, known or not, for these readers; 0 takes it back."""
        named = self._network.link(link_key, relation, refs, mask)
        for twins in dict.fromkeys(twin.twins for ref in named if (twin := self._twins.get(ref))):
            self._rearrange(twins)

    def settle(self) -> dict[Key, int]:
        """Re-cluster what changed: events whose cluster changed since the last time, with the readers for whom."""
        changed = self._network.settle()
        self._whole.clear()
        if not self._twins and not self._changed:
            return changed
        noted, self._changed = self._changed, {}
        for key, readers in list(changed.items()):
            self._spread(changed, key, readers)
        for key, readers in noted.items():
            changed[key] = changed.get(key, 0) | readers
            for _, cluster in self._network.clusters_of(key):
                for node in cluster.members:
                    self._spread(changed, node.key, readers)
        return changed

    def cluster_of(self, key: Key, bit: int) -> Cluster | None:
        """The cluster of an event for one reader, as of the last `settle`."""
        return next((cluster for mask, cluster in self.clusters_of(key) if mask >> bit & 1), None)

    def clusters_of(self, key: Key) -> Clusters:
        """The clusters of an event by disjoint masks of readers, as of the last `settle`."""
        found = self._network.clusters_of(key)
        if not self._twins:
            return found
        twin = self._twins.get(key)
        for first, readers in twin.twins.standing_for(twin) if twin is not None else ():
            theirs = self._network.clusters_of(first.node.key)
            found += [(mask & readers, cluster) for mask, cluster in theirs if mask & readers]
        return [part for mask, cluster in found for part in self._with_twins(cluster, mask)]

    # Who is whose twin.

    def _node(self, key: Key) -> Node | None:
        held = self._twins.get(key) or self._network.get(key)
        return None if held is None else held.node

    def _twins_of(self, node: Node) -> Twins | None:
        """The twins of a new event, which is not among them yet, or None."""
        text = node.text_digest
        for entry in self._network.beside(node):
            if entry.node.text_digest == text and has_twins(entry.node) and said(entry.node) == said(node):
                twin = self._twins.get(entry.key)
                return self._pair(entry) if twin is None else twin.twins
        return None

    def _pair(self, entry: Entry) -> Twins:
        """Twins that begin with one event of the network."""
        twins = Twins()
        self._enter(twins, entry.node, entry.mask).shown = entry.mask
        return twins

    def _enter(self, twins: Twins, node: Node, mask: int) -> Twin:
        """One more of them."""
        twin = self._twins[node.key] = twins.add(node, mask)
        if node.record is not None:
            self._records.setdefault(node.record, {})[twin] = None
        twin.apart = self._apart(twin)
        return twin

    def _leave(self, twin: Twin) -> None:
        """One of them is gone; a last one that is left is an event like any other."""
        twins = twin.twins
        twins.members.remove(twin)
        self._exit(twin)
        self._network.set_mask(twin.node.key, 0)
        if len(twins.members) > 1:
            self._arrange(twins)
            return
        last = twins.members[0]
        self._network.put(last.node, last.mask)
        self._exit(last)

    def _exit(self, twin: Twin) -> None:
        del self._twins[twin.node.key]
        record = twin.node.record
        if record is not None:
            del self._records[record][twin]
            if not self._records[record]:
                del self._records[record]

    # Who stands for whom.

    def _arrange(self, twins: Twins) -> None:
        """Give the network what stands for itself or others, for whom."""
        for twin in twins.arrange():
            self._network.put(twin.node, twin.shown)

    def _rearrange(self, twins: Twins) -> None:
        """Something beside them changed: if others stand for themselves now, arrange them anew."""
        apart = [self._apart(twin) for twin in twins.members]
        if apart == [twin.apart for twin in twins.members]:
            return
        self._note(twins, reduce(or_, [twin.mask for twin in twins.members]))
        for twin, readers in zip(twins.members, apart, strict=True):
            twin.apart = readers
        self._arrange(twins)

    def _apart(self, twin: Twin) -> int:
        """The readers for whom an event stands for itself, though it has twins."""
        node = twin.node
        readers = self._network.links.readers_of(node.key)
        for other, mask in self._tell_of(node, twin.twins):
            if other.nature == node.nature:
                readers |= mask
        return readers & twin.mask

    def _tell_of(self, node: Node, but: Twins) -> Iterator[tuple[Node, int]]:
        """The other events that tell of the same public record, each with its readers."""
        if node.record is None:
            return
        for twin in self._records.get(node.record, ()):
            if twin.twins is not but:
                yield twin.node, twin.mask
        for entry in self._network.tell_of(node.record):
            if entry.key not in self._twins:
                yield entry.node, entry.mask

    def _look_at_record(self, node: Node, but: Twins | None) -> None:
        """An event came, went or changed readers: others' twins that tell of its record may stand for themselves."""
        told = self._records.get(node.record, ()) if node.record is not None else ()
        for twins in dict.fromkeys(twin.twins for twin in told if twin.twins is not but):
            self._rearrange(twins)

    # What changed, and what a story holds.

    def _note(self, twins: Twins, readers: int) -> None:
        """The twins that these readers see have become others."""
        for twin in twins.members:
            self._changed[twin.node.key] = self._changed.get(twin.node.key, 0) | readers

    def _spread(self, changed: dict[Key, int], key: Key, readers: int) -> None:
        """A node's story is its twins' too."""
        changed[key] = changed.get(key, 0) | readers
        for other, mask in self._behind(key, readers):
            changed[other.key] = changed.get(other.key, 0) | mask

    def _behind(self, key: Key, readers: int) -> list[tuple[Node, int]]:
        """For whom a node stands, each with the readers among these."""
        first = self._twins.get(key)
        return [] if first is None else [(twin.node, mask) for twin, mask in first.twins.behind(first, readers)]

    def _with_twins(self, cluster: Cluster, readers: int) -> Clusters:
        """A cluster of the network with the twins of its nodes, for each part of these readers who see the same."""
        if all(node.key not in self._twins for node in cluster.members):
            return [(readers, cluster)]
        known = self._whole.setdefault(cluster, [])
        found = [(mask & readers, whole) for mask, whole in known if mask & readers]
        for mask, _ in found:
            readers &= ~mask
        if readers:
            more = self._unfold(cluster, readers)
            known += more
            found += more
        return found

    def _unfold(self, cluster: Cluster, readers: int) -> Clusters:
        parts = [(readers, list(cluster.members))]
        for first in cluster.members:
            for node, seen in self._behind(first.key, readers):
                split = []
                for mask, members in parts:
                    if mask & ~seen:
                        split.append((mask & ~seen, list(members)))
                    if mask & seen:
                        members.append(node)
                        split.append((mask & seen, members))
                parts = split
        few = len(cluster.members)
        return [
            (mask, cluster if len(members) == few else Cluster(tuple(sorted(members, key=by_key))))
            for mask, members in parts
        ]
