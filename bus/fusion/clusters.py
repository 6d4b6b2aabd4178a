"""From pairs to stories: edges in (score, id, id) order, two groups join where the rules allow.

The result is a function of the set of events and edges alone. Analysts' SAME comes before any score.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from bus.fusion.node import Node
from bus.labels import Label

SAME_SCORE: Final = -1.0
"""An analyst's SAME, as an edge: before all scores."""

Edge = tuple[float, int, int]
"""Score, and the numbers of two events, the smaller first."""
Feed = tuple[str, str]


class Rules(NamedTuple):
    """What two groups must satisfy to join."""

    edge_share: float
    have_join: Callable[[frozenset[Label]], bool]


class _Group:
    """Events that are one story so far. `curated` has, for each curated feed, which records its members tell of."""

    __slots__ = ("bits", "curated", "label", "labels", "members")

    def __init__(self, number: int, node: Node) -> None:
        self.members = [number]
        self.bits = 1 << number
        self.label: Label = node.label
        self.labels: frozenset[Label] | None = None
        """Where there are several; mostly there is one, held once by all that have it."""
        self.curated: dict[Feed, tuple[object, ...]] = {}
        if node.curated:
            # A record of a public id is one origin with another of the same id; else each event is its own.
            self.curated[node.key[:2]] = (node.record or node.key,)

    def labels_with(self, other: "_Group") -> frozenset[Label] | None:
        if self.label is other.label and self.labels is None and other.labels is None:
            return None
        return (self.labels or frozenset((self.label,))) | (other.labels or frozenset((other.label,)))

    def absorb(self, other: "_Group", labels: frozenset[Label] | None) -> None:
        self.members += other.members
        self.bits |= other.bits
        self.labels = labels
        for feed, records in other.curated.items():
            self.curated[feed] = tuple({**dict.fromkeys(self.curated.get(feed, ())), **dict.fromkeys(records)})


def cluster(
    nodes: Sequence[Node], edges: Sequence[Edge], different: Mapping[int, int], rules: Rules
) -> list[list[int]]:
    """The groups of numbers of these nodes, which stand by key; `different` has each one's forbidden others as bits."""
    if not different and _are_one(nodes, edges, rules):
        return [list(range(len(nodes)))]
    groups = list(map(_Group, range(len(nodes)), nodes))
    adjacent = [0] * len(nodes)
    for _, a, b in edges:
        adjacent[a] |= 1 << b
        adjacent[b] |= 1 << a
    for score, a, b in sorted(edges):
        ours, theirs = groups[a], groups[b]
        if ours is theirs:
            continue
        if len(ours.members) < len(theirs.members):
            ours, theirs = theirs, ours
        if different and any(different.get(number, 0) & ours.bits for number in theirs.members):
            continue
        if score != SAME_SCORE and not (_are_apart(ours, theirs) and _are_near(ours, theirs, adjacent, rules)):
            continue
        labels = ours.labels_with(theirs)
        if labels is None or rules.have_join(labels):
            ours.absorb(theirs, labels)
            for number in theirs.members:
                groups[number] = ours
    found = {id(group): group for group in groups}
    return [sorted(group.members) for group in found.values()]


def _are_one(nodes: Sequence[Node], edges: Sequence[Edge], rules: Rules) -> bool:
    """Whether all are connected with all and no rule keeps any apart: one text sent many times, in any order one story.

    Without this look a storm of copies would cost the square of their number for each.
    """
    if not nodes or 2 * len(edges) != len(nodes) * (len(nodes) - 1) or rules.edge_share > 1.0:
        return False
    label = nodes[0].label
    return all(node.label is label and not node.curated for node in nodes)


def _are_apart(ours: _Group, theirs: _Group) -> bool:
    """Whether no curated feed tells of two incidents."""
    for feed, records in theirs.curated.items():
        held = ours.curated.get(feed)
        if held is not None and (len(held) > 1 or held != records):
            return False
    return True


def _are_near(large: _Group, small: _Group, adjacent: Sequence[int], rules: Rules) -> bool:
    """Whether enough of the cross pairs are edges."""
    pairs = len(large.members) * len(small.members)
    if pairs == 1:
        return True
    return sum([(adjacent[number] & large.bits).bit_count() for number in small.members]) >= rules.edge_share * pairs
