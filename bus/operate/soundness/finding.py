"""What a check of the log reports."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

Progress: TypeAlias = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""


class Finding(NamedTuple):
    """Something that is not as the bus leaves it. Never content: only where, and what was expected."""

    place: str
    what: str


@dataclass(frozen=True, slots=True)
class Soundness:
    """What was found, and how much was looked at: `checked` counts by what."""

    findings: tuple[Finding, ...]
    checked: Mapping[str, int]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


def at(topic: str, offset: int) -> str:
    """A record's place."""
    return f"{topic} at offset {offset}"


def no_progress(_what: str, _done: int, _of: int) -> None:
    """For whom does not look."""
