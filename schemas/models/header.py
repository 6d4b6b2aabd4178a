"""What every signed record begins with, and how one record refers to another."""

from typing import Self

from pydantic import Field, model_validator

from schemas.models.base import Id, LabelText, Lax, Name, Ordinal, Short, TimeMs, Value, break_rule
from schemas.models.enums import Status


class Header(Value):
    """Who says it, which of their records it is, when it was signed, and who may see it."""

    agency: Name = Field(description="The author; must own the signing key. `bus` is reserved.")
    feed: Name = Field(description="The author's feed; in the key's scope.")
    id: Id = Field(description="Stable id, unique in (agency, feed, kind): `<format>:<source id>`.")
    revision: Ordinal = Field(description="An amendment is the same id, higher, with the whole new content.")
    sequence: Ordinal = Field(description="Per (feed, label) over all kinds, grows by one.")
    created_at: TimeMs = Field(description="When it was signed, UTC ms.")
    expires_at: TimeMs | None = Field(default=None, description="When it should no longer be acted on, UTC ms.")
    status: Lax[Status] = Field(description="ACTUAL, EXERCISE or TEST: realms that never mix.")
    exercise: Short | None = Field(default=None, description="Its name, exactly where status is EXERCISE.")
    label: LabelText = Field(description="The one spelling of labels.md; groups already expanded to members.")

    @model_validator(mode="after")
    def _exercise_is_named(self) -> Self:
        if (self.exercise is not None) is not (self.status is Status.EXERCISE):
            break_rule("an exercise's name exactly where status is EXERCISE")
        return self


class EventRef(Value):
    """A reference to an event: all its revisions."""

    agency: Name
    feed: Name
    id: Id
