"""What comes due at a tick: expiry, closing and forgetting, each found without looking at everything."""

from heapq import heappop, heappush
from typing import Generic, TypeVar

from bus.stages.correlate.entry import Ref

T = TypeVar("T", bound=tuple[str, ...])


class Queue(Generic[T]):
    """Things by the time (UTC ms) from which they must be looked at; looking once too often does no harm."""

    def __init__(self) -> None:
        """Begin empty."""
        self._heap: list[tuple[int, T]] = []

    def push(self, at: int, what: T) -> None:
        """Look at this from `at` on."""
        heappush(self._heap, (at, what))

    def due(self, now: int) -> list[T]:
        """Take what is due, each thing once, sorted."""
        found = set()
        while self._heap and self._heap[0][0] <= now:
            found.add(heappop(self._heap)[1])
        return sorted(found)


class Deadlines:
    """The three queues of the fold.

    `expiring`: events by `leaves_at`. `closing`: open events by `first_at`, since the window is a parameter that may
    change; `overdue` are those whose cluster changed after their own time had come. `forgetting`: (kind, agency,
    feed, id) of records and (alert, id).
    """

    def __init__(self) -> None:
        """Begin without deadlines."""
        self.expiring: Queue[Ref] = Queue()
        self.closing: Queue[Ref] = Queue()
        self.overdue: set[Ref] = set()
        self.forgetting: Queue[tuple[str, ...]] = Queue()
