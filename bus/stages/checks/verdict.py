"""What became of a submission, as values: accepted, repeated, or rejected; each with the receipt that says so."""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from bus.errors import Refusal
from bus.stages.checks.claim import Claim, Refused, Submission
from bus.stages.checks.content import Content
from bus.stages.checks.memory import Candidate, Known
from bus.stages.control import Control
from schemas.models import AcceptedEvent, Header, validate
from schemas.models import Receipt as ReceiptModel

Receipt: TypeAlias = dict[str, Any]
"""The fields of `schemas.models.Receipt`, as the codec takes them."""


class Accepted(NamedTuple):
    """A submission that counts from here on. `control` is what holds after it."""

    claim: Claim
    content: Content
    event: AcceptedEvent
    receipt: Receipt
    control: Control
    has_gap: bool


class Repeated(NamedTuple):
    """The same signed content as before: its first receipt again, and no second effect."""

    receipt: Receipt


class Rejected(NamedTuple):
    """A submission that was refused; the original's bytes are kept apart, with the refusal."""

    refusal: Refusal
    receipt: Receipt


Verdict: TypeAlias = Accepted | Repeated | Rejected

_BLANK: Final[Mapping[str, Any]] = MappingProxyType(
    {name: field.get_default() for name, field in ReceiptModel.model_fields.items() if not field.is_required()}
    | {"verdict": "REJECTED"}
)
"""Every field of a receipt: null where the submission could not be read so far."""
_MAX_PLACE: Final = 256
_MAX_EXPECTED: Final = 1024
"""A place can name parts of a policy's text, which may be of any length."""


def reject_unread(submission: Submission, refused: Refused) -> Rejected:
    """Refused by checks 1 to 4: what the frame says of itself, so far as it could be read."""
    envelope, named = refused.envelope, refused.type
    fields: Receipt = {} if named is None else {"kind": named.kind, "feed": named.feed}
    digest = hashlib.sha256(submission.data).digest() if envelope is None else envelope.digest
    key_id = None if envelope is None else envelope.signatures[0].key_id
    return _rejected(refused.refusal, {**fields, "digest": digest.hex(), "key_id": key_id}, submission.at)


def reject(claim: Claim, content: Content | None, refusal: Refusal, at: int) -> Rejected:
    """Refused by checks 5 to 9; content is there once it is verified and decoded."""
    fields: Receipt = {
        "kind": claim.type.kind,
        "feed": claim.type.feed,
        "digest": claim.envelope.digest.hex(),
        "key_id": claim.envelope.signatures[0].key_id,
    }
    return _rejected(refusal, fields if content is None else fields | _said(content), at)


def accepted_receipt(new: Candidate, first_at: int) -> Receipt:
    """The receipt of a new record."""
    return _receipt(new, accepted_at=new.at, first_at=first_at)


def first_receipt(new: Candidate, known: Known) -> Receipt:
    """The receipt that a repeated submission got when it was new."""
    same = ("revision", "label", "key_id", "sequence", "covers")
    first = new._replace(**{name: getattr(known, name) for name in same})
    return _receipt(first, accepted_at=known.accepted_at, first_at=known.first_at)


def _receipt(new: Candidate, *, accepted_at: int, first_at: int) -> Receipt:
    return {
        **_BLANK,
        "kind": new.kind,
        "feed": new.feed,
        "id": new.id,
        "digest": new.digest.hex(),
        "revision": new.revision,
        "label": new.label,
        "verdict": "ACCEPTED",
        "accepted_at": accepted_at,
        "first_at": first_at,
        "sequence": new.sequence,
        "key_id": new.key_id,
        "covers": [
            {"kind": kind, "feed": feed, "id": record_id, "up_to_revision": up_to}
            for (kind, feed, record_id), up_to in new.covers
        ],
    }


def _rejected(refusal: Refusal, fields: Receipt, at: int) -> Rejected:
    why = {
        "reason": refusal.reason.value,
        "place": refusal.place[:_MAX_PLACE],
        "expected": refusal.expected[:_MAX_EXPECTED],
        "accepted_at": at,
    }
    return Rejected(refusal, {**_BLANK, **fields, **why})


def _said(content: Content) -> Receipt:
    """What the header says of the record, if it is a header at all: an id of another form names nothing."""
    if isinstance(validate(Header, content.header), Refusal):
        return {}
    return {name: content.header[name] for name in ("id", "revision", "label", "sequence")}
