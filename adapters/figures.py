"""Counts of one record: low, best and high put into order, and what was done to them said."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

DISORDERED: Final = "figures out of order: low and high are the least and the most given, best is kept"


class Figures(NamedTuple):
    """What a record says of one number; null is unknown, 0 is a reported none."""

    low: int | None = None
    best: int | None = None
    high: int | None = None


def count(kind: Mapping[str, Any], figures: Figures, notes: Counter[str]) -> dict[str, Any] | None:
    """Return an event's count of this kind (what, of, unit, basis), or None where nothing is known."""
    given = [value for value in figures if value is not None]
    if not given:
        return None
    if given != sorted(given):
        notes[DISORDERED] += 1
        low = None if figures.low is None else min(given)
        high = None if figures.high is None else max(given)
        figures = Figures(low, figures.best, high)
    return {**kind, **{name: value for name, value in figures._asdict().items() if value is not None}}
