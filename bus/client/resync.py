"""A reader's fresh start: its present picture and head, where what it has yet to read is past the outbox's retention.

In numbered steps:

1. what the reader has by the bus's own memory, `delivered.<agency>`, with the head up to which that goes.
2. fold what is left of the outbox, each delivery continuing the chain of the one before, and passing that very head.
3. hold the fold against the memory: what the memory lacks was forgotten by the bus and leaves; an author's record that
the fold lacks is read from `events`, signed bytes as ever; what is gone, and which alerts are closed, is as it says.
4. the records as they were which alerts stand on and the reader no longer has, from `events` too.

What changed after that head was read in step 1 is as the fold says. An alert is in the bus's memory without its bytes,
which only the outbox holds: it is kept long enough for all that the bus remembers (`bus.log.topics`), and what is
missing all the same is named.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from bus.client.chain import Chain, disagreeing
from bus.client.kept import Head, Kept
from bus.client.picture import Gone, Held, Picture, digest_of
from bus.log.protocol import Log
from bus.log.topics import topic
from bus.stages.correlate.delivered import HEAD, thing_of
from bus.stages.correlate.step import AcceptedStep, read_step
from schemas.codec import decode_own
from schemas.delivery import first_chain
from schemas.models import DeliveredKind
from schemas.models.delivered import Standing

Key = tuple[DeliveredKind, str]


@dataclass(slots=True)
class Resynced:
    """What came of it. `missing`: alerts that the reader has, and whose bytes are past every retention."""

    head: Head
    missing: list[str] = field(default_factory=list)


def resync(log: Log, kept: Kept, pin: bytes) -> Resynced:
    """Put the reader's present picture and head in place of what it kept, in one transaction."""
    return _Resync(log, kept, pin).run()


class _Resync:
    def __init__(self, log: Log, kept: Kept, pin: bytes) -> None:
        self._log, self._kept, self._pin = log, kept, pin
        self._chain = Chain(log, kept.reader)
        self._picture: Picture = kept.picture
        self._later: set[Key] = set()

    def run(self) -> Resynced:
        """Steps 1 to 4."""
        memory = {record.key: record.value for record in self._log.latest(topic("delivered", self._kept.reader))}
        head = memory.pop(HEAD, None)
        known = Head(0, self._first())
        if head is not None:
            held = decode_own("heldhead", head)
            known = Head(held["sequence"], held["chain"])
        with self._kept.transaction():
            self._picture.clear()
            reached = self._fold(known)
            things = {_key(key): value for key, value in memory.items()}
            for key in list(self._picture.held):
                if key not in things and key not in self._later:
                    self._picture.drop(*key)
            missing = [name for key, value in things.items() for name in self._settle(key, value)]
            self._kept.move(reached)
        return Resynced(reached, missing)

    def _first(self) -> bytes:
        return first_chain(self._kept.reader, self._pin)

    def _fold(self, known: Head) -> Head:
        """Step 2; returns how far the outbox goes."""
        head: Head | None = None
        passed = known.sequence == 0
        end = self._log.end(self._chain.topic)
        for record in self._log.read(self._chain.topic, 0, end):
            delivery = self._chain.decoded(record)
            if (
                head is None and delivery.sequence > 1
            ):  # what came before is gone: nothing can be held against its chain
                head = Head(delivery.sequence, delivery.chain, record.offset + 1)
            else:
                fresh, head = self._chain.take(record, head or Head(0, self._first()))
                if fresh is None:
                    continue
            passed = passed or (delivery.sequence, delivery.chain) == (known.sequence, known.chain)
            self._picture.apply(delivery, record.append_time_ms)
            if delivery.sequence > known.sequence:
                self._later.add((delivery.kind, delivery.ref))
        if head is None:
            return known._replace(offset=end)
        if not passed and head.sequence >= known.sequence:
            raise disagreeing(self._chain.topic)
        return head

    def _settle(self, key: Key, value: bytes) -> Iterator[str]:
        """Steps 3 and 4 of one thing; yields the id of an alert whose bytes are nowhere."""
        kind, ref = key
        if key in self._later:
            return
        held = decode_own("heldalert" if kind is DeliveredKind.ALERT else "heldrecord", value)
        shown = held["shown"]
        if shown is None:
            self._picture.drop(kind, ref)
            if key not in self._picture.gone:
                self._picture.put_gone(kind, Gone(ref, None, None))
            return
        there = self._picture.held.get(key)
        closed = False  # of an author's record nobody is told that it closed
        if kind is DeliveredKind.ALERT:
            closed = held["standing"] == Standing.CLOSED
            if there is None:
                yield ref
            for member in shown["members"]:
                self._remember(member["ref"], member["position"])
        elif there is None or digest_of(there.body) != shown["digest"].hex():
            record = self._accepted(shown["position"])
            there = Held(kind, ref, held["revision"], record.envelope, record.accepted_at)
        if there is not None:
            self._picture.put(there._replace(revision=held["revision"], closed=closed))

    def _remember(self, ref: str, position: int) -> None:
        """Step 4: a member as the alert cites it, unless the picture has or had just this."""
        record = self._accepted(position)
        if self._picture.signed(record.digest.hex()) is None:
            self._picture.put_past(Held(DeliveredKind.EVENT, ref, 1, record.envelope, record.accepted_at))

    def _accepted(self, position: int) -> AcceptedStep:
        """What `events` holds at a position."""
        for record in self._log.read(topic("events"), position, position + 1):
            step = read_step(record)
            if isinstance(step, AcceptedStep):
                return step
        raise disagreeing(topic("events"))


def _key(key: bytes) -> Key:
    thing = thing_of(key)
    return DeliveredKind(thing[0]), "/".join(thing[1:])
