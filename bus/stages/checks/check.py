"""All nine checks in a row."""

from typing import Any

from bus.errors import Refusal
from bus.names import AUTHORITY
from bus.stages.checks.claim import Claim, Refused, Submission, bad_signature, examine, is_signed
from bus.stages.checks.content import Content, read_content
from bus.stages.checks.fields import judge_fields
from bus.stages.checks.memory import Candidate, Covers, Known, Memory
from bus.stages.checks.quota import judge_quota
from bus.stages.checks.verdict import (
    Accepted,
    Repeated,
    Verdict,
    accepted_receipt,
    first_receipt,
    reject,
    reject_unread,
)
from bus.stages.control import CONTROL_KINDS, Control
from schemas.models import AcceptedEvent


def check(data: bytes, *, agency: str, at: int, control: Control, memory: Memory) -> Verdict:
    """Judge one submission from `agency`'s topic, appended at `at` (UTC ms). Total: any bytes have a verdict.

    The memory is asked, not changed: who takes the verdict folds its receipt.
    """
    submission = Submission(data, agency, at)
    claim = examine(submission, control)
    if isinstance(claim, Refused):
        return reject_unread(submission, claim)
    return conclude(submission, claim, signed=is_signed(claim), control=control, memory=memory)


def conclude(  # noqa: PLR0911 - a refusal at each check
    submission: Submission, claim: Claim, *, signed: bool, control: Control, memory: Memory
) -> Verdict:
    """Checks 5 to 9 of a claim whose signature was verified apart: `signed` is what `is_signed` said."""
    # 5 signature
    if not signed:
        return reject(claim, None, bad_signature(), submission.at)
    # 6 schema, 7 strict decode
    content = read_content(claim)
    if isinstance(content, Refusal):
        return reject(claim, None, content, submission.at)
    # 8 field rules
    message = judge_fields(submission, claim, content, control)
    if isinstance(message, Refusal):
        return reject(claim, content, message, submission.at)
    # 9 repeat, conflict, stale revision; for the authority's records, whether they can come into force
    new = _candidate(claim, content, submission.at)
    first_at = memory.judge(new, control.trust)
    if isinstance(first_at, Refusal):
        return reject(claim, content, first_at, submission.at)
    if isinstance(first_at, Known):
        return Repeated(first_receipt(new, first_at))
    # 8 the quota, last: a repeat needs no room, and what is refused anyway takes none
    full = _judge_quota(new, control, memory, submission.agency)
    if full is not None:
        return reject(claim, content, full, submission.at)
    after = control.apply(claim.envelope, message, submission.at) if new.kind in CONTROL_KINDS else control
    if isinstance(after, Refusal):
        return reject(claim, content, after, submission.at)
    return Accepted(
        claim,
        content,
        AcceptedEvent(
            accepted_at=submission.at, first_at=first_at, control_version=after.version, envelope=submission.data
        ),
        accepted_receipt(new, first_at),
        after,
        memory.has_gap(claim.type.feed, new.label, new.sequence, control.trust),
    )


def _judge_quota(new: Candidate, control: Control, memory: Memory, agency: str) -> Refusal | None:
    """Whether the feed's quota is used up; the authority has none."""
    feed = control.trust.feed(agency, new.feed)
    if feed is None or agency == AUTHORITY:
        return None
    return judge_quota(feed, memory.used(new.feed, new.label, new.at, control.trust))


def _candidate(claim: Claim, content: Content, at: int) -> Candidate:
    header, kind = content.header, claim.type.kind
    return Candidate(
        kind,
        header["feed"],
        header["id"],
        header["revision"],
        claim.envelope.digest,
        header["label"],
        claim.envelope.signatures[0].key_id,
        at,
        header["sequence"],
        _covers(kind, content.body),
    )


def _covers(kind: str, body: dict[str, Any]) -> Covers:
    """What the record takes away from its author's earlier or later ones."""
    if kind == "event":
        return tuple([(("event", it["feed"], it["id"]), None) for it in body["replaces"]])
    if kind == "retraction":
        return tuple([((it["kind"], it["feed"], it["id"]), it["up_to_revision"]) for it in body["retracts"]])
    return ()
