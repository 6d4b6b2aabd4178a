"""What an author hands in, and what became of it on the author's side."""

from collections import Counter
from collections.abc import Iterable, Mapping
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

    @property
    def replaces(self) -> tuple[str, ...]:
        """Ids of drafts whose place this one takes, each with whatever else it became (`<id>:2` and on)."""

    @property
    def party(self) -> str | None:
        """Who in the feed speaks here, casefolded, where ids are each author's own; None: the agency itself."""


class Act(NamedTuple):
    """A draft of our own making: retraction, link, heartbeat."""

    kind: str
    id: str
    status: Status | str
    body: Value | Mapping[str, object]
    modified_at: int | None = None
    replaces: tuple[str, ...] = ()
    party: str | None = None


class Outcome(StrEnum):
    """What a publisher did with a draft.

    Sent: NEW, AMENDED. Not sent: UNCHANGED; OLDER, by its source's own time; REVERTED, its content is that of an
    earlier revision, as in an older file; WITHDRAWN, retracted before; AWAITED, it takes away what was not published
    yet, and now never will be; REFUSED.
    """

    NEW = "NEW"
    AMENDED = "AMENDED"
    UNCHANGED = "UNCHANGED"
    OLDER = "OLDER"
    REVERTED = "REVERTED"
    WITHDRAWN = "WITHDRAWN"
    AWAITED = "AWAITED"
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
    """The outcomes of one call, in the order of the drafts. `brief`: of a long one, only the refused are kept."""

    lines: list[Line] = field(default_factory=list)
    brief: bool = False
    unkept: Counter[tuple[str, Outcome]] = field(default_factory=Counter)

    def add(self, lines: Iterable[Line]) -> None:
        """Take in outcomes."""
        for line in lines:
            if self.brief and line.outcome is not Outcome.REFUSED:
                self.unkept[line.kind, line.outcome] += 1
            else:
                self.lines.append(line)

    def merge(self, other: "Publication") -> None:
        """Take in the outcomes of another call."""
        self.add(other.lines)
        self.unkept += other.unkept

    def count(self, outcome: Outcome, kind: str | None = None) -> int:
        """How many drafts, of one kind or of all, ended so."""
        counts = self.unkept + Counter((line.kind, line.outcome) for line in self.lines)
        return sum(many for (its, found), many in counts.items() if found is outcome and kind in (None, its))

    @property
    def sent(self) -> int:
        """How many records went to the log."""
        return self.count(Outcome.NEW) + self.count(Outcome.AMENDED)

    @property
    def refused(self) -> list[Line]:
        """The drafts that were refused, each with its reason."""
        return [line for line in self.lines if line.outcome is Outcome.REFUSED]
