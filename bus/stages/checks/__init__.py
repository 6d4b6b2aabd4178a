"""The nine checks of ingest: what a submission must pass before it counts. Pure: bytes, values and a time go in.

1 size · 2 frame · 3 payload type (author kinds only) · 4 key, its validity and scope · 5 signature · 6 schema
7 strict decode · 8 field rules (agency = key's owner, feed, label, times, realm, consent, quota) · 9 repeat, conflict,
stale revision.
For the authority's records 9 also asks whether what they say can come into force.

Nothing is decoded before its signature is verified. No verdict depends on another agency's events. All times are held
against the log's append time, never a clock's, so that every verdict can be repeated exactly. Deliberately absent: the
pace of an agency that brings much, which is its shard's; sequence gaps, which are an alarm and never a refusal.

A refusal is a value. Only this room makes an `AcceptedEvent`.
"""

from bus.stages.checks.check import check, conclude
from bus.stages.checks.claim import Claim, Refused, Submission, examine, is_signed
from bus.stages.checks.memory import Memory
from bus.stages.checks.verdict import Accepted, Rejected, Repeated, Verdict, reject_unread

__all__ = [
    "Accepted",
    "Claim",
    "Memory",
    "Refused",
    "Rejected",
    "Repeated",
    "Submission",
    "Verdict",
    "check",
    "conclude",
    "examine",
    "is_signed",
    "reject_unread",
]
