"""Events that say the same in all that matching looks at: one node, however often it is sent.

Twins are told apart only by who sent them, when, and as which public record. For each reader the first of them by key
stands for those that the reader sees; the others have no edges and make no place dense, and belong to whatever story
the first belongs to. Else a text that is sent a thousand times would cost a thousand times a thousand comparisons, and
would outvote in its story whoever tells it otherwise.

Only what would be strong in a dense place too has twins: an equal text, or equal actors. A curated feed has one record
for each incident, so there equal records are different incidents. An event that a link names, for whom the link acts,
stands for itself; so does one that shares its public record with an event that is no twin, for whom sees both.
"""

from bisect import insort

from bus.fusion.node import Key, Node


def has_twins(node: Node) -> bool:
    """Whether an event like this one would be its twin."""
    is_strong = bool(node.grams or node.actors)
    return is_strong and not node.curated and node.window_ms is not None and node.lat is not None


def said(node: Node) -> tuple[object, ...]:
    """All that matching looks at, but the public record: twins have the same."""
    return (
        node.text_digest, node.lat, node.lon, node.start, node.end, node.codes, node.nature, node.actors, node.counts,
        node.sectors, node.countries, node.sigma_km, node.window_ms, node.language, node.grams, node.media,
        node.label,
    )  # fmt: skip


class Twin:
    """One of those that say the same, and who sees it.

    `apart` are the readers for whom it stands for itself, whatever the others; `behind` those for whom another stands
    for it; `shown` all who have it as a node.
    """

    __slots__ = ("apart", "behind", "mask", "node", "shown", "twins")

    def __init__(self, twins: "Twins", node: Node, mask: int) -> None:
        """Seen by nobody as a node yet."""
        self.twins, self.node, self.mask = twins, node, mask
        self.apart = self.behind = self.shown = 0

    @property
    def first(self) -> int:
        """The readers for whom it stands for the others."""
        return self.mask & ~self.apart & ~self.behind


class Twins:
    """Two events or more that say the same, by key. Masks are bitmasks of readers."""

    __slots__ = ("members",)

    def __init__(self) -> None:
        """Begin without any."""
        self.members: list[Twin] = []

    def add(self, node: Node, mask: int) -> Twin:
        """Take one in."""
        twin = Twin(self, node, mask)
        insort(self.members, twin, key=_key)
        return twin

    def arrange(self) -> list[Twin]:
        """Let for each reader the first stand for the others; returns which are now other readers' nodes."""
        moved, seen = [], 0
        for twin in self.members:
            together = twin.mask & ~twin.apart
            twin.behind = together & seen
            seen |= together
            if twin.shown != twin.mask & ~twin.behind:
                twin.shown = twin.mask & ~twin.behind
                moved.append(twin)
        return moved

    def standing_for(self, twin: Twin) -> list[tuple[Twin, int]]:
        """Who stands for one of them, each with the readers for whom."""
        found: list[tuple[Twin, int]] = []
        left = twin.behind
        for first in self.members:
            if not left:
                break
            if hit := first.first & left:
                found.append((first, hit))
                left &= ~hit
        return found

    def behind(self, first: Twin, readers: int) -> list[tuple[Twin, int]]:
        """For whom one of them stands, each with the readers among these."""
        standing = first.first & readers
        return [(twin, hit) for twin in self.members if (hit := twin.behind & standing)] if standing else []


def _key(twin: Twin) -> Key:
    return twin.node.key
