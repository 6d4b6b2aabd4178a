"""An author's other acts: taking back, linking, showing a sign of life."""

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from schemas.models.base import Id, Lax, Many, Name, Note, Ordinal, Value, break_rule
from schemas.models.enums import Relation, RetractedKind, RetractionReason
from schemas.models.header import EventRef

PAIR: Final = 2
"""A VERSION_OF link ties exactly two events."""


class Retracted(Value):
    """One own record that is taken back, up to and with a revision."""

    kind: Lax[RetractedKind]
    feed: Name
    id: Id
    up_to_revision: Ordinal


class Retraction(Value):
    """Own records that leave every picture."""

    retracts: Annotated[Many[Retracted], Field(min_length=1, max_length=1024)]
    reason: Lax[RetractionReason]
    note: Note | None = None


class Link(Value):
    """What the author says of several events; it binds all their pairs."""

    relation: Lax[Relation]
    events: Annotated[Many[EventRef], Field(min_length=PAIR, max_length=64)]
    note: Note | None = None

    @model_validator(mode="after")
    def _versions_are_pairs(self) -> Self:
        if self.relation is Relation.VERSION_OF and len(self.events) != PAIR:
            break_rule("exactly two events in a VERSION_OF link")
        if len({(event.agency, event.feed, event.id) for event in self.events}) != len(self.events):
            break_rule("each event named once")
        return self


class Heartbeat(Value):
    """The feed is alive."""

    interval_s: int = Field(ge=1, le=2_678_400, description="When the next one is due, in seconds.")
