"""Re-clustering no more than what changed, with the same result as clustering everything.

What hangs together by edges is clustered whole where it is small. Else S begins as the changed event with its old
cluster. S is clustered together with its ring: every old cluster with an edge into S. A ring cluster that does not
come out as it was joins S, and again; when none changes, the rest can't have changed either: outside S all groups grew
from edges of their own, and every edge between S and the ring was refused, as were those beyond.
"""

from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Final, NamedTuple

from bus.fusion.clusters import SAME_SCORE, Edge, Rules, cluster
from bus.fusion.entry import Cluster, Entry
from bus.fusion.links import Links
from bus.fusion.node import Key

SMALL: Final = 16
"""So many events are clustered whole: to find out what can't have changed would take longer."""
_KEY: Final = attrgetter("node.key")


class Split(Exception):  # noqa: N818
    """Readers who were looked at together differ in what they see here; `readers` are some of them."""

    def __init__(self, readers: int) -> None:
        """Say which part of the readers differs from the others."""
        super().__init__(readers)
        self.readers = readers


class Region(NamedTuple):
    """Events that belong together, for readers who see the same: new groups of what changed."""

    groups: list[list[Entry]]
    readers: int


class Reclustering:
    """Re-clusters around one event for some readers, as long as they all see the same; raises `Split` where not."""

    def __init__(
        self, entries: Mapping[Key, Entry], links: Links, rules: Rules, dirty: Mapping[Entry, int], readers: int
    ) -> None:
        """Look with these readers' eyes; `dirty` are the events whose edges changed, each with its readers."""
        self._entries = entries
        self._links = links
        self._rules = rules
        self._dirty = dirty
        self._readers = readers
        self._seen: dict[Entry, Mapping[Entry, float]] = {}

    def around(self, entry: Entry) -> Region:
        """The new groups of S; of all that hangs together, where that is little."""
        whole = self._component(entry)
        if whole is not None:
            return Region(self._cluster(sorted(whole, key=_KEY), {}), self._readers)
        inside = dict.fromkeys((entry, *self._old(entry)))
        groups: list[list[Entry]] = []
        clustered, rings = 0, 0
        while True:
            ring = self._ring(inside)
            if not ring and rings == 1 and len(inside) == clustered:
                # The only ring cluster joined S and brought no neighbours: all was looked at already.
                return Region(groups, self._readers)
            region = sorted([*inside, *(member for old in ring for member in old)], key=_KEY)
            groups = self._cluster(region, {member: number for number, old in enumerate(ring) for member in old})
            clustered, rings = len(region), len(ring)
            found = {frozenset(group) for group in groups}
            changed = [old for old in ring if frozenset(old) not in found]
            if not changed:
                return Region([group for group in groups if group[0] in inside], self._readers)
            for old in changed:
                inside.update(dict.fromkeys(old))

    def _component(self, entry: Entry) -> dict[Entry, None] | None:
        """All that hangs together with an event by edges; None where it is much.

        An old cluster hangs together by its edges, unless one of its events is dirty; then it is taken in as it was.
        """
        whole = dict.fromkeys((entry, *self._old(entry)))
        todo = list(whole)
        while todo:
            for other in self._edges_of(todo.pop()):
                if other not in whole:
                    old = self._old(other) if self._is_dirty((other,)) else (other,)
                    if len(whole) + len(old) > SMALL:
                        return None
                    whole.update(dict.fromkeys(old))
                    todo += old
        return whole

    def _ring(self, inside: dict[Entry, None]) -> list[list[Entry]]:
        """The old clusters with an edge into S; what is dirty is not known as it was, and joins S."""
        ring: list[list[Entry]] = []
        met = set(inside)
        todo = list(inside)
        while todo:
            for other in self._edges_of(todo.pop()):
                if other in met:
                    continue
                old = self._old(other)
                met.update(old)
                if self._is_dirty(old):
                    inside.update(dict.fromkeys(old))
                    todo += old
                else:
                    ring.append(old)
        return ring

    def _is_dirty(self, old: Iterable[Entry]) -> bool:
        """Whether the edges of any of these changed."""
        for member in old:
            readers = self._dirty.get(member)
            if readers is not None and self._all(readers):
                return True
        return False

    def _cluster(self, region: list[Entry], ring_of: Mapping[Entry, int]) -> list[list[Entry]]:
        """Cluster S and its ring. Edges between two ring clusters were refused before, and stay so."""
        number_of = {entry: number for number, entry in enumerate(region)}
        edges: list[Edge] = []
        different: dict[int, int] = {}
        has_links = bool(self._links)
        for entry, number in number_of.items():
            home = ring_of.get(entry)
            for other, score in self._edges_of(entry).items():
                their = number_of.get(other, -1)
                if their > number and (home is None or ring_of.get(other, home) == home):
                    edges.append((score, number, their))
            if has_links and self._links.name(entry.key):
                for other in self._said(entry, same=False):
                    if other in number_of:
                        different[number] = different.get(number, 0) | 1 << number_of[other]
        groups = cluster([entry.node for entry in region], edges, different, self._rules)
        return [[region[number] for number in group] for group in groups]

    def _edges_of(self, entry: Entry) -> Mapping[Entry, float]:
        """The edges of an event, as these readers have them, with links."""
        edges = self._seen.get(entry)
        if edges is None:
            edges = self._seen[entry] = self._look(entry)
        return edges

    def _look(self, entry: Entry) -> Mapping[Entry, float]:
        readers = self._readers
        if self._links and self._links.name(entry.key):
            different = set(self._said(entry, same=False))
            seen = {other: score for other, score in entry.edges.items() if self._all(entry.readers_of(other))}
            seen.update(dict.fromkeys(self._said(entry, same=True), SAME_SCORE))
            return {other: score for other, score in seen.items() if other not in different}
        if entry.dense:
            return {other: score for other, score in entry.edges.items() if self._all(entry.readers_of(other))}
        edges = entry.edges
        for other in edges:
            if other.mask & readers != readers or other.dense:
                return {other: score for other, score in edges.items() if self._all(entry.readers_of(other))}
        return edges

    def _said(self, entry: Entry, *, same: bool) -> Iterator[Entry]:
        """The events that a link ties to this one, where both are matchable and seen."""
        for key, said in self._links.of(entry.key).items():
            other = self._entries.get(key)
            if other is None or other.node.window_ms is None or entry.node.window_ms is None:
                continue
            if self._all((said.same if same else said.different) & other.mask):
                yield other

    def _old(self, entry: Entry) -> list[Entry]:
        """The old cluster of an event, without those that have left it, or were replaced by another of their key."""
        for mask, old in entry.clusters:
            if self._all(mask):
                if len(old.members) == 1:
                    break
                found = map(self._entries.get, [node.key for node in old.members])
                return [member for member in found if member is not None and self._is_in(member, old)]
        return [entry]

    def _is_in(self, entry: Entry, old: Cluster) -> bool:
        if entry.cluster is old and not entry.others:
            return self._all(entry.settled)
        return any(cluster is old and self._all(mask) for mask, cluster in entry.clusters)

    def _all(self, mask: int) -> bool:
        """Whether all these readers are in a mask, or none."""
        common = mask & self._readers
        if common and common != self._readers:
            raise Split(common)
        return bool(common)


def regroup(region: Region) -> Iterator[tuple[Entry, Cluster]]:
    """Each event of a region with its cluster, those that stayed as they were with the one they had."""
    for group in region.groups:
        members = tuple([entry.node for entry in group])
        new = None
        for _, old in group[0].clusters:
            if _is_same(old.members, members):
                new = old
                break
        if new is None:
            new = Cluster(members)
        for entry in group:
            yield entry, new


def _is_same(ours: tuple[object, ...], theirs: tuple[object, ...]) -> bool:
    return len(ours) == len(theirs) and all(a is b for a, b in zip(ours, theirs, strict=True))
