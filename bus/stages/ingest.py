"""Ingest: one shard per agency judges its submissions and says what became of each.

Of a batch, in numbered steps: 1 read `control` to its end, so that no key is refused for want of the newest roster
2 leave unread what was appended after the roster in force expired 3 examine the frames 4 verify signatures, in chunks,
beside the rest 5 conclude the other checks, in order 6 write: accepted records to `events` (the authority's to
`control` too; heartbeats end here), a receipt for each submission, refused bytes with their reason to
`rejected.<agency>`.

Its memory is a fold of `receipts.<agency>`: a shard that restarts reads them and knows what it knew.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from typing import Final

from bus.errors import Reason
from bus.log.protocol import Log, NewRecord, Reader, Record
from bus.log.topics import topic
from bus.metrics import Meter
from bus.stages.checks import (
    Accepted,
    Claim,
    Memory,
    Refused,
    Rejected,
    Submission,
    Verdict,
    conclude,
    examine,
    is_signed,
    reject_unread,
)
from bus.stages.control import CONTROL, CONTROL_KINDS, Control
from bus.stages.following import ControlFollower
from bus.stages.heard import Hearing
from bus.stages.receipts import read_receipts, receipt_record, rejected_record
from bus.stages.relay import Decoded, Relay
from bus.stages.stage import Outputs
from schemas.codec import encode
from schemas.models import AcceptedEvent
from schemas.registry import newest

NAME: Final = "ingest"
CHUNK: Final = 64
"""Signatures that a thread verifies at a time: 10 ms of work, against 0.1 ms to hand it over."""
EVENTS: Final = "events"
HEARTBEAT: Final = "heartbeat"

_log = logging.getLogger(__name__)


class Ingest:
    """The shard of one agency; a `Stage`."""

    name: Final = NAME

    def __init__(
        self,
        agency: str,
        follower: ControlFollower,
        pool: Executor | None = None,
        *,
        relay: Relay | None = None,
        metrics: Meter | None = None,
    ) -> None:
        """Serve this agency's submissions; the follower may serve other shards of the same thread too.

        Threads of `pool` verify signatures; without one this thread does. `relay`: to correlate in this process.
        """
        self.agency = agency
        self.owner = f"{self.name}-{agency}"
        self.topics = (topic("submissions", agency),)
        self._follower = follower
        self._pool = pool
        self._relay = relay
        self._metrics = metrics
        self._memory = Memory()
        self._hearing = Hearing()
        self._counted: Counter[tuple[str, ...]] = Counter()
        self._is_held = False

    def restore(self, log: Log, reader: Reader) -> Outputs | None:
        """Fold the agency's receipts: all that were committed, and with them the cursor."""
        self._memory = Memory()
        self._hearing = Hearing(reader.note())
        self._counted.clear()
        for _, receipt in read_receipts(log, self.agency):
            self._memory.fold(receipt)
        return None

    def due(self) -> Outputs | None:
        """Nothing by time alone. What the last batch counted is committed by now."""
        if self._metrics is not None:
            for (name, *labels), number in self._counted.items():
                self._metrics.count(name, *labels, by=number)
        self._counted.clear()
        return None

    def process(self, records: list[Record]) -> Outputs:
        """Judge a batch, by the steps above."""
        # 1 control
        control = self._follower.read()
        # 2 an expired roster
        taken = self._open(records, control)
        outputs: list[NewRecord] = []
        # 3 to 5
        for record, verdict in self._judge(records[:taken], control):
            # 6 write
            outputs += self._written(record, verdict)
        return Outputs(outputs, self._note(), taken)

    def _note(self) -> str | None:
        """What is kept with the shard's name."""
        return self._hearing.note()

    def _open(self, records: Sequence[Record], control: Control) -> int:
        """How many of the records were appended before the roster in force expired."""
        trust = control.trust
        taken = next((n for n, record in enumerate(records) if trust.expired(record.append_time_ms)), len(records))
        is_held = taken < len(records)
        if is_held and not self._is_held:
            _log.error("%(owner)s is paused: the roster has expired; publish the next one", {"owner": self.owner})
        self._is_held = is_held
        return taken

    def _judge(self, records: Sequence[Record], control: Control) -> Iterator[tuple[Record, Verdict]]:
        """Each record with its verdict; the memory has folded a verdict's receipt when the next one is asked for."""
        submissions = [Submission(record.value, self.agency, record.append_time_ms) for record in records]
        # 3 frames
        claims = [examine(submission, control) for submission in submissions]
        # 4 signatures
        chunks = [claims[start : start + CHUNK] for start in range(0, len(claims), CHUNK)]
        verified = map(_verify, chunks) if self._pool is None else self._pool.map(_verify, chunks)
        signed = (good for chunk in verified for good in chunk)
        # 5 the rest, while later chunks are verified
        for record, submission, claim, good in zip(records, submissions, claims, signed, strict=True):
            if isinstance(claim, Claim):
                yield record, conclude(submission, claim, signed=good, control=control, memory=self._memory)
            else:
                yield record, reject_unread(submission, claim)

    def _written(self, record: Record, verdict: Verdict) -> list[NewRecord]:
        """What one verdict writes, and remembers."""
        receipt = verdict.receipt
        self._memory.fold(receipt)
        self._counted["submissions_total", self.agency] += 1
        outputs: list[NewRecord] = []
        if isinstance(verdict, Accepted):
            claim, body = verdict.claim, verdict.content.body
            self._counted["accepted_total", self.agency, claim.type.feed] += 1
            promised = body["interval_s"] if claim.type.kind == HEARTBEAT else None
            self._hearing.hear(claim.type.feed, record.append_time_ms, promised)
            outputs = self._events(verdict)
            if verdict.has_gap:
                at = {"owner": self.owner, "offset": record.offset, "topic": record.topic}
                _log.warning("%(owner)s: numbers are missing before offset %(offset)d of %(topic)s", at)
        elif isinstance(verdict, Rejected):
            reason = verdict.refusal.reason
            self._counted["rejected_total", self.agency, reason.value] += 1
            outputs = [rejected_record(self.agency, record, verdict.refusal)]
            level = logging.WARNING if reason is Reason.ID_CONFLICT else logging.INFO
            why = {"owner": self.owner, "reason": reason.value, "offset": record.offset, "topic": record.topic}
            _log.log(level, "%(owner)s: %(reason)s at offset %(offset)d of %(topic)s", why)
        return [*outputs, receipt_record(self.agency, receipt, record.value)]

    def _events(self, accepted: Accepted) -> list[NewRecord]:
        claim, content = accepted.claim, accepted.content
        kind = claim.type.kind
        if kind == HEARTBEAT:
            return []
        event = accepted.event
        value = _encoded(event)
        outputs = [NewRecord(EVENTS, claim.envelope.digest, value)]
        if kind in CONTROL_KINDS:
            outputs.append(NewRecord(CONTROL, kind.encode(), value))
        elif self._relay is not None:
            parts = Decoded(
                event.accepted_at, event.first_at, event.envelope, claim.envelope, kind, content.header, content.body
            )
            self._relay.put(value, parts)
        return outputs


def _verify(claims: Sequence[Claim | Refused]) -> list[bool]:
    return [isinstance(claim, Claim) and is_signed(claim) for claim in claims]


def _encoded(event: AcceptedEvent) -> bytes:
    fields = {
        "accepted_at": event.accepted_at,
        "first_at": event.first_at,
        "control_version": event.control_version,
        "envelope": event.envelope,
    }
    return encode(newest("accepted"), fields)
