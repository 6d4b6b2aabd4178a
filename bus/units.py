"""Lengths of time in milliseconds, the unit of all times on the bus, and in words."""

from typing import Final

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS

_UNITS: Final = (("days", 86_400), ("hours", 3600), ("minutes", 60))


def lasting(seconds: float) -> str:
    """A length of time for people, in the largest unit of which it has two."""
    name, size = next(((name, size) for name, size in _UNITS if seconds >= 2 * size), ("seconds", 1))
    return f"{seconds / size:.0f} {name}"
