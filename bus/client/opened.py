"""A signed record, opened.

Its frame and what it says. Whether the signature is good is another question (`bus.client.verify`).
"""

from typing import NamedTuple

from bus.errors import Refusal
from bus.stages.following import read_message
from bus.trust import frame
from schemas.models import Message


class Opened(NamedTuple):
    """The signed frame and the message in it."""

    envelope: frame.Envelope
    message: Message


def open_signed(data: bytes) -> Opened | Refusal:
    """Parse, decode strictly and validate."""
    envelope = frame.parse(data)
    if isinstance(envelope, Refusal):
        return envelope
    message = read_message(envelope)
    return message if isinstance(message, Refusal) else Opened(envelope, message)
