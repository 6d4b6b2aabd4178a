"""How alike two events are: a weighted sum of costs, lower is more alike; an edge where it is small enough.

A feature that either side lacks costs half, and weights are never renormalised: a lack proves nothing either way.
"""

from functools import lru_cache
from typing import Final

from bus.fusion.gate import Gate
from bus.fusion.node import UNDETERMINED, Count, Node
from bus.fusion.text import jaccard
from bus.units import DAY_MS
from schemas.models import Parameters
from schemas.models.parameters import TypeCosts
from schemas.taxonomy import lineage, same_across

UNLIKE: Final = 1.0
"""The cost of a feature that disagrees altogether."""
UNKNOWN: Final = (None, None, None)
"""A figure of which nothing is known."""
DECIMALS: Final = 9
"""The last bits of a sine differ between machines."""


class Matcher:
    """Scores of pairs under one parameter record."""

    __slots__ = (
        "_gate", "_missing", "_scale_km", "_score", "_strong_text", "_threshold", "_types", "_weight_distance",
        "_weight_type", "_weights",
    )  # fmt: skip

    def __init__(self, parameters: Parameters) -> None:
        """Take the numbers of gate, score and dense buckets."""
        self._gate = Gate(parameters)
        self._score = parameters.score
        self._weights = parameters.score.weights
        self._weight_type, self._weight_distance = self._weights.type, self._weights.distance
        self._scale_km = parameters.score.distance_scale_km
        self._threshold = parameters.score.threshold
        self._strong_text = parameters.cluster.dense.strong_text
        self._missing = parameters.score.missing_cost
        costs = parameters.score.type_costs

        @lru_cache(maxsize=16384)
        def types(a: tuple[str, ...], b: tuple[str, ...]) -> float | None:
            return type_cost(a, b, costs)

        self._types = types

    def score(self, a: Node, b: Node) -> float | None:
        """The score of two events that are alike enough for an edge, else None. The same in both directions."""
        if a.window_ms is None or b.window_ms is None or a.lat is None or b.lat is None:
            return None
        if a.derived_from and b.derived_from and a.derived_from[0] == b.derived_from[0] and a.nature == b.nature:
            return self._score.shared_record
        # In one order, so that a sum of floats is the same from both sides.
        types = self._types(a.codes, b.codes) if a.codes <= b.codes else self._types(b.codes, a.codes)
        if types is None:
            return None
        distance_km = self._gate.distance_km(a, b)
        if distance_km is None:
            return None
        total = self._weight_type * types + self._weight_distance * (distance_km / (distance_km + self._scale_km))
        return None if total > self._threshold else self._sum(a, b, total)

    def is_strong(self, a: Node, b: Node) -> bool:
        """Whether an edge holds in a dense bucket: near-equal text, a shared public record, picture or named actor."""
        if a.derived_from and b.derived_from and a.derived_from[0] == b.derived_from[0]:
            return True
        if not a.actors.isdisjoint(b.actors) or (a.media and not set(a.media).isdisjoint(b.media)):
            return True
        return bool(a.grams and b.grams) and jaccard(a.grams, b.grams) >= self._strong_text

    def _sum(self, a: Node, b: Node, total: float) -> float | None:
        """The score with the other features; the text last, which costs the most to compare."""
        weights, missing = self._weights, self._missing
        if a.start != b.start or a.end != b.end:
            total += weights.time * time_cost(a, b, self._score.time_scale_days)
            if total > self._threshold:
                return None
        total += weights.sectors * (_apart(a.sectors, b.sectors) if a.sectors and b.sectors else missing)
        total += weights.actors * (_apart(a.actors, b.actors) if a.actors and b.actors else missing)
        overlap = counts_overlap(a.counts, b.counts) if a.counts and b.counts else None
        if overlap is None:
            total += weights.counts * missing
        elif not overlap:
            total += weights.counts * self._score.disjoint_counts_cost
        if total > self._threshold:
            return None
        if not is_comparable(a, b):
            total += weights.text * missing
        elif a.text_digest != b.text_digest:
            total += weights.text * (1.0 - jaccard(a.grams, b.grams))
        total = round(total, DECIMALS)
        return total if total <= self._threshold else None


def type_cost(a: tuple[str, ...], b: tuple[str, ...], costs: TypeCosts) -> float | None:
    """Over all codes of both sides the mean of each code's best; None where no code agrees with any."""
    best = [min(_pair(code, other, costs) for other in b) for code in a]
    best += [min(_pair(code, other, costs) for other in a) for code in b]
    return None if min(best) >= UNLIKE else sum(best) / len(best)


def time_cost(a: Node, b: Node, scale_days: float) -> float:
    """The shift that brings the shorter interval inside the longer, against the window."""
    if a.start is None or b.start is None or a.window_ms is None or b.window_ms is None:
        return UNLIKE
    if a.end is None or b.end is None:
        # What goes on holds all that begins after it.
        shift = 0 if a.end is b.end else max(0, a.start - b.start if a.end is None else b.start - a.start)
    else:
        first, second = b.start - a.start, b.end - a.end
        # Of opposite signs one interval lies inside the other.
        shift = 0 if first * second <= 0 else min(abs(first), abs(second))
    return min(UNLIKE, shift / (min(a.window_ms, b.window_ms) + scale_days * DAY_MS))


def counts_overlap(a: tuple[Count, ...], b: tuple[Count, ...]) -> bool | None:
    """Whether all ranges of figures of one kind overlap; None where there are none to compare."""
    if not a or not b:
        return None
    ours, theirs = _ranges(a), _ranges(b)
    pairs = [(ours[kind], theirs[kind]) for kind in ours if kind in theirs]
    if not pairs:
        return None
    return all(one[0] <= other[1] and other[0] <= one[1] for one, other in pairs)


def is_comparable(a: Node, b: Node) -> bool:
    """Whether both have a text, and not surely in different languages."""
    if a.text_digest is None or b.text_digest is None:
        return False
    return a.language == b.language or UNDETERMINED in (a.language, b.language)


def _pair(a: str, b: str, costs: TypeCosts) -> float:
    """The cost of two codes; they agree where they share a level below the root, or stand in the table."""
    if a == b:
        return costs.equal
    above_a, above_b = lineage(a), lineage(b)
    common = [code for code in above_a if code in above_b and "." in code]
    if common:
        return costs.parent if common[0] in (a, b) else costs.branch
    return costs.cross_branch if same_across(a, b) else UNLIKE


def _apart(a: frozenset[str], b: frozenset[str]) -> float:
    return 1.0 - len(a & b) / min(len(a), len(b))


@lru_cache(maxsize=16384)
def _ranges(counts: tuple[Count, ...]) -> dict[tuple[object, ...], tuple[float, float]]:
    """The range of each kind; where a record has several figures of one kind, that which holds them all."""
    ranges: dict[tuple[object, ...], tuple[float, float]] = {}
    for count in counts:
        if count[4:] != UNKNOWN:
            low, high = _range(count)
            least, most = ranges.get(count[:4], (low, high))
            ranges[count[:4]] = min(low, least), max(high, most)
    return ranges


def _range(count: Count) -> tuple[float, float]:
    low, best, high = count[4:]
    least = best if low is None else low
    most = best if high is None else high
    return (0 if least is None else least), (float("inf") if most is None else most)
