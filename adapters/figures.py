"""Counts of one record: low, best and high put into order, and what was done to them said."""

from collections import Counter
from typing import Any, Final

DISORDERED: Final = "figures out of order: low and high are the least and the most given, best is kept"


def count(
    what: str,
    of: str | None,
    unit: str,
    basis: str,
    *,
    low: int | None = None,
    best: int | None = None,
    high: int | None = None,
    notes: Counter[str],
) -> dict[str, Any] | None:
    """Return the event's count, or None where nothing is known; 0 is a figure, null is none."""
    given = [value for value in (low, best, high) if value is not None]
    if not given:
        return None
    if given != sorted(given):
        notes[DISORDERED] += 1
        low = None if low is None else min(given)
        high = None if high is None else max(given)
    found: dict[str, Any] = {"what": what, "unit": unit, "basis": basis}
    for name, value in (("of", of), ("low", low), ("best", best), ("high", high)):
        if value is not None:
            found[name] = value
    return found
