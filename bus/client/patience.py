"""Trying again what trouble of the log prevented: with growing, scattered pauses, and not for ever."""

import random
import time
from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

from bus.errors import TocsinError

FIRST_PAUSE_S: Final = 0.05
MOST_PAUSE_S: Final = 5.0
_GROWTH: Final = 2.0

Done = TypeVar("Done")


class Patience(NamedTuple):
    """How long trouble is borne. `told`: called with each fault, before the pause of so many seconds."""

    total_s: float = 30.0
    told: Callable[[TocsinError, float], None] | None = None
    sleep: Callable[[float], None] = time.sleep

    def bear(self, act: Callable[[], Done]) -> Done:
        """Do it, again and again while only time or an operator can help and patience lasts; then the fault is raised.

        Pauses double from 50 ms to 5 s. Of each a random half is waited, so that publishers whom one trouble stopped do
        not all come back at the same moment.
        """
        until = time.monotonic() + self.total_s
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                return act()
            except TocsinError as fault:
                if not fault.retriable or time.monotonic() >= until:
                    raise
                wait_s = min(pause_s * random.uniform(0.5, 1.0), max(0.0, until - time.monotonic()))  # noqa: S311 - no secret
                if self.told is not None:
                    self.told(fault, wait_s)
                self.sleep(wait_s)
                pause_s = min(pause_s * _GROWTH, MOST_PAUSE_S)


PATIENCE: Final = Patience()
