"""A story as its file tells it: who takes part, what is done step by step, and what each agency must see after it.

The format is explained in README.md beside this file. Every value here is checked for itself; whether the story makes
sense as a whole is another question (sense.py).
"""

import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self, TypeAlias, TypeVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, Strict, model_validator

from bus.labels.spelling import AUDIENCE, REAL, TEST
from bus.operate import ClearanceTerms, FeedTerms
from bus.units import DAY_MS, HOUR_MS, MINUTE_MS
from schemas.models import DeliveryReason, Relation, RetractionReason, Value
from schemas.models import When as Interval
from schemas.models.base import LabelText, Lax, Line, Name, Note, Short, break_rule
from schemas.models.place import Where

T = TypeVar("T")
Some = Annotated[tuple[T, ...], Strict(strict=False)]
"""A list of the file; each bad item is found, not only the first."""

_LENGTH: Final = re.compile(r"([0-9]{1,6})(s|m|h|d)")
_UNITS_MS: Final = {"s": 1000, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}
_LONGEST_MS: Final = 400 * DAY_MS


def length_ms(text: object) -> int:
    """The length of time that a text tells; raises a ValueError."""
    found = _LENGTH.fullmatch(text) if isinstance(text, str) else None
    found_ms = int(found[1]) * _UNITS_MS[found[2]] if found else 0
    if not 0 < found_ms <= _LONGEST_MS:
        break_rule('a length of time in seconds, minutes, hours or days, such as "90s", "40m", "2h" or "14d"')
    return found_ms


def _exercise(name: str) -> str:
    if not AUDIENCE.match(name) or name in (REAL, TEST):
        break_rule("a name of 2 to 32 of A-Z, 0-9 and '-', other than REAL and TEST")
    return name


