"""4 receipts: ingest gives exactly one for each submission, in their order; what each says, the other topics bear out.

A receipt stands at the offset of its submission. Accepted: `events` holds the record, accepted when the receipt says
(heartbeats end in their receipts). Refused: the bytes stand in `rejected`, as long as those are kept.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Final

from bus.errors import Refusal, TocsinError
from bus.log.protocol import Log, Record
from bus.log.topics import topic
from bus.operate.progress import INGEST
from bus.operate.soundness.events import EVENTS, Stands
from bus.operate.soundness.finding import Finding, at
from bus.operate.soundness.moment import Moment
from bus.stages.receipts import read_receipts
from bus.trust import frame

HEARTBEAT: Final = "heartbeat"


class Receipts:
    """The receipts of one agency against the other topics, as they were at one moment."""

    def __init__(self, log: Log, moment: Moment, agency: str, standing: Mapping[bytes, Stands]) -> None:
        """`standing`: all that `events` holds, by digest."""
        self._log = log
        self._moment = moment
        self._agency = agency
        self._standing = standing
        self._topic = topic("receipts", agency)
        self._events_since = _oldest(log, moment, EVENTS)
        """What was accepted before may have left `events`."""
        self.checked = 0

    def read(self) -> Iterator[Finding]:
        """Check all of them."""
        yield from self._counted()
        refused: Counter[str] = Counter()
        accepted: set[bytes] = set()
        submitted = _Submissions(self._log, self._moment, self._agency)
        try:
            for offset, receipt in read_receipts(self._log, self._agency):
                if offset >= self._moment.topics[self._topic].end:
                    break
                self.checked += 1
                yield from submitted.answered(at(self._topic, offset), offset, receipt)
                if receipt["verdict"] == "ACCEPTED":
                    accepted.add(bytes.fromhex(receipt["digest"]))
                    yield from self._accepted(at(self._topic, offset), receipt)
                else:
                    refused[receipt["digest"]] += 1
        except TocsinError as fault:
            yield Finding(self._topic, str(fault))
            return
        yield from self._unreceipted(accepted)
        yield from self._rejected(refused)

    def _counted(self) -> Iterator[Finding]:
        yield from counted(self._moment, self._agency)

    def _accepted(self, place: str, receipt: Mapping[str, Any]) -> Iterator[Finding]:
        if receipt["kind"] == HEARTBEAT:
            return
        stands = self._standing.get(bytes.fromhex(receipt["digest"]))
        if stands is None:
            if receipt["accepted_at"] >= self._events_since:
                yield Finding(place, "says accepted, and `events` holds no such record")
        elif (stands.agency, stands.kind) != (self._agency, receipt["kind"]):
            yield Finding(place, f"says another agency or kind than {at(EVENTS, stands.position)}")
        elif (stands.accepted_at, stands.first_at) != (receipt["accepted_at"], receipt["first_at"]):
            yield Finding(place, f"says another time of acceptance than {at(EVENTS, stands.position)}")

    def _unreceipted(self, accepted: set[bytes]) -> Iterator[Finding]:
        since = _oldest(self._log, self._moment, self._topic)
        for digest, stands in self._standing.items():
            if stands.agency == self._agency and digest not in accepted and stands.accepted_at >= since:
                yield Finding(at(EVENTS, stands.position), f"no receipt of {self._agency} says that it was accepted")

    def _rejected(self, refused: Counter[str]) -> Iterator[Finding]:
        """Refused bytes without a receipt; that a receipt's bytes are gone may be their shorter retention."""
        name = topic("rejected", self._agency)
        state = self._moment.topics.get(name)
        if state is None:
            return
        for record in self._log.read(name, 0, state.end):
            digest = digest_of(record.value)
            if refused[digest] == 0:
                yield Finding(at(name, record.offset), "no receipt says that these bytes were refused")
            refused[digest] -= 1
        missing = sum(number for number in refused.values() if number > 0)
        if state.start == 0 and missing:
            yield Finding(name, f"the bytes of {missing} refused submissions are missing")


class _Submissions:
    """The submissions beside their receipts."""

    def __init__(self, log: Log, moment: Moment, agency: str) -> None:
        name = topic("submissions", agency)
        state = moment.topics.get(name)
        self._records: Iterator[Record] = iter(()) if state is None else log.read(name, 0, state.end)
        self._next = next(self._records, None)

    def answered(self, place: str, offset: int, receipt: Mapping[str, Any]) -> Iterator[Finding]:
        """Whether the receipt at this offset is of the submission at this offset, where that is kept."""
        while self._next is not None and self._next.offset < offset:
            self._next = next(self._records, None)
        if self._next is None or self._next.offset != offset:
            return
        if digest_of(self._next.value) != receipt["digest"]:
            yield Finding(place, f"not the receipt of {at(self._next.topic, offset)}")
        elif receipt["accepted_at"] > self._next.append_time_ms:
            yield Finding(place, f"accepted after {at(self._next.topic, offset)} was appended")


def counted(moment: Moment, agency: str) -> Iterator[Finding]:
    """Whether there are as many receipts as submissions that ingest has read."""
    given = moment.topics[topic("receipts", agency)].end
    taken = moment.cursor(INGEST + agency, topic("submissions", agency))
    if given != taken:
        yield Finding(topic("receipts", agency), f"{given} receipts for {taken} submissions that ingest has judged")


def digest_of(data: bytes) -> str:
    """What a receipt calls a submission by: its digest, or that of all bytes where these are no frame."""
    envelope = frame.parse(data)
    return (hashlib.sha256(data).digest() if isinstance(envelope, Refusal) else envelope.digest).hex()


def _oldest(log: Log, moment: Moment, name: str) -> int:
    """Since when the topic is whole (UTC ms): 0 where nothing was removed from it."""
    state = moment.topics.get(name)
    if state is None or state.start == 0:
        return 0
    first = next(chain(log.read(name, 0, state.end)), None)
    return 1 << 62 if first is None else first.append_time_ms
