"""A mapping file: which column of a partner's sheet means what. Documented in adapters/README.md.

Columns are named as the sheet names them; letter case and blanks do not matter, and several names may be given where
one editor renames a column from release to release.
"""

from collections.abc import Mapping as AnyMapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, Strict, model_validator

from adapters.days import country_zones, is_form
from schemas.models.base import Lax, Line, Many, Name, Short, Value, break_rule
from schemas.models.enums import (
    ActorClass,
    Consent,
    CountBasis,
    CountOf,
    CountUnit,
    CountWhat,
    Discipline,
    Nature,
    Onward,
    Reliability,
    Review,
    Role,
    Sector,
    Status,
)
from schemas.models.event import EventType
from schemas.models.source import Origin, Text


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _zone(name: str) -> str:
    if not any(name in zones for zones in country_zones().values()):
        break_rule("a time zone of the IANA database, such as Africa/Khartoum")
    return name


def _form(form: str) -> str:
    if form != "iso" and not is_form(form):
        break_rule("`iso`, or a day, month and year as strptime has them, such as %d/%m/%Y")
    return form


Columns = Annotated[
    tuple[Short, ...], Strict(strict=False), BeforeValidator(_listed), Field(min_length=1, max_length=32)
]
"""One column under any of these names."""
Words = Annotated[tuple[str, ...], Strict(strict=False), BeforeValidator(_listed), Field(min_length=1, max_length=256)]
"""Text that a cell contains, letter case aside; `""` is in every cell."""
Kilometres = Annotated[float, Field(ge=1.0, le=20_040.0)]
"""A radius is never below one kilometre: gazetteers differ by that much."""


class Id(Value):
    """What tells a record from others."""

    column: Columns
    public: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")] = Field(
        description="Whose id it is: the same for all who relay this record, so that they count as one origin."
    )


class When(Value):
    """The day or moment; `to` is the last day, where the sheet has one."""

    column: Columns
    to: Columns | None = None
    format: Annotated[Short, AfterValidator(_form)] = Field(
        default="iso", description="`iso`, or how days are written, as strptime has it: %d/%m/%Y."
    )
    clock: bool = Field(
        default=False, description="Whether a time of day is knowledge; else it is the whole local day."
    )
    zone: Annotated[str, AfterValidator(_zone)] | None = Field(default=None, description="Else the country's zones.")
    month_text: Literal["widen", "trust"] = Field(
        default="widen",
        description='Where the text says only "March 2023:", the date becomes that month, unless it is trusted.',
    )


class Precision(Value):
    """What a code of precision means; the first whose words a cell contains is taken."""

    contains: Words
    km: Kilometres | None = Field(default=None, description="Absent: the coordinates are a centroid, and left out.")


class Where(Value):
    """The place."""

    lat: Columns | None = None
    lon: Columns | None = None
    precision: Columns | None = None
    km: Kilometres | None = Field(default=None, description="The radius where no code says one.")
    country: Columns | None = None
    countries: dict[str, Annotated[str, Field(pattern=r"^[A-Z]{3}$")]] = Field(
        default={}, description="Alpha-3 codes for other spellings; a three-letter code needs none."
    )
    admin1: Columns | None = None
    admin2: Columns | None = None
    name: Columns | None = None


class ActorWord(Value):
    """A class of actors by words in a cell; the first that fits is taken."""

    contains: Words
    is_: Lax[ActorClass] = Field(alias="is")


class Actor(Value):
    """Somebody who did it, or was a party to it."""

    role: Lax[Role]
    class_: Columns | None = Field(default=None, alias="class")
    name: Columns | None = None
    split: str | None = Field(default=None, description="What stands between several names in one cell.")
    alleged: bool = True


class Count(Value):
    """A figure. A column's 0 is a reported none of `of`; an empty cell is unknown."""

    best: Columns | None = None
    low: Columns | None = None
    high: Columns | None = None
    plus: Columns | None = Field(default=None, description="Further columns that are added to `best`.")
    what: Lax[CountWhat]
    of: Lax[CountOf] | None = None
    unit: Lax[CountUnit] = CountUnit.PERSON
    basis: Lax[CountBasis] = CountBasis.NEW
    type: Many[EventType] = Field(default=(), description="What it was, if the figure is above zero.")

    @model_validator(mode="after")
    def _reads_something(self) -> Self:
        if self.best is None and self.low is None and self.high is None:
            break_rule("a column for best, low or high")
        return self


