"""An outbox as its reader finds it: each record checked against the chain, from one head to the next.

Steps 1 to 4 of each delivery (pictures.md, 4):

1. decode: strictly, one spelling only.
2. repeat: a number that was read already is dropped.
3. gap: any number but the next stops the subscriber.
4. chain: hash of the previous chain and of this delivery without its own; a mismatch stops the subscriber.
"""

from bus.client.kept import Head
from bus.errors import Refusal, TocsinError
from bus.log.protocol import Log, Record
from bus.log.topics import topic
from schemas.codec import decode_value
from schemas.delivery import next_chain, strip_chain
from schemas.models import Delivery, validate
from schemas.registry import PREFIX_BYTES, of_bytes


class BrokenOutboxError(TocsinError):
    """The outbox is not the unbroken chain that the bus writes: something is lost, forged or reordered."""


class OlderOutboxError(TocsinError):
    """This reader has had more, or other, deliveries than the outbox has: the bus was restored from a backup."""


class PrunedOutboxError(TocsinError):
    """What this reader has yet to read is past the outbox's retention."""


def disagreeing(name: str) -> BrokenOutboxError:
    """Say that what the bus remembers of a reader is not what it delivered."""
    return BrokenOutboxError(
        f"{name} does not hold what the bus remembers of this reader",
        "Tell the operator of the bus: `tocsin log verify` says what is damaged, and a backup holds it.",
    )


class Chain:
    """One reader's outbox."""

    def __init__(self, log: Log, reader: str, mend: str = "") -> None:
        """Check what this log holds for this reader; `mend` is the command that gives it a fresh start."""
        self._log = log
        self._mend = mend or f"tocsin resync --as {reader}"
        self.topic = topic("outbox", reader)

    def check_known(self, head: Head) -> None:
        """Whether the outbox still goes on after this head: a restored one may not, nor a pruned one."""
        end = self._log.end(self.topic)
        if head.offset > end:
            raise self._older(head)
        if head.offset > 0:
            last = next(self._log.read(self.topic, head.offset - 1, head.offset), None)
            delivery = None if last is None else self.decoded(last)
            if delivery is not None and delivery.sequence >= head.sequence and delivery.chain != head.chain:
                raise self._older(head)
        if head.offset < end and next(self._log.read(self.topic, head.offset), None) is None:
            raise self._pruned(head)

    def take(self, record: Record, head: Head) -> tuple[Delivery | None, Head]:
        """The delivery and the head that follows; no delivery where it is a repeat."""
        delivery = self.decoded(record)
        following = record.offset + 1
        if delivery.sequence <= head.sequence:
            # Of a repeat only the latest can be compared; that it repeats another delivery would be a forgery.
            if delivery.sequence == head.sequence and delivery.chain != head.chain:
                raise self._broken(f"two different deliveries have the number {delivery.sequence}")
            return None, head._replace(offset=following)
        if delivery.sequence != head.sequence + 1:
            raise self._missing(record, head)
        chain = next_chain(head.chain, strip_chain(record.value))
        if chain != delivery.chain:
            raise self._broken(f"delivery {delivery.sequence} does not continue the chain")
        return delivery, Head(delivery.sequence, chain, following)

    def decoded(self, record: Record) -> Delivery:
        """The delivery that a record holds."""
        schema = of_bytes(record.value)
        value = schema if isinstance(schema, Refusal) else decode_value(schema, record.value, PREFIX_BYTES)
        delivery = value if isinstance(value, Refusal) else validate(Delivery, value)
        if isinstance(delivery, Refusal):
            raise self._broken(f"what stands at offset {record.offset} is no delivery")
        return delivery

    def _missing(self, record: Record, head: Head) -> TocsinError:
        first = next(self._log.read(self.topic), record)
        if first.offset == record.offset:
            return self._pruned(head)
        return self._broken(f"delivery {head.sequence + 1} is missing")

    def _pruned(self, head: Head) -> PrunedOutboxError:
        return PrunedOutboxError(
            f"{self.topic}: delivery {head.sequence + 1} and what followed is past its retention",
            f"`{self._mend}` gives it its present picture, and it goes on from there.",
        )

    def _older(self, head: Head) -> OlderOutboxError:
        return OlderOutboxError(
            f"{self.topic} is not the one of which this reader has had delivery {head.sequence}: the bus was restored"
            " from an older backup, or replaced",
            "Tell the operator; what was delivered since the backup is to be published again. Then"
            f" `{self._mend}` takes the bus's present picture.",
        )

    def _broken(self, what: str) -> BrokenOutboxError:
        return BrokenOutboxError(
            f"{self.topic}: {what}",
            "Trust nothing after it, and tell the operator of the bus; what was read before it stands.",
        )
