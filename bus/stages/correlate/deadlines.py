"""What comes due at a tick: expiry, closing and forgetting, each found without looking at everything."""

from collections.abc import Hashable
from heapq import heappop, heappush
from typing import Generic, TypeVar

from bus.stages.correlate.entry import Key, Ref
from bus.units import HOUR_MS

T = TypeVar("T", bound=Hashable)


class Queue:
    """Events by the time (UTC ms) from which they must be looked at; looking once too often does no harm."""

    def __init__(self) -> None:
        """Begin empty."""
        self._heap: list[tuple[int, Ref]] = []

    def push(self, at: int, what: Ref) -> None:
        """Look at this from `at` on."""
        heappush(self._heap, (at, what))

    def due(self, now: int) -> list[Ref]:
        """Take what is due, each event once, sorted."""
        found = set()
        while self._heap and self._heap[0][0] <= now:
            found.add(heappop(self._heap)[1])
        return sorted(found)


class Drawers(Generic[T]):
    """Things by the hour in which they must be looked at, at every tick of it.

    For what every record has: a place in a drawer takes an eighth of the memory of one in a queue.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self._drawers: dict[int, list[T]] = {}

    def push(self, at: int, what: T) -> None:
        """Look at this from `at` on, or up to an hour before."""
        self._drawers.setdefault(at // HOUR_MS, []).append(what)

    def due(self, now: int) -> list[T]:
        """What may be due; what lies in the present hour stays."""
        present = now // HOUR_MS
        found: dict[T, None] = {}
        for hour in sorted(hour for hour in self._drawers if hour <= present):
            things = dict.fromkeys(self._drawers.pop(hour))
            found |= things
            if hour == present:
                self._drawers[hour] = list(things)
        return list(found)

    @staticmethod
    def is_looked_at_again(at: int, now: int) -> bool:
        """Whether what was pushed for `at` is still there when what is due `now` has been asked for."""
        return at // HOUR_MS >= now // HOUR_MS


class Deadlines:
    """What the fold must look at, and when.

    `expiring`: events by `leaves_at`. `closing`: open events by `first_at`, since the window is a parameter that may
    change; `lasting`: those of them, by `first_at` too, that outlast the window in a cluster that goes on; `overdue`:
    those whose cluster changed after their own time had come. `forgetting`: records and alerts;
    `held` are those that a link still ties to something open, looked at every tick.
    """

    def __init__(self) -> None:
        """Begin without deadlines."""
        self.expiring = Queue()
        self.closing: Drawers[Ref] = Drawers()
        self.lasting: Drawers[Ref] = Drawers()
        self.overdue: set[Ref] = set()
        self.forgetting: Drawers[Key] = Drawers()
        self.held: set[Key] = set()
