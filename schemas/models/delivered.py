"""What `delivered.<agency>` holds: everything that a reader has, so that a slot can go on where another stopped.

As with a delivery, the fields that differ from reader to reader stand first and the others are encoded once.
"""

from enum import StrEnum

from pydantic import Field

from schemas.models.base import (
    Bytes32,
    Hex32,
    Hex64,
    LabelText,
    Lax,
    Line,
    Many,
    Ordinal,
    Probability,
    Short,
    TimeMs,
    Value,
)


class Standing(StrEnum):
    """Whether a reader has something, and whether it still changes by what others publish."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"
    GONE = "GONE"


class HeldTarget(Value):
    """What a retraction takes away."""

    kind: Short
    ref: Line
    up_to_revision: Ordinal


class HeldRevision(Value):
    """One revision of an author's record, as far as it still matters."""

    number: Ordinal = Field(description="The author's revision.")
    position: int = Field(ge=0, description="In `events`.")
    digest: Bytes32
    accepted_at: TimeMs
    first_at: TimeMs
    key_id: Hex32
    curated: bool
    leaves_at: TimeMs | None = None
    replaces: Many[Line] = ()
    targets: Many[HeldTarget] = ()
    relation: Short | None = None
    refs: Many[Line] = ()


class HeldRecord(Value):
    """One author's record, as the reader last had it."""

    revision: Ordinal = Field(description="Deliveries about it so far.")
    standing: Lax[Standing]
    since: TimeMs | None = Field(default=None, description="The tick at which it closed or went.")
    label: LabelText
    shown: HeldRevision | None = Field(default=None, description="Null where it is gone.")


class HeldMember(Value):
    """One event of an alert, with the position of the revision that the alert rests on."""

    ref: Line
    position: int = Field(ge=0)


class HeldTie(Value):
    """One event that a link ties to an alert, with the labels of both."""

    ref: Line
    labels: Many[LabelText] = ()


class HeldVariant(Value):
    """One state of an alert."""

    variant: Hex64
    label: LabelText
    members: Many[HeldMember] = Field(description="The founder first.")
    ties: Many[HeldTie] = ()
    level: int = Field(ge=0, le=4, description="Severity.")
    probability: Probability
    seal: Hex32 | None = Field(
        default=None, description="Which thefts of the bus's keys were known when it was signed; null: none."
    )


class HeldAlert(Value):
    """One alert, as the reader last had it."""

    revision: Ordinal = Field(description="Deliveries about it so far.")
    standing: Lax[Standing]
    since: TimeMs | None = Field(default=None, description="The tick at which it closed or went.")
    shown: HeldVariant | None = Field(default=None, description="Null where it is gone.")


class HeldHead(Value):
    """How far a reader's outbox goes."""

    sequence: Ordinal
    chain: Bytes32
    position: int = Field(ge=0, description="In `events`, of the record that made the last delivery.")
