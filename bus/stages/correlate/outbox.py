"""Step 7: write deliveries. Numbered per reader without gaps, each chained to the one before (pictures.md, 4)."""

from collections.abc import Callable, Iterable
from typing import Final

from bus.errors import TocsinError
from bus.fusion.masks import bits
from bus.log.protocol import NewRecord
from bus.log.topics import topic
from bus.stages.correlate.delivered import Head, head_record
from bus.stages.correlate.notice import Notice
from bus.stages.correlate.parcel import Parcel, enclose
from bus.stages.correlate.rights import Rights
from bus.trust import frame
from bus.trust.keys import SigningKey
from schemas.codec import payload_type
from schemas.delivery import first_chain, next_chain, with_chain, without_chain
from schemas.models import Change

FEED: Final = "alerts"

Counter = Callable[[str, str], None]
"""Told of every delivery: reader and change."""


class BehindError(TocsinError):
    """The cursor lies before what was delivered: going on would deliver things twice."""


class Line:
    """One reader's outbox as it grows, with its names at hand: every event goes to every reader who may read it."""

    __slots__ = ("chain", "position", "reader", "sequence", "topic")

    def __init__(self, reader: str, head: Head) -> None:
        """Go on after this head."""
        self.reader = reader
        self.topic = topic("outbox", reader)
        self.sequence, self.chain, self.position = head

    def head(self) -> Head:
        """Where it stands."""
        return Head(self.sequence, self.chain, self.position)

    def send(self, middle: bytes, revision: int, position: int) -> bytes:
        """Number and chain one more delivery; returns it encoded."""
        if position < self.position:
            raise BehindError(
                f"{self.topic} goes on to position {self.position} of events, and this is {position}",
                "The log was restored in part: restore all of it from one backup.",
            )
        self.position = position
        self.sequence += 1
        unchained = without_chain(self.sequence, revision, middle)
        self.chain = next_chain(self.chain, unchained)
        return with_chain(unchained, self.chain)


class Outbox:
    """Numbers, chains and encodes what readers are told; the caller commits it."""

    def __init__(self, pin: bytes, bus_key: Callable[[], SigningKey], heads: dict[str, Head], count: Counter) -> None:
        """Go on after these heads; `bus_key`: with which alerts are signed now."""
        self._pin = pin
        self._bus_key = bus_key
        self._lines = {reader: Line(reader, head) for reader, head in heads.items()}
        self._count = count
        self._moved: set[str] = set()
        self._records: list[NewRecord] = []

    def write(self, notices: Iterable[Notice], position: int, rights: Rights) -> None:
        """Write what one record of `events` changed, in this order for each reader; counts it in the tallies."""
        signed: dict[int, bytes] = {}
        for notice in notices:
            what = enclose(notice, self._body(notice, signed))
            permits = notice.label.permits if notice.label is not None else {}
            key = notice.ref.encode()
            for revision, mask in notice.tally.told(notice.mask):
                for bit in bits(mask):
                    self._send(Parcel(rights.readers[bit], what, permits.get(bit)), revision, key, position)
                    self._count(rights.readers[bit], notice.change)

    def take(self) -> list[NewRecord]:
        """What is to be committed: the deliveries, and the heads that they moved."""
        heads = [head_record(reader, self._lines[reader].head()) for reader in sorted(self._moved)]
        records = self._records + heads
        self._records = []
        self._moved.clear()
        return records

    def _send(self, parcel: Parcel, revision: int, key: bytes, position: int) -> None:
        reader = parcel.reader
        line = self._lines.get(reader)
        if line is None:
            line = self._lines[reader] = Line(reader, Head(0, first_chain(reader, self._pin), 0))
        self._records.append(NewRecord(line.topic, key, line.send(parcel.middle, revision, position)))
        self._moved.add(reader)

    def _body(self, notice: Notice, signed: dict[int, bytes]) -> bytes | None:
        """The signed bytes; an alert is signed once for all who get it."""
        if notice.change not in (Change.NEW, Change.UPDATE):
            return None
        payload = notice.payload
        if payload is None:
            return notice.body
        if id(payload) not in signed:
            envelope = frame.sign(payload_type("alert", FEED), payload, self._bus_key())
            signed[id(payload)] = envelope.encode()
        return signed[id(payload)]