class Condition(Value):
    """What a cell must say: in any of these columns."""

    column: Columns
    contains: Words | None = None
    positive: bool = False

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if (self.contains is None) is not self.positive:
            break_rule("either contains or positive")
        return self


class Rule(Value):
    """What a row is: where all conditions hold, it is of these types and affects these sectors."""

    when: Annotated[Many[Condition], Field(min_length=1, max_length=8)]
    type: Annotated[Many[EventType], BeforeValidator(_listed)] = ()
    sectors: Annotated[Many[Lax[Sector]], BeforeValidator(_listed)] = ()
    otherwise: bool = Field(default=False, description="Only where no rule before gave a type.")
    out_of_scope: bool = Field(default=False, description="The row is no event: it is refused as such.")


class Origins(Value):
    """Where the information comes from: the same for every row of the sheet."""

    discipline: Lax[Discipline]
    origin: Origin | None = None
    reliability: Lax[Reliability] | None = None
    credibility: Annotated[int, Field(ge=1, le=6)] | None = None
    review: Lax[Review] = Review.UNREVIEWED
    licence: Short | None = None
    attribution: Line | None = None
    onward: Lax[Onward] = Onward.OPEN
    consent: Lax[Consent] = Consent.UNKNOWN
    reported: Columns | None = Field(default=None, description="Column of the day on which it became known.")


class Texts(Value):
    """The text, raw; the first of the columns that is not empty."""

    language: str = "und"
    headline: Columns | None = None
    description: Columns | None = None

    @model_validator(mode="after")
    def _is_language(self) -> Self:
        Text(language=self.language)
        return self


class Mapping(Value):
    """A whole mapping file."""

    format: Name = Field(description="First part of a draft's id and of its attributes' keys.")
    title: Line
    recognise: Annotated[Many[Columns], Field(max_length=16)] = Field(
        default=(), description="Columns that only this sheet has: it is found by them where no mapping is named."
    )
    rows: Short | None = Field(default=None, description="JSON: the field that holds the records.")
    status: Lax[Status] = Status.ACTUAL
    nature: Lax[Nature] = Nature.INCIDENT
    default_type: EventType = "other"
    unknown: Many[str] = Field(default=(), description="Words that mean no more than an empty cell.")
    sectors: Many[Lax[Sector]] = Field(default=(), description="Affected in every row.")
    decimal_comma: bool = Field(default=False, description="Decimals follow a comma: 12,05; a point is then refused.")
    id: Id
    modified: Columns | None = Field(default=None, description="Column of the time of the last change.")
    when: When
    where: Where = Where()
    source: Origins
    texts: Texts = Texts()
    precision: Many[Precision] = ()
    actor_class: Many[ActorWord] = ()
    actor: Annotated[Many[Actor], Field(max_length=8)] = ()
    count: Annotated[Many[Count], Field(max_length=64)] = ()
    rule: Annotated[Many[Rule], Field(max_length=256)] = ()
    attributes: Annotated[Many[Columns], Field(max_length=64)] = Field(
        default=(), description="Columns that are kept as they are, under `<format>.<first name>`."
    )
    drop: dict[str, Line] = Field(default={}, description="Columns that are left out on purpose, each with the reason.")
    personal: Many[Short] = Field(default=(), description="Columns of personal data: not even in the digest.")
    original: Literal["digest", "bytes"] = "digest"


EXTENDS: Final = "extends"


def merged(base: AnyMapping[str, Any], own: AnyMapping[str, Any]) -> dict[str, Any]:
    """A mapping on top of the one it extends: tables merge, lists grow, anything else is replaced."""
    found = dict(base)
    for key, value in own.items():
        before = found.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            found[key] = merged(before, value)
        elif isinstance(before, list) and isinstance(value, list) and before and isinstance(before[0], dict):
            found[key] = [*before, *value]
        else:
            found[key] = value
    return found
