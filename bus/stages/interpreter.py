"""How the interpreter serves a process that runs the stages: when it looks for cycles, when threads take turns."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

THRESHOLDS: Final = (10_000, 20, 50)
"""New containers before the youngest are looked at, and how many such looks before the next older are."""
TURN_S: Final = 0.0005
"""After what time a thread that computes lets another have its turn, if one waits."""


@contextmanager
def tuned_interpreter() -> Iterator[None]:
    """Within it this process collects cycles rarely, and its threads take turns often (tests/bench/path.py).

    The stages make no cycles: a record's values end with their last use. By default the collector would go through
    those at hand after every 700 new ones, and through the whole state whenever it grew by a quarter: a seventh of all
    time, to find nothing. What was loaded before is never looked at.

    A thread that verifies signatures asks for its turn after each one. By default it would wait 5 ms for correlate,
    which computes without a pause: no more than 200 signatures a second for each such thread, a fifth of all speed.
    """
    thresholds, turn_s = gc.get_threshold(), sys.getswitchinterval()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    sys.setswitchinterval(TURN_S)
    try:
        yield
    finally:
        sys.setswitchinterval(turn_s)
        gc.set_threshold(*thresholds)
        gc.unfreeze()
