"""A signed record, opened.

Its frame and what it says. Whether the signature is good is another question (`bus.client.verify`).
"""

from typing import Final, NamedTuple

from bus.errors import Refusal
from bus.stages.following import read_message
from bus.trust import frame
from schemas.models import Message

MAX_DELIVERED_BYTES: Final = 33_554_432
"""32 MiB: an alert names all its members, some 200 bytes each, and grows beyond what one author may send."""


class Opened(NamedTuple):
    """The signed frame and the message in it."""

    envelope: frame.Envelope
    message: Message


def parse_signed(data: bytes) -> frame.Envelope | Refusal:
    """Parse the frame alone; what stands in it is not decoded."""
    return frame.parse(data, MAX_DELIVERED_BYTES)


def open_signed(data: bytes) -> Opened | Refusal:
    """Parse, decode strictly and validate."""
    envelope = parse_signed(data)
    if isinstance(envelope, Refusal):
        return envelope
    message = read_message(envelope)
    return message if isinstance(message, Refusal) else Opened(envelope, message)
