"""5 outboxes: each reader's deliveries are one unbroken chain, of what the bus signed or `events` holds."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Final

from bus.errors import Refusal, TocsinError
from bus.log.protocol import Log, Record
from bus.log.topics import topic
from bus.names import BUS
from bus.operate.soundness.events import EVENTS, Stands
from bus.operate.soundness.finding import Finding, Progress, at
from bus.operate.soundness.moment import Moment
from bus.operate.soundness.rosters import Rosters
from bus.stages.correlate.stage import NAME as CORRELATE
from bus.trust import frame
from bus.trust.keys import verify
from schemas.codec import decode_value, parse_payload_type
from schemas.delivery import first_chain, next_chain, strip_chain
from schemas.models import DeliveredKind, Delivery, validate
from schemas.registry import PREFIX_BYTES, of_bytes

_MOST_BYTES: Final = 32 << 20
"""An alert names all its members: it grows beyond what one author may send."""
_EVERY: Final = 1_024


class Outboxes:
    """The outboxes at one moment."""

    def __init__(self, log: Log, moment: Moment, rosters: Rosters, standing: Mapping[bytes, Stands]) -> None:
        """`standing`: all that `events` holds, by digest."""
        self._log = log
        self._moment = moment
        self._rosters = rosters
        self._standing = standing
        self._is_whole = EVENTS in moment.topics and moment.topics[EVENTS].start == 0
        self._signed: set[bytes] = set()
        """Alerts whose signature holds: many readers get the same one."""
        self.deliveries = 0
        self.signatures = 0

    def read(self, reader: str, progress: Progress) -> Iterator[Finding]:
        """Check one reader's outbox, from its first delivery that is kept to its head."""
        state = self._moment.topics[topic("outbox", reader)]
        sequence, chain = 0, first_chain(reader, self._rosters.pin)
        for record in self._log.read(state.name, state.start, state.end):
            self.deliveries += 1
            delivery = _decoded(record)
            place = at(record.topic, record.offset)
            if isinstance(delivery, Finding):
                yield delivery
                return
            if record.offset == state.start > 0:  # what stood before was removed: it is taken at its word
                sequence, chain = delivery.sequence, delivery.chain
            else:
                sequence, chain = sequence + 1, next_chain(chain, strip_chain(record.value))
            if delivery.sequence != sequence:
                yield Finding(place, f"delivery {delivery.sequence} stands where {sequence} was to come")
                return
            if delivery.chain != chain:
                yield Finding(place, f"delivery {sequence} does not continue the chain")
                return
            yield from self._body(place, record, delivery)
            if self.deliveries % _EVERY == 0:
                progress(f"chain of {state.name}", record.offset - state.start, state.end - state.start)
        if state.start == 0 or sequence:  # else all is past retention, and the head is taken at its word
            yield from self._headed(reader, sequence, chain)
        yield from ahead(self._moment, reader)

    def _headed(self, reader: str, sequence: int, chain: bytes) -> Iterator[Finding]:
        """Whether `delivered` says that the outbox ends here."""
        head = self._moment.heads.get(reader)
        said = (0, None) if head is None else (head.sequence, head.chain)
        if said != ((sequence, chain) if sequence else (0, None)):
            yield Finding(
                topic("delivered", reader), f"its head says {said[0]} deliveries, the outbox ends at {sequence}"
            )

    def _body(self, place: str, record: Record, delivery: Delivery) -> Iterator[Finding]:
        """An author's record is one of `events`; an alert is signed by the bus."""
        if delivery.body is None:
            return
        envelope = frame.parse(delivery.body, _MOST_BYTES)
        if isinstance(envelope, Refusal):
            yield Finding(place, f"delivers no envelope: {envelope.expected} expected at {envelope.place}")
        elif delivery.kind is not DeliveredKind.ALERT:
            if envelope.digest not in self._standing and self._is_whole:
                yield Finding(place, "delivers a record that `events` does not hold")
        elif (digest := sha256(delivery.body).digest()) not in self._signed:
            yield from self._alert(place, envelope, record.append_time_ms)
            self._signed.add(digest)

    def _alert(self, place: str, envelope: frame.Envelope, when: int) -> Iterator[Finding]:
        self.signatures += 1
        named = parse_payload_type(envelope.payload_type)
        if isinstance(named, Refusal) or named.kind != "alert" or len(envelope.signatures) != 1:
            yield Finding(place, "delivers what is no alert with exactly one signature")
            return
        signature = envelope.signatures[0]
        key = self._rosters.judge_bus_key(signature.key_id, named.feed, when)
        if isinstance(key, Refusal):
            yield Finding(place, f"the alert's key: {key.reason}")
        elif key.agency != BUS:
            yield Finding(place, f"the alert is signed by a key of {key.agency}, not of the bus")
        elif not verify(key.public, signature.value, envelope.signed):
            yield Finding(place, "the alert's signature is not one over exactly these bytes")


def ahead(moment: Moment, reader: str) -> Iterator[Finding]:
    """Whether a reader was told of records that correlate has not read."""
    head = moment.heads.get(reader)
    if head is None:
        return
    cursors = [at.get(EVENTS, 0) for owner, at in moment.cursors.items() if owner.startswith(f"{CORRELATE}-")]
    if head.position >= max(cursors, default=0) and head.position > 0:
        yield Finding(topic("delivered", reader), f"its head is of position {head.position}, which no slot has read")


def last_delivery(log: Log, moment: Moment, reader: str) -> Iterator[Finding]:
    """Whether the outbox's last delivery is the one that `delivered` keeps as head; the chain before is not read."""
    state = moment.topics[topic("outbox", reader)]
    head = moment.heads.get(reader)
    last = next(log.read(state.name, max(state.end - 1, 0), state.end), None) if state.end else None
    found = None if last is None else _decoded(last)
    is_gone = last is None and state.start > 0
    if isinstance(found, Finding):
        yield found
    elif not is_gone and (None if found is None else (found.sequence, found.chain)) != (
        None if head is None else (head.sequence, head.chain)
    ):
        yield Finding(topic("delivered", reader), "its head is not the outbox's last delivery")
    yield from ahead(moment, reader)


def _decoded(record: Record) -> Delivery | Finding:
    schema = of_bytes(record.value)
    try:
        value = schema if isinstance(schema, Refusal) else decode_value(schema, record.value, PREFIX_BYTES)
    except TocsinError as fault:
        return Finding(at(record.topic, record.offset), str(fault))
    delivery = value if isinstance(value, Refusal) else validate(Delivery, value)
    if isinstance(delivery, Refusal):
        return Finding(at(record.topic, record.offset), "no delivery")
    return delivery
