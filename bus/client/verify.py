"""From an alert down to the authors' bytes: who signed each, and whether the roster says that they could.

Of an alert, in numbered steps; every step leaves a finding, so that a reader sees what was checked and not only that it
was:

1. the bus's signature over the alert, its key judged at the time of delivery.
2. each member's bytes among what this reader was given, found by the digest that the alert names.
3. the author's signature over these bytes, its key judged by the rosters for the time when the bus accepted them.
4. the newest roster does not call the key compromised at that time.
5. only then are the bytes decoded: what they say of themselves (agency, feed, id, revision) equals what the alert says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from bus.client.authority import Authority
from bus.client.opened import parse_signed
from bus.client.picture import Held, Picture
from bus.errors import Reason, Refusal, refuse
from bus.names import BUS
from bus.stages.following import read_message
from bus.trust.frame import Envelope
from bus.trust.keys import verify
from bus.trust.roster import Key
from schemas.codec import parse_payload_type
from schemas.models import (
    AlertMember,
    AlertMessage,
    DeliveredKind,
    EventMessage,
    LinkMessage,
    Message,
    RetractionMessage,
)


class Checked(StrEnum):
    """What a finding is about."""

    ALERT = "alert"
    MEMBER = "member"
    EVENT = "event"
    RETRACTION = "retraction"
    LINK = "link"


_MODEL: Final[dict[Checked, type[Message]]] = {
    Checked.ALERT: AlertMessage,
    Checked.MEMBER: EventMessage,
    Checked.EVENT: EventMessage,
    Checked.RETRACTION: RetractionMessage,
    Checked.LINK: LinkMessage,
}


class Finding(NamedTuple):
    """One signature: of what, by whom, and what is wrong with it (None: nothing)."""

    checked: Checked
    ref: str
    digest: str
    signer: str | None
    key_id: str | None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """All findings about one alert or event; good only if each is, and there is at least one."""

    findings: tuple[Finding, ...]

    @property
    def good(self) -> bool:
        """Whether every signature holds."""
        return bool(self.findings) and all(finding.refusal is None for finding in self.findings)


def verify_alert(picture: Picture, authority: Authority, alert_id: str) -> Verification:
    """Check one alert of a reader's picture; without findings where the reader has no such alert."""
    held = picture.alerts().get(alert_id)
    return Verification(()) if held is None else verify_held(picture, authority, held)[0]


def verify_alerts(picture: Picture, authority: Authority) -> dict[str, Verification]:
    """Check every alert of a reader's picture, by its id."""
    return {alert_id: verify_held(picture, authority, held)[0] for alert_id, held in picture.alerts().items()}


def verify_event(picture: Picture, authority: Authority, ref: str) -> Verification:
    """Check one event of a reader's picture."""
    held = picture.events().get(ref)
    return Verification(()) if held is None else verify_held(picture, authority, held)[0]


def verify_held(picture: Picture, authority: Authority, held: Held) -> tuple[Verification, Message | None]:
    """Check one record or alert that was delivered, and return what it says where every signature holds."""
    if held.kind is not DeliveredKind.ALERT:
        signing = _Signing(held.ref.partition("/")[0], authority.moments(held.delivered_at))
        finding, said = _judged(Checked(held.kind.value), held.ref, parse_signed(held.body), signing, authority)
        return Verification((finding,)), said
    first, message = _judged(
        Checked.ALERT, held.ref, parse_signed(held.body), _Signing(BUS, (held.delivered_at,)), authority
    )
    if not isinstance(message, AlertMessage):
        return Verification((first,)), None
    members = (_member(member, picture.signed(member.digest), authority) for member in message.body.members)
    found = Verification((first, *members))
    return found, message if found.good else None


def _member(member: AlertMember, data: bytes | None, authority: Authority) -> Finding:
    ref = f"{member.agency}/{member.feed}/{member.id}"
    if data is None:
        missing = refuse(Reason.BAD_FIELD, "members.digest", "the digest of an event that this reader was given")
        return Finding(Checked.MEMBER, ref, member.digest, None, None, missing)
    signing = _Signing(member.agency, (member.accepted_at,))
    finding, message = _judged(Checked.MEMBER, ref, parse_signed(data), signing, authority)
    if message is not None and message.header.revision != member.revision:
        return finding._replace(refusal=refuse(Reason.BAD_FIELD, "members", "the revision that the author's bytes say"))
    return finding


class _Signing(NamedTuple):
    """Who must have signed, and when it may have been accepted (UTC ms): one time where it is known."""

    agency: str
    moments: Sequence[int]


def _judged(
    checked: Checked, ref: str, envelope: Envelope | Refusal, signing: _Signing, authority: Authority
) -> tuple[Finding, Message | None]:
    """Judge one signature, and what it signs: frame, payload type, key, signature, and only then the content."""
    if isinstance(envelope, Refusal):
        return Finding(checked, ref, "", None, None, envelope), None
    finding = Finding(checked, ref, envelope.digest.hex(), signing.agency, envelope.signatures[0].key_id)
    message = _unsigned(envelope, signing, authority) or read_message(envelope)
    if isinstance(message, Refusal):
        return finding._replace(refusal=message), None
    refusal = _contradicted(checked, ref, signing.agency, message)
    return (finding, message) if refusal is None else (finding._replace(refusal=refusal), None)


def _unsigned(envelope: Envelope, signing: _Signing, authority: Authority) -> Refusal | None:
    """Why this is not signed by whom it should be, or None. Nothing of the payload is decoded."""
    if len(envelope.signatures) != 1:
        return refuse(Reason.BAD_FRAME, "signatures", "exactly one signature")
    named = parse_payload_type(envelope.payload_type)
    if isinstance(named, Refusal):
        return named
    signature = envelope.signatures[0]
    judged = [_key(signature.key_id, named.feed, at, authority) for at in signing.moments]
    key = next((found for found in judged if isinstance(found, Key)), judged[0])
    if isinstance(key, Refusal):
        return key
    if key.agency != signing.agency:
        return refuse(Reason.AGENCY_MISMATCH, "signatures[0]", f"a key of {signing.agency}")
    if not verify(key.public, signature.value, envelope.signed):
        return refuse(Reason.BAD_SIGNATURE, "signatures[0]", "a signature over exactly these bytes")
    return None


def _key(key_id: str, feed: str, at: int, authority: Authority) -> Key | Refusal:
    """The key, if it could sign for this feed at `at`, and is not known as compromised by then."""
    if authority.trust.is_tainted(key_id, at):
        return refuse(Reason.KEY_REVOKED, "signatures[0]", "a key that was not compromised when the bus accepted them")
    return authority.judge_key(key_id, feed, at)


def _contradicted(checked: Checked, ref: str, agency: str, message: Message) -> Refusal | None:
    """Why the signed content is not what it was delivered or cited as, or None."""
    if not isinstance(message, _MODEL[checked]):
        wanted = Checked.EVENT if checked is Checked.MEMBER else checked
        return refuse(Reason.UNKNOWN_TYPE, "payload type", f"one of kind {wanted}")
    header = message.header
    if header.agency != agency:
        return refuse(Reason.AGENCY_MISMATCH, "header.agency", "the agency that owns the signing key")
    said = message.body.alert_id if isinstance(message, AlertMessage) else f"{agency}/{header.feed}/{header.id}"
    return None if said == ref else refuse(Reason.BAD_FIELD, "header.id", "what it was delivered or cited as")