def _moment(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        break_rule("a moment with its offset from UTC, such as 2024-05-06T05:00:00Z")
    return moment


LengthMs = Annotated[int, BeforeValidator(length_ms)]
"""A length of time in ms, told as "90s", "40m", "2h" or "14d"."""
StoryId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
"""What a report or a link is called in the story; it is signed under a longer id."""
FeedRef = Annotated[str, Field(pattern=r"^[^/]+/[^/]+$")]
"""`agency/feed`."""


class Feed(Value):
    """A feed, under the terms that `tocsin agency feed` gives one."""

    name: Name
    default_label: LabelText | None = None
    floor: LabelText | None = None
    protected_floor: LabelText | None = None
    curated: bool = False
    analyst: bool = False

    @property
    def terms(self) -> FeedTerms:
        """As the authority's desk takes them."""
        return FeedTerms(**self.model_dump())


class Cleared(Value):
    """What an agency may read, in the words of `tocsin agency clearance`."""

    levels: Some[Short] = ()
    need: Some[Short] = ()
    audiences: Some[Short] = ()
    realms: Some[Short] | None = Field(default=None, description="None: the exercise's own.")

    def terms(self, exercise: str) -> ClearanceTerms:
        """As the authority's desk takes them."""
        realms = (exercise,) if self.realms is None else self.realms
        return ClearanceTerms(self.levels, self.need, self.audiences, realms)


class Agency(Cleared):
    """Who takes part."""

    name: Name
    about: Line | None = None
    feed: Some[Feed] = ()


class When(Value):
    """When it happens, from the moment at which the step begins."""

    ago: LengthMs | None = None
    ahead: LengthMs | None = None
    lasts: LengthMs | None = Field(default=None, description="None: it is going on.")

    @model_validator(mode="after")
    def _is_one_moment(self) -> Self:
        if self.ago is not None and self.ahead is not None:
            break_rule("either `ago` or `ahead`")
        return self

    def at(self, moment_ms: int) -> dict[str, int | None]:
        """As an event has it."""
        start = moment_ms + (self.ahead or 0) - (self.ago or 0)
        end = None if self.lasts is None else start + self.lasts
        return Interval(start=start, end=end).model_dump()


class Report(Value):
    """An event. What has no field here is a field of the event itself (schemas.models.Event), and taken as it is."""

    model_config = ConfigDict(extra="allow")

    when: When | None = None
    where: Name | None = Field(default=None, description="A place of the story, by its name.")
    says: Note | None = Field(default=None, description="Its text, in English.")
    source: dict[str, Any] | None = Field(default=None, description="`about` names reports of the story.")
    replaces: Some[StoryId] = ()


class Publish(Value):
    """An agency publishes a report."""

    do: Literal["publish"]
    by: Name
    feed: Name
    id: StoryId
    label: LabelText | None = None
    expires_in: LengthMs | None = None
    event: Report
    refused: Short | None = Field(default=None, description="The reason for which it must be refused.")


class Amend(Value):
    """Its author changes some fields of a report."""

    do: Literal["amend"]
    id: StoryId
    event: Report
    refused: Short | None = None


class Retract(Value):
    """Their author takes reports or links back."""

    do: Literal["retract"]
    ids: Annotated[Some[StoryId], Field(min_length=1)]
    reason: Lax[RetractionReason]
    note: Note | None = None
    refused: Short | None = None


class Link(Value):
    """An agency says what several reports are to each other."""

    do: Literal["link"]
    by: Name
    feed: Name
    id: StoryId
    relation: Lax[Relation]
    events: Annotated[Some[StoryId], Field(min_length=2)]
    label: LabelText | None = None
    note: Note | None = None
    refused: Short | None = None


class Heartbeat(Value):
    """A feed shows that it is alive, and by when it will do so again."""

    do: Literal["heartbeat"]
    by: Name
    feed: Name
    every: LengthMs
    refused: Short | None = None


class Clear(Cleared):
    """The authority gives an agency another clearance."""

    do: Literal["clearance"]
    agency: Name


class Suspend(Value):
    """The authority suspends an agency, or ends that."""

    do: Literal["suspend"]
    agency: Name
    end: bool = False


class Wait(Value):
    """Time passes."""

    model_config = ConfigDict(validate_by_name=False)  # `for` is a word of Python's, and the only one of the format's

    do: Literal["wait"]
    length: LengthMs = Field(alias="for")


Act: TypeAlias = Publish | Amend | Retract | Link | Heartbeat | Clear | Suspend | Wait
Submitted: TypeAlias = Publish | Amend | Retract | Link | Heartbeat
"""What an author signs, and ingest judges."""


class AlertSeen(Value):
    """An alert that an agency must have: of exactly these reports; what is left out may be anything."""

    of: Annotated[Some[StoryId], Field(min_length=1)]
    origins: Annotated[int, Field(ge=0)] | None = None
    confidence: Short | None = Field(default=None, description="In words.")
    severity: Annotated[int, Field(ge=0, le=4)] | None = None
    closed: bool = False


class Expect(Value):
    """What each of these agencies must see when the step is over."""

    agencies: Annotated[Some[Name], Field(min_length=1)]
    has: Some[StoryId] | None = Field(default=None, description="At least these reports, in their latest wording.")
    never: Some[StoryId] | None = Field(default=None, description="Nothing that was ever delivered to it names these.")
    gone: dict[StoryId, Lax[DeliveryReason]] | None = Field(default=None, description="What it lost, and why.")
    alerts: Some[AlertSeen] | None = Field(default=None, description="Exactly these alerts, of those of the story.")


class Step(Value):
    """Acts, one after the other, and what must be seen when they are done."""

    title: Line
    tells: Note | None = None
    act: Some[Annotated[Act, Field(discriminator="do")]] = ()
    expect: Some[Expect] = ()
    silent: Some[FeedRef] | None = Field(default=None, description="Exactly these feeds are late, says the bus.")


class Unseen(Value):
    """Reports that some agencies must not notice in any way: without them they are told byte for byte the same."""

    reports: Annotated[Some[StoryId], Field(min_length=1)]
    by: Annotated[Some[Name], Field(min_length=1)]


class Story(Value):
    """A whole exercise."""

    exercise: Annotated[str, AfterValidator(_exercise)] = Field(description="Its name: the realm of all its records.")
    title: Line
    tells: Note | None = None
    starts_at: Annotated[datetime, AfterValidator(_moment)]
    agency: Annotated[Some[Agency], Field(min_length=1)]
    places: dict[Name, Where] = Field(default={})
    step: Annotated[Some[Step], Field(min_length=1)]
    unseen: Some[Unseen] = ()

    @property
    def starts_at_ms(self) -> int:
        """UTC ms."""
        return int(self.starts_at.timestamp() * 1000)
