"""When what is past its retention may be removed.

What readers have rests on records of `events`, which are kept longer than anything stays in a picture: as long as time
acts. While an expired roster pauses deliveries nothing closes and nothing is forgotten, and what closes late is
remembered for its 90 days from then on. So nothing is removed until that is over; else a slot could not start again.
"""

from typing import Final

from bus.log.protocol import Log
from bus.stages.control import CONTROL, Control
from bus.stages.correlate.state import MEMORY_MS
from bus.stages.following import follow
from bus.units import DAY_MS

AFTERMATH_MS: Final = MEMORY_MS + DAY_MS
"""How long after the pause something may be remembered that closed with its end: it is forgotten with the next tick."""


def may_remove(log: Log, pin: bytes, now: int) -> bool:
    """Whether no pause is under way, or too short ago; `now` is UTC ms."""
    control = Control.start(pin)
    for record in log.read(CONTROL):
        before = control
        accepted_at, control = follow(before, record)
        is_late = before.roster_version > 0 and before.trust.expired(accepted_at)
        if is_late and now < accepted_at + AFTERMATH_MS:
            return False
    return not control.trust.expired(now)
