"""What the figures of several reports say together.

Only figures equal in (what, of, unit, basis) combine: per origin the latest, over origins the widest range. Nothing is
ever added up: one story is one incident, and a group's figure is part of its total.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from bus.fusion.node import Node

Kind = tuple[str, str, str, str]


class Figure(NamedTuple):
    """One figure with its range, in the order of a node's counts."""

    what: str
    of: str | None
    unit: str
    basis: str
    low: int | None
    best: int | None
    high: int | None

    @property
    def likely(self) -> int | None:
        """The best figure, else the least."""
        return self.low if self.best is None else self.best

    @property
    def is_some(self) -> bool:
        """Whether anybody is known to be counted."""
        return any(value for value in (self.low, self.best, self.high))


def combine(origins: Sequence[Sequence[Node]]) -> tuple[Figure, ...]:
    """The figures of reports that are grouped by origin, the most trusted origin first."""
    stated: dict[Kind, list[Figure]] = {}
    for group in origins:
        for kind, figure in _latest(group).items():
            stated.setdefault(kind, []).append(figure)
    return tuple(_widest(stated[kind]) for kind in sorted(stated))


def as_body(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """The figures as the schema spells them."""
    return [figure._asdict() for figure in figures]


def _latest(group: Sequence[Node]) -> dict[Kind, Figure]:
    """The latest figures of one origin. Of one record's several figures of one kind, the range of all."""
    latest: dict[Kind, Figure] = {}
    for node in sorted(group, key=_told_at) if len(group) > 1 else group:
        own: dict[Kind, list[Figure]] = {}
        for count in node.counts:
            figure = Figure(*count)
            own.setdefault((figure.what, figure.of or "", figure.unit, figure.basis), []).append(figure)
        latest.update({kind: _widest(figures) for kind, figures in own.items()})
    return latest


def _told_at(node: Node) -> tuple[int, int, bytes, tuple[str, str, str]]:
    told_at = node.accepted_at if node.reported_at is None else node.reported_at
    return told_at, node.accepted_at, node.digest, node.key


def _widest(figures: list[Figure]) -> Figure:
    """The range that holds them all, with the first best figure; a single statement stays as it is."""
    first = figures[0]
    if all(figure == first for figure in figures):
        return first
    lows = [v for f in figures if (v := f.best if f.low is None else f.low) is not None]
    highs = [v for f in figures if (v := f.best if f.high is None else f.high) is not None]
    bests = [f.best for f in figures if f.best is not None]
    low = min(lows + highs) if lows else None
    high = max(lows + highs) if highs else None
    return first._replace(low=low, best=bests[0] if bests else None, high=high)
