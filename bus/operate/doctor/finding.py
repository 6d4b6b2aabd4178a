"""What a check finds: how it is, and what mends it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How it is."""

    OK = "ok"
    WARN = "warn"
    """It works still; somebody has to see to it before it does not."""
    FAIL = "fail"
    """Something does not work, or is not safe."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's. `mend`: the command that mends it; `advice`: words, where no command alone does."""

    check: str
    level: Level
    what: str
    mend: str = ""
    advice: str = ""
