"""Checks 1 to 5: what a frame claims to be, and whether whom it names has signed it. The payload stays opaque."""

from typing import Final, NamedTuple

from bus.errors import Reason, Refusal, refuse
from bus.names import AUTHORITY
from bus.stages.control import CONTROL, CONTROL_KINDS, Control
from bus.trust.frame import MAX_ENVELOPE_BYTES, Envelope, parse
from bus.trust.keys import verify
from bus.trust.roster import Key
from schemas.codec import PayloadType, parse_payload_type

ROSTER: Final = "roster"
AUTHOR_KINDS: Final = CONTROL_KINDS | {"event", "retraction", "link", "heartbeat"}
"""What can be submitted; alerts are the bus's own."""


class Submission(NamedTuple):
    """Bytes in an agency's topic; `at` is when the log appended them, UTC ms."""

    data: bytes
    agency: str
    at: int


class Claim(NamedTuple):
    """A frame that passed checks 1 to 4. `key` None: a roster, which the roots sign and check 4 has judged with 5."""

    envelope: Envelope
    type: PayloadType
    key: Key | None


class Refused(NamedTuple):
    """A frame that did not, with as much of it as could be read."""

    refusal: Refusal
    envelope: Envelope | None = None
    type: PayloadType | None = None


def examine(submission: Submission, control: Control) -> Claim | Refused:
    """Checks 1 to 4."""
    data, agency, at = submission
    # 1 size
    if len(data) > MAX_ENVELOPE_BYTES:
        return Refused(refuse(Reason.TOO_LARGE, "envelope", f"at most {MAX_ENVELOPE_BYTES} bytes"))
    # 2 frame
    envelope = parse(data)
    if isinstance(envelope, Refusal):
        return Refused(envelope)
    # 3 payload type
    named = parse_payload_type(envelope.payload_type)
    if isinstance(named, Refusal):
        return Refused(named, envelope)
    if named.kind not in AUTHOR_KINDS:
        refusal = refuse(Reason.UNKNOWN_TYPE, "payload type", "one of " + ", ".join(sorted(AUTHOR_KINDS)))
        return Refused(refusal, envelope, named)
    if len(envelope.signatures) != 1 and named.kind != ROSTER:
        # Of check 2, but which types may bear several is known only here.
        return Refused(refuse(Reason.BAD_FRAME, "frame.signatures", "exactly one signature"), envelope, named)
    # 4 key, its validity and scope
    key = _judge_key(envelope, named, agency, at, control=control)
    return Refused(key, envelope, named) if isinstance(key, Refusal) else Claim(envelope, named, key)


def is_signed(claim: Claim) -> bool:
    """Check 5. The costly one, free of other state: it may run in another thread."""
    if claim.key is None:
        return True
    return verify(claim.key.public, claim.envelope.signatures[0].value, claim.envelope.signed)


def bad_signature() -> Refusal:
    """What check 5 refuses with."""
    return refuse(Reason.BAD_SIGNATURE, "signatures[0]", "a signature over exactly these bytes, under the key it names")


def _judge_key(
    envelope: Envelope, named: PayloadType, agency: str, at: int, *, control: Control
) -> Key | Refusal | None:
    is_control = named.kind in CONTROL_KINDS
    if (is_control or named.feed == CONTROL) and (agency, named.feed) != (AUTHORITY, CONTROL):
        return refuse(Reason.NOT_AUTHORITY, "payload type", f"control records from {AUTHORITY}, on its feed {CONTROL}")
    if named.kind == ROSTER:
        return control.trust.judge_roster(envelope)
    if control.trust.expired(at):
        return refuse(Reason.KEY_NOT_VALID, "signatures[0].key_id", "a roster that has not expired: publish the next")
    return control.trust.judge_key(envelope.signatures[0].key_id, named.feed, at)
