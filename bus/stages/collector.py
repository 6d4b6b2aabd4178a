"""How often Python's cycle collector looks at what the stages hold."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

THRESHOLDS: Final = (10_000, 20, 50)
"""New containers before the youngest are looked at, and how many such looks before the next older are."""


@contextmanager
def patient_collector() -> Iterator[None]:
    """Within it the collector of this process looks rarely, and never at what was loaded before.

    The stages make no cycles: a record's values end with their last use. By default the collector would go through
    those at hand after every 700 new ones, and through the whole state whenever it grew by a quarter: a seventh of all
    time (tests/bench/path.py), to find nothing.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
