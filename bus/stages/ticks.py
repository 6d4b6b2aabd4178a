"""Ticks: the records of the bus at whose positions time acts (bus/decisions/ticks.md).

One at every start, then one each interval; missed ones are not made up. They strictly increase, also over restarts and
whatever the clock does: the time of the last one is kept as the note of the shard that appends them.
"""

from collections.abc import Callable
from typing import Final

from bus.log.protocol import NewRecord
from bus.stages.stage import Outputs
from schemas.codec import encode
from schemas.registry import newest

TICK_KEY: Final = b"tick"
_NOTE: Final = "tick "


def last_tick(note: str | None) -> int | None:
    """The time of the last tick (UTC ms) that a note keeps, if it is one of a ticker's."""
    return int(note.removeprefix(_NOTE)) if note is not None and note.startswith(_NOTE) else None


class Ticker:
    """Makes the next tick when it is due. `clock_ms` gives UTC ms."""

    def __init__(self, interval_s: int, clock_ms: Callable[[], int]) -> None:
        """Nothing was ticked yet, and a start's tick is due."""
        self._interval_ms = interval_s * 1000
        self._clock_ms = clock_ms
        self._last: int | None = None
        self._is_start = True

    def restore(self, note: str | None) -> None:
        """Go on after the last tick that was committed; one that was made and not committed is owed still."""
        last = last_tick(note)
        self._is_start = self._is_start or last != self._last
        self._last = last

    def due(self) -> Outputs | None:
        """The next tick, if it is time."""
        now, last = self._clock_ms(), self._last
        if last is not None and (now <= last or (now - last < self._interval_ms and not self._is_start)):
            return None
        self._last, self._is_start = now, False
        tick = encode(newest("tick"), {"minute": now})
        return Outputs([NewRecord("events", TICK_KEY, tick)], note=f"{_NOTE}{now}")
