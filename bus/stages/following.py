"""The control state as every stage has it: the records of `control`, folded from the first to the last."""

from bus.errors import Reason, Refusal, TocsinError, refuse
from bus.log.protocol import Log, Record
from bus.stages.control import CONTROL, Control
from bus.trust import frame
from schemas.codec import decode, decode_trusted, parse_payload_type, resolve
from schemas.models import MESSAGE_OF_KIND, Message, validate
from schemas.registry import of_bytes


class ForeignControlError(TocsinError):
    """The control topic holds something that the pinned authority did not say."""


class ControlFollower:
    """Reads `control` to its end whenever it is asked. Used by one thread."""

    def __init__(self, log: Log, pin: bytes) -> None:
        """Begin at the pin, the digest of the first roster."""
        self._log = log
        self._control = Control.start(pin)
        self._next = 0

    def read(self) -> Control:
        """What holds at the topic's end, as it is at the call."""
        end = self._log.end(CONTROL)
        if end > self._next:
            for record in self._log.read(CONTROL, self._next, end):
                _, self._control = follow(self._control, record)
                self._next = record.offset + 1
            self._next = end
        return self._control


def follow(control: Control, record: Record) -> tuple[int, Control]:
    """When the next record of `control` was accepted (UTC ms), and what holds from there on."""
    schema = of_bytes(record.value)
    if isinstance(schema, Refusal) or schema.kind != "accepted":
        raise _foreign(record.offset)
    accepted = decode_trusted(schema, record.value)
    accepted_at: int = accepted["accepted_at"]
    after = _applied(control, accepted["envelope"], accepted_at)
    if isinstance(after, Refusal):
        raise _foreign(record.offset)
    return accepted_at, after


def _applied(control: Control, data: bytes, at: int) -> Control | Refusal:
    """What holds after one more record: who signed it is judged before anything of it is decoded."""
    envelope = frame.parse(data)
    if isinstance(envelope, Refusal):
        return envelope
    named = parse_payload_type(envelope.payload_type)
    stranger = named if isinstance(named, Refusal) else control.stranger(envelope, named.kind, at)
    message = stranger or read_message(envelope)
    return message if isinstance(message, Refusal) else control.apply(envelope, message, at)


def read_message(envelope: frame.Envelope) -> Message | Refusal:
    """Decode strictly and validate; the type that was signed names the feed that the header names.

    Whether the signature is good is another question. The size was bounded when the envelope was parsed.
    """
    named = parse_payload_type(envelope.payload_type)
    if isinstance(named, Refusal):
        return named
    model = MESSAGE_OF_KIND.get(named.kind)
    if model is None:
        return refuse(Reason.UNKNOWN_TYPE, "payload type", "one of " + ", ".join(MESSAGE_OF_KIND))
    schema = resolve(named)
    if isinstance(schema, Refusal):
        return schema
    value = decode(schema, envelope.payload, len(envelope.payload))
    message = value if isinstance(value, Refusal) else validate(model, value)
    if not isinstance(message, Refusal) and message.header.feed != named.feed:
        return refuse(Reason.FEED_MISMATCH, "header.feed", "the feed that the payload type names")
    return message


def _foreign(offset: int) -> ForeignControlError:
    return ForeignControlError(
        f"{CONTROL} holds at offset {offset} what the pinned authority did not say",
        "Compare the home's pin with the authority's fingerprint by another way; trust nothing until they agree.",
    )
