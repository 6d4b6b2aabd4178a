"""An agency's subscriber: deliveries in order, each checked against the chain, folded into the agency's picture.

Each delivery, in numbered steps (pictures.md, 4):

1. decode: strictly, one spelling only.
2. repeat: a number that was read already is dropped.
3. gap: any number but the next stops the subscriber.
4. chain: hash of the previous chain and of this delivery without its own; a mismatch stops the subscriber.
5. fold it into the picture.
"""

from collections.abc import Iterator
from typing import NamedTuple

from bus.client.picture import Picture
from bus.errors import Refusal, TocsinError
from bus.log.protocol import Log, Record
from bus.log.topics import topic
from schemas.codec import decode_value
from schemas.delivery import first_chain, next_chain, strip_chain
from schemas.models import Delivery, validate
from schemas.registry import PREFIX_BYTES, of_bytes

__all__ = ["BrokenOutboxError", "Head", "Received", "Subscriber", "first_chain"]


class BrokenOutboxError(TocsinError):
    """The outbox is not the unbroken chain that the bus writes: something is lost, forged or reordered."""


class Head(NamedTuple):
    """How far a subscriber has read: the last delivery's number and chain, and the next offset of the outbox."""

    sequence: int
    chain: bytes
    offset: int = 0


class Received(NamedTuple):
    """One delivery, as checked, and when the log appended it (UTC ms)."""

    delivery: Delivery
    delivered_at: int


class Subscriber:
    """Reads one agency's outbox. After an error its state is as before the delivery that broke the chain."""

    def __init__(self, log: Log, reader: str, pin: bytes, head: Head | None = None) -> None:
        """Read from the start, or go on after `head`, whose picture the caller then holds."""
        self._log = log
        self._outbox = topic("outbox", reader)
        self.head = head or Head(0, first_chain(reader, pin))
        self.picture = Picture()

    def poll(self) -> Iterator[Received]:
        """What was delivered since the last call, checked and folded one by one."""
        for record in self._log.read(self._outbox, self.head.offset):
            received = self._take(record)
            if received is not None:
                yield received

    def catch_up(self) -> Picture:
        """Read all there is, and return the picture."""
        for _ in self.poll():
            pass
        return self.picture

    def _take(self, record: Record) -> Received | None:
        delivery = self._decoded(record)
        following = record.offset + 1
        if delivery.sequence <= self.head.sequence:
            self._check_repeat(delivery)
            self.head = self.head._replace(offset=following)
            return None
        if delivery.sequence != self.head.sequence + 1:
            raise self._broken(f"delivery {self.head.sequence + 1} is missing")
        chain = next_chain(self.head.chain, strip_chain(record.value))
        if chain != delivery.chain:
            raise self._broken(f"delivery {delivery.sequence} does not continue the chain")
        self.head = Head(delivery.sequence, chain, following)
        self.picture.apply(delivery, record.append_time_ms)
        return Received(delivery, record.append_time_ms)

    def _decoded(self, record: Record) -> Delivery:
        schema = of_bytes(record.value)
        value = schema if isinstance(schema, Refusal) else decode_value(schema, record.value, PREFIX_BYTES)
        delivery = value if isinstance(value, Refusal) else validate(Delivery, value)
        if isinstance(delivery, Refusal):
            raise self._broken(f"what stands at offset {record.offset} is no delivery")
        return delivery

    def _check_repeat(self, delivery: Delivery) -> None:
        """Of a repeat only the latest can be compared; that it repeats another delivery would be a forgery."""
        if delivery.sequence == self.head.sequence and delivery.chain != self.head.chain:
            raise self._broken(f"two different deliveries have the number {delivery.sequence}")

    def _broken(self, what: str) -> BrokenOutboxError:
        return BrokenOutboxError(
            f"{self._outbox}: {what}",
            "Trust nothing after it, and tell the operator of the bus; what was read before it stands.",
        )
