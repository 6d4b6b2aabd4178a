"""How well pairs were found: precision, recall and F1, strictly and with indistinguishable rows free to swap."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from math import asin, cos, radians, sin, sqrt
from typing import NamedTuple

from bus.fusion.node import Node

DAY_MS = 86_400_000
EARTH_KM = 6371.0

Key = tuple[str, str, str]
Pair = tuple[Key, Key]


class Quality(NamedTuple):
    """Of the pairs found: how many are right, of how many found and how many to be found."""

    right: int
    found: int
    true: int

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 where there was nothing to find and nothing was found."""
        return 2 * self.right / (self.found + self.true) if self.found + self.true else 1.0

    def __str__(self) -> str:
        """All three figures."""
        precision = self.right / self.found if self.found else 1.0
        recall = self.right / self.true if self.true else 1.0
        return f"F1 {self.f1:.3f}  precision {precision:.3f}  recall {recall:.3f}"


def pair(a: Key, b: Key) -> Pair:
    """A pair in its one order."""
    return (a, b) if a < b else (b, a)


def strict(found: set[Pair], true: set[Pair]) -> Quality:
    """A pair is right where it is this very pair."""
    return Quality(len(found & true), len(found), len(true))


def one_to_one(found: set[Pair], true: set[Pair], looks: Callable[[Key], Hashable]) -> Quality:
    """A pair is right, once, where it is a true pair up to rows that look the same to the matcher."""
    wanted = Counter((looks(a), looks(b)) for a, b in true)
    got = Counter((looks(a), looks(b)) for a, b in found)
    return Quality(sum((wanted & got).values()), len(found), len(true))


def looks(node: Node, *, text: bool) -> Hashable:
    """Everything that a matcher can tell a row by, and its feed."""
    return (
        *node.key[:2],
        node.nature,
        frozenset(node.codes),
        node.start,
        node.end,
        node.lat,
        node.lon,
        node.sigma_km,
        node.sectors,
        node.actors,
        frozenset(node.counts),
        node.text_digest if text else None,
    )


def rule_of_thumb(nodes: Sequence[Node], within_km: float, *, same_root: bool) -> set[Pair]:
    """What an analyst does by hand: same day, near enough, the nearest first, each row once per other feed."""
    candidates = sorted(
        (distance, pair(a.key, b.key))
        for day in _by_day(nodes)
        for index, a in enumerate(day)
        for b in day[index + 1 :]
        if a.key[:2] != b.key[:2]
        and (distance := _distance_km(a, b)) <= within_km
        and (not same_root or _roots(a) & _roots(b))
    )
    taken: set[tuple[Key, str]] = set()
    found = set()
    for _, (a, b) in candidates:
        if (a, b[0]) not in taken and (b, a[0]) not in taken:
            taken |= {(a, b[0]), (b, a[0])}
            found.add((a, b))
    return found


def _by_day(nodes: Iterable[Node]) -> Iterable[list[Node]]:
    days: dict[int, list[Node]] = {}
    for node in nodes:
        if node.start is not None and node.lat is not None:
            days.setdefault(node.start // DAY_MS, []).append(node)
    return days.values()


def _roots(node: Node) -> set[str]:
    return {code.partition(".")[0] for code in node.codes}


def _distance_km(a: Node, b: Node) -> float:
    if a.lat is None or a.lon is None or b.lat is None or b.lon is None:
        return float("inf")
    north, east = radians(b.lat - a.lat) / 2, radians(b.lon - a.lon) / 2
    chord = sin(north) ** 2 + cos(radians(a.lat)) * cos(radians(b.lat)) * sin(east) ** 2
    return 2 * EARTH_KM * asin(min(1.0, sqrt(chord)))
