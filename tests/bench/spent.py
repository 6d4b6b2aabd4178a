"""Time that something took, on the wall's clock and on the processor's.

On a machine that others use, the first depends on them, the second hardly.
"""

from collections.abc import Iterable
from time import perf_counter, process_time
from typing import NamedTuple


class Spent(NamedTuple):
    """Seconds."""

    wall_s: float
    cpu_s: float

    @classmethod
    def since(cls, started: "Spent") -> "Spent":
        """From `started`, which is `now()`, to now."""
        return cls(perf_counter() - started.wall_s, process_time() - started.cpu_s)


def now() -> Spent:
    """Where both clocks stand."""
    return Spent(perf_counter(), process_time())


def total(parts: Iterable[Spent]) -> Spent:
    """All together."""
    found = list(parts)
    return Spent(sum(one.wall_s for one in found), sum(one.cpu_s for one in found))
