"""What the bus itself writes into its topics: unsigned records."""

from pydantic import Field

from schemas.models.base import (
    Bytes32,
    Hex32,
    Hex64,
    Id,
    LabelText,
    Lax,
    Line,
    Many,
    Name,
    Note,
    Ordinal,
    Short,
    TimeMs,
    Value,
)
from schemas.models.enums import AuditedAct, Change, DeliveredKind, DeliveryReason, RetractedKind, Verdict


class AcceptedEvent(Value):
    """A submission that passed all checks, with the author's bytes unchanged."""

    accepted_at: TimeMs = Field(description="When the log appended the submission.")
    first_at: TimeMs = Field(description="accepted_at of the earliest revision not under an earlier retraction.")
    control_version: int = Field(ge=0, description="How many control records held at this position.")
    envelope: bytes


class Tick(Value):
    """Time acts at this position, and nowhere else."""

    minute: TimeMs = Field(description="The time, UTC ms; each tick's is later than the last one's.")


class Covered(Value):
    """An own record whose place in the pictures a retraction or a replacing event takes."""

    kind: Lax[RetractedKind]
    feed: Name
    id: Id
    up_to_revision: Ordinal | None = Field(default=None, description="null = every revision.")


class Receipt(Value):
    """What became of a submission; null where it could not be read so far.

    Receipts are ingest's memory: what its ninth check asks of earlier submissions stands here.
    """

    kind: Short | None = None
    feed: Short | None = None
    id: Short | None = None
    digest: Hex64
    revision: Ordinal | None = None
    label: LabelText | None = None
    verdict: Lax[Verdict]
    reason: Short | None = Field(default=None, description="A code of the closed list of refusals.")
    place: Line | None = None
    expected: Note | None = None
    accepted_at: TimeMs
    first_at: TimeMs | None = Field(default=None, description="accepted_at of the earliest revision that still counts.")
    sequence: Ordinal | None = None
    key_id: Hex32 | None = Field(default=None, description="The key that signed it.")
    covers: Many[Covered] = Field(default=(), description="What it takes away: retractions, replacing events.")


class Delivery(Value):
    """One step from what a reader had to what it has now.

    The order of the fields is part of the contract: sequence, revision and chain differ from reader to reader, all that
    stands between them is encoded once.
    """

    sequence: Ordinal = Field(description="Per reader, no gaps.")
    revision: Ordinal
    change: Lax[Change]
    reason: Lax[DeliveryReason] | None = None
    kind: Lax[DeliveredKind]
    ref: Line = Field(description="`agency/feed/id`, or the alert's id.")
    what_changed: Many[Short] = ()
    replaces: Line | None = None
    superseded_by: Line | None = None
    body: bytes | None = Field(default=None, description="The signed bytes.")
    chain: Bytes32 = Field(description="Hash of the previous delivery's chain and this one.")


class Audited(Value):
    """One act of an operator, and never anything of a payload; when it was done, the log's append time says."""

    act: Lax[AuditedAct]
    by: Short = Field(description="Who, as the operating system names them.")
    agency: Name | None = Field(default=None, description="Whose records it concerns.")
    sha256: Hex64 | None = Field(default=None, description="Of the bytes that were sent again or dropped.")
    up_to_offset: int | None = Field(
        default=None, ge=0, description="Concerns these bytes in `rejected.<agency>` up to and with this offset."
    )
    reason: Short | None = Field(default=None, description="The code for which these bytes were last refused.")
    note: Note | None = Field(default=None, description="The operator's own words.")
