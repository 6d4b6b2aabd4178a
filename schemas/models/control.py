"""What the authority publishes about agencies and labels: roster and policy."""

from typing import Annotated

from pydantic import Field

from bus.names import NAME
from schemas.models.base import Bytes32, Hex32, LabelText, Many, Name, Ordinal, Short, TimeMs, Value

Scope = Annotated[str, Field(pattern=rf"^(\*|{NAME})$")]
"""A feed, or `*` for all of the agency's feeds."""


Quota = Annotated[int, Field(ge=1, le=1_000_000_000)]
"""Records a day."""


class RootKey(Value):
    """A key that may sign rosters."""

    key_id: Hex32
    public: Bytes32


class Roots(Value):
    """Who signs the next roster, and how many of them must."""

    keys: Annotated[Many[RootKey], Field(min_length=1, max_length=32)]
    threshold: int = Field(ge=1, le=32)


class KeyEntry(Value):
    """An agency's key with its scope and half-open validity."""

    key_id: Hex32
    public: Bytes32 = Field(description="Raw Ed25519 public key.")
    feeds: Annotated[Many[Scope], Field(min_length=1, max_length=256)]
    valid_from: TimeMs
    valid_until: TimeMs | None = None
    revoked_at: TimeMs | None = None
    compromised_since: TimeMs | None = Field(default=None, description="What was accepted since is tainted.")


class ClearedPolicy(Value):
    """What an agency holds under one policy."""

    policy: Short
    levels: Annotated[Many[Short], Field(max_length=64)] = ()
    need: Annotated[Many[Short], Field(max_length=256)] = ()


class Clearance(Value):
    """What a reader may see."""

    subject: Short
    policies: Annotated[Many[ClearedPolicy], Field(max_length=32)] = ()
    audiences: Annotated[Many[Short], Field(max_length=256)] = ()
    realms: Annotated[Many[Short], Field(max_length=256)] = Field(default=(), description="REAL, TEST, exercises.")
    not_after: TimeMs | None = None


class FeedEntry(Value):
    """One feed of an agency and its rules."""

    name: Name
    floor: LabelText = Field(description="No record of this feed may be labelled lower.")
    protected_floor: LabelText | None = Field(default=None, description="The floor where a source needs protection.")
    default_label: LabelText
    curated: bool = Field(default=False, description="One record per incident.")
    analyst: bool = Field(default=False, description="Its SAME and DIFFERENT links act.")
    quota_records_per_day: Quota | None = Field(
        default=None,
        description="What it brings in an ordinary day under one label, in records; null: the bus's own default.",
    )


class AgencyEntry(Value):
    """One agency: its keys, what it may read, what it may publish."""

    name: Name
    suspended: bool = False
    keys: Annotated[Many[KeyEntry], Field(max_length=256)] = ()
    clearance: Clearance
    feeds: Annotated[Many[FeedEntry], Field(max_length=256)] = ()


class Roster(Value):
    """The signed, versioned, expiring trust list."""

    version: Ordinal
    expires_at: TimeMs
    roots: Roots
    agencies: Annotated[Many[AgencyEntry], Field(max_length=4096)] = ()


class PolicyDocument(Value):
    """A label policy as its TOML text."""

    policy: Short
    version: Ordinal
    toml: str = Field(max_length=200_000)
