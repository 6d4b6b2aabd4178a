"""A log that is ahead of this machine's clock: the clock was wrong once, or is now.

Append times and ticks never go back. So what was written under a clock that ran ahead would hold for good: all that
comes after it bears its time until the clock has caught up, and by it events are too old and nothing ends. A bus that
refuses to start leaves the choice to its operator.
"""

from datetime import UTC, datetime
from typing import Final

from bus.errors import TocsinError
from bus.log.protocol import Log, LogState
from bus.stages.ticks import last_tick
from bus.units import MINUTE_MS

MARGIN_MS: Final = 10 * MINUTE_MS
"""Clocks of one bus agree better than this; a step back by NTP is far less."""


class ClockBehindError(TocsinError):
    """The log holds times that this machine's clock has not reached."""


def check_clock(log: Log, now: int) -> None:
    """Refuse to go on where the log is ahead; `now` is UTC ms."""
    found = time_ahead(log.describe(), now)
    if found is not None:
        raise ClockBehindError(
            found,
            "Set this machine's clock right. If it is right now and was wrong then, restore the home from a backup"
            " that was made before, or wait until that time.",
        )


def time_ahead(state: LogState, now: int) -> str | None:
    """What of the log is how far ahead of the clock; None where nothing is by more than the margin."""
    newest, where = max(_times(state), default=(now, ""))
    if newest - now <= MARGIN_MS:
        return None
    at = datetime.fromtimestamp(newest / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    minutes = (newest - now) // MINUTE_MS
    return f"{where} is of {at}, {minutes} minutes ahead of this machine's clock"


def _times(state: LogState) -> list[tuple[int, str]]:
    """The newest append time of each topic, and the newest tick."""
    times = [
        (topic.last_append_ms, f"the newest record of {topic.name}")
        for topic in state.topics
        if topic.last_append_ms is not None
    ]
    ticks = [(tick, "the newest tick") for owner in state.owners if (tick := last_tick(owner.note)) is not None]
    return times + ticks
