"""What is put into one reader's outbox: content only with a permit for exactly this reader and label.

RETRACTED and CLOSED carry only ids that the reader already had, and need none; everything else does (pictures.md, 2).
"""

from dataclasses import dataclass
from typing import final

from bus.errors import TocsinError
from bus.labels import Label, Permit
from bus.stages.correlate.notice import Notice
from schemas.delivery import encode_middle


class NotPermittedError(TocsinError):
    """Content was about to be delivered to a reader without a permit for it: nothing was."""


@dataclass(frozen=True, slots=True)
class Content:
    """NEW or UPDATE: the signed bytes under their label, encoded once for all readers."""

    label: Label
    middle: bytes


@dataclass(frozen=True, slots=True)
class Removal:
    """RETRACTED or CLOSED: no content."""

    middle: bytes


@final
class Parcel:
    """One delivery to one reader, not yet numbered."""

    __slots__ = ("middle", "reader")

    def __init__(self, reader: str, what: Content | Removal, permit: Permit | None) -> None:
        """Refuse content whose permit is not for this reader and label."""
        if isinstance(what, Content) and not (permit is not None and permit.covers(reader, what.label)):
            raise NotPermittedError(
                "content without a permit for its reader was stopped", "Report it: this is a fault of the bus."
            )
        self.reader = reader
        self.middle = what.middle


def enclose(notice: Notice, body: bytes | None) -> Content | Removal:
    """What a notice says, encoded; `body` is the signed envelope of NEW and UPDATE."""
    middle = encode_middle(
        change=notice.change,
        reason=notice.reason,
        kind=notice.kind,
        ref=notice.ref,
        what_changed=notice.what_changed,
        replaces=notice.replaces,
        superseded_by=notice.superseded_by,
        body=body,
    )
    if body is None:
        return Removal(middle)
    label = notice.label.label if notice.label is not None else None
    if label is None:
        raise NotPermittedError("content without a valid label was stopped", "Report it: this is a fault of the bus.")
    return Content(label, middle)
