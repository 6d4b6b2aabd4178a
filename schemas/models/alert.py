"""What the bus concludes: an alert with its members and its arithmetic."""

from typing import Annotated

from pydantic import Field

from schemas.models.base import Hex64, Id, Lax, Line, Many, Name, Note, Ordinal, Probability, Short, TimeMs, Value
from schemas.models.enums import Claims, Discipline, Nature
from schemas.models.event import Count, EventType
from schemas.models.place import When, Where


class AlertMember(Value):
    """One event that the alert rests on, by the digest of its signed bytes."""

    digest: Hex64
    agency: Name
    feed: Name
    id: Id
    revision: Ordinal
    accepted_at: TimeMs
    first_at: TimeMs
    claims: Lax[Claims]
    origin_group: int = Field(ge=0, le=2**31, description="Members with one number are one origin.")


class Severity(Value):
    """How grave, with its parts."""

    level: int = Field(ge=0, le=4)
    harm: int = Field(ge=0, le=4)
    scale: int = Field(ge=0, le=4)
    vulnerable: bool


class Confidence(Value):
    """How sure."""

    log_odds: float
    probability: Probability
    words: Short = Field(description="The probability in words (ICD 203).")
    cap: Probability = Field(description="What the number of origins and disciplines allows at most.")


class Term(Value):
    """One step of the arithmetic, with its reason in plain words."""

    term: Short
    value: float
    reason: Note


class Alert(Value):
    """One story that several origins tell, or one grave enough alone."""

    alert_id: Hex64 = Field(description="Hash of the founder's (first_at, agency, feed, id).")
    parameters_version: Ordinal
    members: Annotated[Many[AlertMember], Field(min_length=1)]
    type: EventType
    nature: Lax[Nature]
    when: When | None = None
    where: Where = Where()
    counts: Many[Count] = ()
    severity: Severity
    confidence: Confidence
    origins: int = Field(ge=0, description="Independent origins.")
    disciplines: Many[Lax[Discipline]] = ()
    explanation: Many[Term] = ()
    related: Many[Line] = Field(default=(), description="Event references `agency/feed/id` and umbrella ids.")
    attributions: Many[Line] = ()
