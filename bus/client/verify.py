"""From an alert down to the authors' bytes: who signed each, and whether the roster says that they could.

Of an alert, in numbered steps; every step leaves a finding, so that a reader sees what was checked and not only that it
was:

1. the bus's signature over the alert, its key judged at the time of delivery.
2. each member's bytes among what this reader was given, found by the digest that the alert names.
3. the author's signature over these bytes, its key judged by the rosters for the time when the bus accepted them.
4. what the author's bytes say of themselves (agency, feed, id, revision) equals what the alert says of them.
5. the newest roster does not call the key compromised at that time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import NamedTuple

from bus.client.authority import Authority
from bus.client.opened import Opened
from bus.client.picture import Held, Picture
from bus.errors import Reason, Refusal, refuse
from bus.stages.control import BUS
from bus.trust import frame
from bus.trust.keys import verify
from schemas.models import AlertMember, AlertMessage


class Checked(StrEnum):
    """What a finding is about."""

    ALERT = "alert"
    MEMBER = "member"
    EVENT = "event"


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
    return Verification(()) if held is None else _verify(held, _by_digest(picture), authority)


def verify_alerts(picture: Picture, authority: Authority) -> dict[str, Verification]:
    """Check every alert of a reader's picture, by its id; the events are looked through once for all."""
    digests = _by_digest(picture)
    return {alert_id: _verify(held, digests, authority) for alert_id, held in picture.alerts().items()}


def verify_event(picture: Picture, authority: Authority, ref: str) -> Verification:
    """Check one event of a reader's picture, its key judged at the time of delivery."""
    held = picture.events().get(ref)
    if held is None:
        return Verification(())
    return Verification((_finding(Checked.EVENT, held, held.open(), authority, held.delivered_at),))


def _verify(held: Held, digests: Mapping[str, Held], authority: Authority) -> Verification:
    """The five steps, for one alert."""
    opened = held.open()
    first = _finding(Checked.ALERT, held, opened, authority, held.delivered_at, agency=BUS)
    if isinstance(opened, Refusal) or not isinstance(opened.message, AlertMessage):
        return Verification((first,))
    members = (_member(member, digests.get(member.digest), authority) for member in opened.message.body.members)
    return Verification((first, *members))


def _by_digest(picture: Picture) -> dict[str, Held]:
    """The events of a picture, as they are and were, by the digest of their signed bytes, undecoded."""
    found: dict[str, Held] = {}
    for held in chain(*picture.past.values(), picture.events().values()):
        envelope = frame.parse(held.body)
        if not isinstance(envelope, Refusal):
            found[envelope.digest.hex()] = held
    return found


def _member(member: AlertMember, held: Held | None, authority: Authority) -> Finding:
    ref = f"{member.agency}/{member.feed}/{member.id}"
    opened = None if held is None else held.open()
    if held is None or not isinstance(opened, Opened):
        missing = refuse(Reason.BAD_FIELD, "members.digest", "the digest of an event that this reader was given")
        return Finding(Checked.MEMBER, ref, member.digest, None, None, missing)
    finding = _finding(Checked.MEMBER, held, opened, authority, member.accepted_at, agency=member.agency)
    header = opened.message.header
    said = (header.agency, header.feed, header.id, header.revision)
    if finding.refusal is None and said != (member.agency, member.feed, member.id, member.revision):
        return finding._replace(
            refusal=refuse(Reason.BAD_FIELD, "members", "what the author's bytes say of themselves")
        )
    return finding


def _finding(  # noqa: PLR0913 - what a signature is judged by
    checked: Checked, held: Held, opened: Opened | Refusal, authority: Authority, at: int, *, agency: str | None = None
) -> Finding:
    """Judge one signature; `agency` None: whoever the author's bytes say."""
    if isinstance(opened, Refusal):
        return Finding(checked, held.ref, "", None, None, opened)
    signer = opened.message.header.agency if agency is None else agency
    key_id = opened.envelope.signatures[0].key_id
    return Finding(
        checked, held.ref, opened.envelope.digest.hex(), signer, key_id, _judge(opened, authority, at, signer)
    )


def _judge(opened: Opened, authority: Authority, at: int, agency: str) -> Refusal | None:
    envelope = opened.envelope
    if len(envelope.signatures) != 1:
        return refuse(Reason.BAD_FRAME, "signatures", "exactly one signature")
    signature = envelope.signatures[0]
    key = authority.judge_key(signature.key_id, opened.message.header.feed, at)
    if isinstance(key, Refusal):
        return key
    if not key.agency == opened.message.header.agency == agency:
        return refuse(Reason.AGENCY_MISMATCH, "header.agency", "the agency that owns the signing key")
    if not verify(key.public, signature.value, envelope.signed):
        return refuse(Reason.BAD_SIGNATURE, "signatures[0]", "a signature over exactly these bytes")
    if authority.trust.is_tainted(signature.key_id, at):
        return refuse(Reason.KEY_REVOKED, "signatures[0]", "a key that was not compromised when the bus accepted them")
    return None
