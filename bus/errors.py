"""Refusals and faults.

A refusal is a value: somebody's bytes are not acceptable, for a `Reason` of one closed list. A fault is an exception:
we are in trouble, and the error says whether trying again can help. The list stands in the order of ingest's numbered
checks and is the same in topics, metrics, commands, documents and tests.
"""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a submission was refused (interfaces.md, in the order of the ingest checks)."""

    TOO_LARGE = "TOO_LARGE"
    BAD_FRAME = "BAD_FRAME"
    UNKNOWN_TYPE = "UNKNOWN_TYPE"
    UNKNOWN_KEY = "UNKNOWN_KEY"
    KEY_NOT_VALID = "KEY_NOT_VALID"
    KEY_REVOKED = "KEY_REVOKED"
    KEY_OUT_OF_SCOPE = "KEY_OUT_OF_SCOPE"
    BAD_SIGNATURE = "BAD_SIGNATURE"
    UNKNOWN_SCHEMA = "UNKNOWN_SCHEMA"
    UNDECODABLE = "UNDECODABLE"
    NOT_CANONICAL = "NOT_CANONICAL"
    AGENCY_MISMATCH = "AGENCY_MISMATCH"
    FEED_MISMATCH = "FEED_MISMATCH"
    BAD_LABEL = "BAD_LABEL"
    LABEL_BELOW_FLOOR = "LABEL_BELOW_FLOOR"
    BAD_FIELD = "BAD_FIELD"
    FROM_THE_FUTURE = "FROM_THE_FUTURE"
    TOO_OLD = "TOO_OLD"
    EXPIRED = "EXPIRED"
    REALM_MISMATCH = "REALM_MISMATCH"
    NO_CONSENT = "NO_CONSENT"
    OVER_QUOTA = "OVER_QUOTA"
    ID_CONFLICT = "ID_CONFLICT"
    STALE_REVISION = "STALE_REVISION"
    LABEL_CHANGED = "LABEL_CHANGED"
    NOT_AUTHORITY = "NOT_AUTHORITY"
    THRESHOLD_NOT_MET = "THRESHOLD_NOT_MET"
    VERSION_GAP = "VERSION_GAP"


REMEDY: dict[Reason, str] = {
    Reason.TOO_LARGE: "Send less: shorten texts or leave the original's bytes out; an envelope holds at most 256 KiB.",
    Reason.BAD_FRAME: (
        "Build the frame with bus.client.Publisher; it must hold exactly one signature and no further bytes."
    ),
    Reason.UNKNOWN_TYPE: (
        "Use a payload type of an author's kind: event, retraction, link, heartbeat, or the authority's."
    ),
    Reason.UNKNOWN_KEY: "Ask the authority to enter this key into the roster, or sign with a key that is in it.",
    Reason.KEY_NOT_VALID: "Sign with a key that is valid now: `tocsin key ls` shows the dates.",
    Reason.KEY_REVOKED: "Sign with the agency's new key; a revoked key is never accepted again.",
    Reason.KEY_OUT_OF_SCOPE: "Sign with a key whose scope holds this feed, or ask the authority to widen the scope.",
    Reason.BAD_SIGNATURE: (
        "Sign the exact bytes again with the key that the frame names; something changed them on the way."
    ),
    Reason.UNKNOWN_SCHEMA: "Encode with a released schema of this bus; update the publisher.",
    Reason.UNDECODABLE: "Encode the payload with the released schema that its type names.",
    Reason.NOT_CANONICAL: "Encode with shortest varints, one block per array or map, and no trailing bytes.",
    Reason.AGENCY_MISMATCH: "Publish under the agency that owns the signing key.",
    Reason.FEED_MISMATCH: (
        "Publish to a feed that the roster gives this agency, and name the same one in type, header and record key."
    ),
    Reason.BAD_LABEL: "Spell the label as `tocsin label show` does, under a policy that is in force.",
    Reason.LABEL_BELOW_FLOOR: "Raise the label to the feed's floor (`tocsin agency show`).",
    Reason.BAD_FIELD: "Correct the field and publish the record again.",
    Reason.FROM_THE_FUTURE: "Set the clock; times may lie at most the allowed margin ahead of the log's.",
    Reason.TOO_OLD: "Sign the record anew; a submission may be at most 60 days old.",
    Reason.EXPIRED: "Publish before `expires_at`, or set a later one.",
    Reason.REALM_MISMATCH: "Let status, exercise and the label's realm agree; exercise, test and real data never mix.",
    Reason.NO_CONSENT: "Leave out what the source did not consent to, or publish above the feed's protected floor.",
    Reason.OVER_QUOTA: "Wait and send again, or ask the authority for a larger quota.",
    Reason.ID_CONFLICT: "Give a changed body the next revision; the same revision can't have two bodies.",
    Reason.STALE_REVISION: "Publish a revision above the latest and above every retraction and replacement of this id.",
    Reason.LABEL_CHANGED: "Retract the record and publish it under a new id with the new label.",
    Reason.NOT_AUTHORITY: "Only the authority publishes control records, on its feed `control`, with its keys.",
    Reason.THRESHOLD_NOT_MET: "Collect the signatures that the roots of the old and the new roster ask for.",
    Reason.VERSION_GAP: "Publish exactly the version that follows the one in force.",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something was not accepted, where, what was expected, and how to mend it. Holds no payload content."""

    reason: Reason
    place: str
    expected: str
    remedy: str

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.reason} at {self.place}: expected {self.expected}. {self.remedy}"


def refuse(reason: Reason, place: str, expected: str) -> Refusal:
    """Make a refusal with the remedy that belongs to its reason."""
    return Refusal(reason, place, expected, REMEDY[reason])


class TocsinError(Exception):
    """Our own trouble: what happened, one line of advice, and whether trying again can help."""

    retriable = False

    def __init__(self, message: str, advice: str = "", *, retriable: bool | None = None) -> None:
        """Keep the message, the advice and whether a retry can help (else the class's default)."""
        super().__init__(message)
        self.advice = advice
        if retriable is not None:
            self.retriable = retriable


class UsageError(TocsinError):
    """What the user asked can't be read or makes no sense: exit code 2."""


class NotFoundError(TocsinError):
    """What was asked for is not there, or not for this reader (the same answer for both): exit code 1."""
