"""Waiting for what others write: the file's version is asked for at short intervals (15 µs each).

A datagram per commit would save that, and cost every committer a call per waiting process and a clean-up of dead
sockets.
"""

import time
from typing import Final

_FIRST_S: Final = 0.0005
_LONGEST_S: Final = 0.003
_GROWTH: Final = 1.5


class Waiting:
    """One wait of a bounded time, in pauses that grow from half a millisecond to three."""

    def __init__(self, timeout_s: float) -> None:
        """Begin now."""
        self._until = time.monotonic() + timeout_s
        self._pause_s = _FIRST_S

    def pause(self) -> bool:
        """Sleep a little; False when the time is over."""
        left_s = self._until - time.monotonic()
        if left_s <= 0:
            return False
        time.sleep(min(left_s, self._pause_s))
        self._pause_s = min(self._pause_s * _GROWTH, _LONGEST_S)
        return True
