"""The records of `events` as the fold takes them: ticks, and what authors and the authority had accepted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class TickStep:
    """One record of the bus: time (UTC ms) acts here and nowhere else."""

    position: int
    minute: int


@dataclass(frozen=True, slots=True)
class AcceptedStep:
    """One accepted record, decoded. `envelope` holds the author's signed bytes, which is all that is ever passed on."""

    position: int
    accepted_at: int
    first_at: int
    envelope: bytes
    digest: bytes
    kind: str
    key_id: str
    header: Mapping[str, Any]
    body: Mapping[str, Any]


type Step = TickStep | AcceptedStep
type Archive = Callable[[int], AcceptedStep]
"""Reads the accepted record at one position of `events` again."""
