"""A signed record, opened.

Its frame and what it says. Whether the signature is good is another question (`bus.client.verify`).
"""

from typing import NamedTuple

from bus.errors import Reason, Refusal, refuse
from bus.trust import frame
from schemas.codec import decode, parse_payload_type, resolve
from schemas.models import MESSAGE_OF_KIND, Message, validate


class Opened(NamedTuple):
    """The signed frame and the message in it."""

    envelope: frame.Envelope
    message: Message


def open_signed(data: bytes) -> Opened | Refusal:
    """Parse, decode strictly and validate; the type that was signed names the feed that the header names."""
    envelope = frame.parse(data)
    if isinstance(envelope, Refusal):
        return envelope
    named = parse_payload_type(envelope.payload_type)
    if isinstance(named, Refusal):
        return named
    schema = resolve(named)
    if isinstance(schema, Refusal):
        return schema
    value = decode(schema, envelope.payload)
    message = value if isinstance(value, Refusal) else validate(MESSAGE_OF_KIND[schema.kind], value)
    if isinstance(message, Refusal):
        return message
    if message.header.feed != named.feed:
        return refuse(Reason.FEED_MISMATCH, "header.feed", "the feed that the payload type names")
    return Opened(envelope, message)
