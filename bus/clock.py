"""The one place that reads the wall clock; below `stages/` time is a parameter."""

import time


def now_ms() -> int:
    """UTC now, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000
