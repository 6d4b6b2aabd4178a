"""What an author hands in, and what became of it on the author's side."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from bus.errors import Refusal
from schemas.models import Status, Value


class Draft(Protocol):
    """What an adapter makes of one record.

    Content without header. `body`: the kind's model, or a dict of its fields.
    """

    @property
    def kind(self) -> str:
        """The author's kind, mostly `event`."""

    @property
    def id(self) -> str:
        """The stable id: `<format>:<source id>`."""

    @property
    def status(self) -> Status | str:
        """ACTUAL, EXERCISE or TEST."""

    @property
    def modified_at(self) -> int | None:
        """When the source last changed it, UTC ms, where the source says so."""

    @property
    def body(self) -> Value | Mapping[str, object]:
        """The content."""


class Act(NamedTuple):
    """A draft of our own making: retraction, link, heartbeat."""

    kind: str
    id: str
    status: Status | str
    body: Value | Mapping[str, object]
    modified_at: int | None = None


class Outcome(StrEnum):
    """What a publisher did with a draft."""

    NEW = "NEW"
    AMENDED = "AMENDED"
    UNCHANGED = "UNCHANGED"
    OLDER = "OLDER"
    WITHDRAWN = "WITHDRAWN"
    REFUSED = "REFUSED"


class Line(NamedTuple):
    """One draft's outcome; `digest` (hex) where it was signed, `refusal` where it was refused."""

    kind: str
    id: str
    outcome: Outcome
    revision: int = 0
    digest: str | None = None
    refusal: Refusal | None = None


@dataclass(slots=True)
class Publication:
    """The outcomes of one call, in the order of the drafts."""

    lines: list[Line] = field(default_factory=list)

    def count(self, outcome: Outcome) -> int:
        """How many drafts ended so."""
        return sum(line.outcome is outcome for line in self.lines)

    @property
    def sent(self) -> int:
        """How many records went to the log."""
        return self.count(Outcome.NEW) + self.count(Outcome.AMENDED)

    @property
    def refused(self) -> list[Line]:
        """The drafts that were refused, each with its reason."""
        return [line for line in self.lines if line.outcome is Outcome.REFUSED]
