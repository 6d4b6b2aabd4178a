"""The pace of ingest's shards: an agency that floods waits, the others do not.

Nothing is refused here and no verdict hangs on it: pace is time (bus/decisions/quota.md). It binds only a shard with a
backlog, and only while there is company: another shard that keeps up, in the last seconds, or another process of
ingest. Then, for each turn of such a shard, in numbered steps:

1 it takes as many records as it has lately done in `TURN_S`, whatever they cost: another's record waits so long at most
  (for company in this process, whose shards take turns in one thread; another process's don't wait for it)
2 it puts no more before correlate than that has lately read in `AHEAD_S`: another's record would stand behind them in
`events`; where one place is hot that may be few
3 but it waits no longer than `STILL_S` for a correlate that does not move, which is not there or has a roster to work
off.

Alone on the bus, a shard takes whole batches and waits for nobody.
"""

import time
from collections.abc import Callable
from typing import Final

from bus.log.protocol import Log
from bus.log.topics import topic

TURN_S: Final = 0.05
"""How long a turn of a shard with a backlog shall take: a quarter of what a reader would call late.

It must be several times what a turn costs that takes nothing (a commit, its sync: 5 ms, on a busy machine 20), or ever
smaller turns would do nothing but that.
"""
AHEAD_S: Final = 0.2
"""How much of its work may lie before correlate, what it has in hand included: twice what it takes at a time.

So the next half is judged while it works on one; with less they would work in turns, each waiting for the other.
"""
SPEED: Final = 500.0
"""Records a second that correlate reads, until it was measured."""
LEAST_AHEAD: Final = 50
"""Even where each takes long: in ever smaller batches correlate would do little but commit."""
MOST_AHEAD: Final = 400
STILL_S: Final = 3.0
"""Longer than the longest transaction of correlate on a busy machine."""
COMPANY_S: Final = 10.0
"""For how long an agency that keeps up is company, after its last record."""
MANY: Final = 50
"""More than this after a turn is a backlog: who sends 500 records a second has some ten."""
LEAST: Final = 25
"""Records that a turn takes in any case, for the same reason as `TURN_S`."""
_FIRST: Final = 50
_EVENTS: Final = topic("events")
_SLOT: Final = "correlate-0"
"""Of several slots one stands for all: they read the same records."""


class Pace:
    """How much of a shard's backlog is served in one turn. Used by one thread."""

    def __init__(self, log: Log, most: int, clock_s: Callable[[], float] = time.monotonic) -> None:
        """`most`: records of a whole batch."""
        self._log = log
        self._most = most
        self._clock_s = clock_s
        self._fits: dict[str, int] = {}
        """How many records a shard with a backlog does in `TURN_S`, as far as it was measured."""
        self._kept_up: dict[str, float] = {}
        """When a shard without one has last served records (seconds of the clock)."""
        self._read: int | None = None
        """Up to where correlate was last seen to have read; before that, it may not be there."""
        self._moved_at = -STILL_S
        self._seen: tuple[float, int] = (0.0, 0)
        """When that last changed, and where `events` ended then."""
        self._speed = SPEED
        self.is_shared = False
        """Whether other processes serve shards too: who is company to whom, only correlate could tell."""

    def most(self, name: str, left: int) -> int:
        """How many records the shard may take now, which has `left` to read; 0: it is to wait."""
        beside = self._has_company(name)
        if left <= MANY or not (beside or self.is_shared):
            return self._most
        turn = self._fits.get(name, _FIRST) if beside else self._most
        return min(self._room(), turn)

    def served(self, name: str, records: int, left: int, seconds: float) -> None:
        """What a turn did, at least one record, in which time, and how many are left to the shard."""
        if left > MANY:
            done = self._fits.get(name, _FIRST)
            fits = int(records * TURN_S / seconds) if seconds > 0 else done
            self._fits[name] = max(LEAST, min(fits, 2 * done, self._most))
        else:
            self._kept_up[name] = self._clock_s()

    def forget(self, name: str) -> None:
        """The shard is another process's now."""
        self._fits.pop(name, None)
        self._kept_up.pop(name, None)

    def _has_company(self, name: str) -> bool:
        """Whether another shard of this process has kept up lately."""
        since = self._clock_s() - COMPANY_S
        return any(at >= since for other, at in self._kept_up.items() if other != name)

    def _room(self) -> int:
        """How many records may be put before correlate, if that moves."""
        read, end, now = self._log.cursors(_SLOT).get(_EVENTS, 0), self._log.end(_EVENTS), self._clock_s()
        if read != self._read:
            if self._read is not None:
                self._measure(read - self._read, read, now)
            self._read, self._seen = read, (now, end)
        if now >= self._moved_at + STILL_S:
            return self._most
        ahead = max(LEAST_AHEAD, min(MOST_AHEAD, int(self._speed * AHEAD_S)))
        return max(0, ahead - (end - read))

    def _measure(self, records: int, read: int, now: float) -> None:
        """It has read so many since it last moved; whether it had to wait for them, the end of that time tells."""
        self._moved_at = now
        since, end = self._seen
        if read <= end and now > since:
            self._speed = (self._speed + records / (now - since)) / 2
