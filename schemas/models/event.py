"""An event: something reported, observed, measured or expected."""

from typing import Annotated, Final, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from schemas.models.base import MAX_TEXT_BYTES, Figure, Id, Lax, Many, Name, Short, Umbrella, Value, break_rule
from schemas.models.enums import ActorClass, CountBasis, CountOf, CountUnit, CountWhat, Nature, Role, Sector
from schemas.models.place import When, Where
from schemas.models.source import Media, Original, Source, Text
from schemas.taxonomy import is_type

MAX_ATTRIBUTES: Final = 256


def _type(code: str) -> str:
    if not is_type(code):
        break_rule("a code of the taxonomy of types")
    return code


def _counted(attributes: object) -> object:
    if isinstance(attributes, dict) and len(attributes) > MAX_ATTRIBUTES:
        break_rule(f"at most {MAX_ATTRIBUTES} attributes")
    return attributes


EventType = Annotated[str, AfterValidator(_type)]
"""A dotted code of the taxonomy."""
Indicator = Annotated[str, Field(pattern=r"^([1-9]|1[0-4])\.([1-9]|[12][0-9])$")]
"""A code of the UN Framework of Analysis for Atrocity Crimes, such as `7.6`."""
AttributeKey = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,32}\.[^\x00-\x1f]{1,128}$")]
"""`<format>.<field>`."""
Attributes = Annotated[
    dict[AttributeKey, Annotated[str, Field(max_length=8192)]],
    # Counted before its keys are looked at: a full payload of bad ones would cost seconds.
    BeforeValidator(_counted),
]


class Actor(Value):
    """Somebody who did it, was a party to it, or was affected."""

    role: Lax[Role]
    class_: Lax[ActorClass] = Field(default=ActorClass.UNKNOWN, alias="class")
    name: Short | None = None
    scheme: Short | None = Field(default=None, description="The list that the code is of.")
    code: Short | None = None
    alleged: bool = False


class Count(Value):
    """A figure with its range; null = unknown, 0 = reported none."""

    what: Lax[CountWhat]
    of: Lax[CountOf] | None = Field(default=None, description="The group counted; null = all.")
    unit: Lax[CountUnit]
    basis: Lax[CountBasis]
    low: Figure | None = None
    best: Figure | None = None
    high: Figure | None = None

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        least = self.low or 0
        likely = least if self.best is None else self.best
        if likely < least or (self.high is not None and self.high < likely):
            break_rule("low <= best <= high")
        return self


class Replaced(Value):
    """An own event whose place this one takes."""

    feed: Name
    id: Id


class Event(Value):
    """What is known of one event, as one author says it."""

    nature: Lax[Nature]
    type: EventType = Field(description="The gravest code.")
    also: Annotated[Many[EventType], Field(max_length=16)] = Field(default=(), description="Further codes.")
    indicators: Annotated[Many[Indicator], Field(max_length=64)] = ()
    when: When | None = Field(default=None, description="null = unknown; then it is never clustered.")
    where: Where = Where()
    actors: Annotated[Many[Actor], Field(max_length=64)] = ()
    counts: Annotated[Many[Count], Field(max_length=128)] = ()
    sectors: Annotated[Many[Lax[Sector]], Field(max_length=16)] = ()
    source: Source
    part_of: Annotated[Many[Umbrella], Field(max_length=32)] = Field(
        default=(), description="Umbrella ids: sharing one makes events related, never the same."
    )
    replaces: Annotated[Many[Replaced], Field(max_length=64)] = ()
    texts: Annotated[Many[Text], Field(max_length=64)] = Field(default=(), description="At most 64 KiB together.")
    media: Annotated[Many[Media], Field(max_length=64)] = ()
    original: Original | None = None
    attributes: Attributes = Field(
        default={}, description="What the format says and no field above holds, as `<format>.<field>`."
    )

    @model_validator(mode="after")
    def _texts_are_bounded(self) -> Self:
        size = sum(
            len(part.encode())
            for text in self.texts
            for part in (text.headline, text.description, text.instruction)
            if part is not None
        )
        if size > MAX_TEXT_BYTES:
            break_rule("texts of at most 64 KiB together")
        return self
