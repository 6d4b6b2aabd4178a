"""An agency's subscriber: deliveries in order, each checked against the chain and verified to its author's bytes.

Each delivery, in numbered steps:

1. to 4.: decode it, drop repeats, stop at a gap and where the chain breaks (`bus.client.chain`).
5. fold it into the picture.
6. verify: who signed it, and every member of an alert, unless `verify=False`. What is not good is no reason to stop: a
key may have been revoked since. It comes without its message, and the findings say why.

A delivery counts as read when the next one is asked for. With the picture it is remembered, in one transaction, when
nothing waits any more, when the reader stops, and at the latest after `SLICE_RECORDS`. So a reader that is killed loses
nothing, and gets again at most one slice.
"""

import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final, NamedTuple, Self

from bus.client.authority import Authority
from bus.client.chain import BrokenOutboxError, Chain, OlderOutboxError, PrunedOutboxError
from bus.client.kept import Head, Kept
from bus.client.opened import Opened, open_signed
from bus.client.picture import Held, Picture
from bus.client.resync import Resynced, resync
from bus.client.verify import Finding, verify_held
from bus.clock import now_ms
from bus.errors import Refusal, TocsinError
from bus.home import Home
from bus.log.protocol import Log
from bus.log.sqlite import SqliteLog
from bus.log.topics import topic
from schemas.delivery import first_chain
from schemas.models import Delivery, Message

__all__ = [
    "BrokenOutboxError",
    "Head",
    "OlderOutboxError",
    "PrunedOutboxError",
    "Received",
    "Subscriber",
    "first_chain",
]

SLICE_RECORDS: Final = 500
"""Deliveries in one transaction, or as many as were read in `SLICE_S`: what a killed reader gets again at most."""
SLICE_S: Final = 1.0
WAIT_S: Final = 0.5
"""How often one that follows looks whether it shall stop."""


class Received(NamedTuple):
    """One delivery, as checked, and when the log appended it (UTC ms).

    `message`: what its author signed, or of an alert the bus; None where there is no content or a signature is not
    good, and `findings` says which. Both stand empty where nothing was verified.
    """

    delivery: Delivery
    delivered_at: int
    message: Message | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def good(self) -> bool:
        """Whether no signature was found bad. A delivery without content holds none: the chain vouches for it."""
        return all(finding.refusal is None for finding in self.findings)

    def open(self) -> Message | Refusal | None:
        """What it says, verified or not; None where it has no content."""
        if self.message is not None or self.delivery.body is None:
            return self.message
        opened = open_signed(self.delivery.body)
        return opened.message if isinstance(opened, Opened) else opened


class Subscriber:
    """Reads one agency's outbox. After an error its state is as before the delivery that broke the chain.

    Six lines are enough; what one named reader has read is kept in the home and not read again:

        from bus.client import Subscriber

        with Subscriber.open("my-home", "beta", name="map") as subscriber:
            for received in subscriber.follow():
                print(received.delivery.change, received.delivery.ref, received.message)
    """

    def __init__(  # noqa: PLR0913 - what a subscriber is made of
        self,
        log: Log,
        reader: str,
        pin: bytes,
        head: Head | None = None,
        *,
        kept: Kept | None = None,
        verify: bool = True,
        owns_log: bool = False,
    ) -> None:
        """Read from where `kept` ends, or after `head`, whose picture the caller then holds, or from the start."""
        self._log = log
        self._pin = pin
        self._kept = kept or Kept(None, reader, pin)
        self._chain = Chain(log, reader, self._kept.mend)
        if head is not None:
            self._kept.move(head)
        self._verify = verify
        self._authority: Authority | None = None
        self._owns_log = owns_log

    @classmethod
    def open(cls, home: str | Path, agency: str, *, name: str = "main", verify: bool = True) -> Self:
        """The reader of this name of an agency, in a home; close it, or use it in a `with`.

        Each name has a head and a picture of its own. `verify=False` checks the chain only, at a third of the cost.
        """
        found = Home.open(Path(home), writing=True)
        log = SqliteLog(found.log, now_ms)
        try:
            log.end(topic("outbox", agency))  # only an agency of this bus has one: nobody else's folder is made
            kept = Kept(found.reader(agency, name), agency, found.pin())
            return cls(log, agency, found.pin(), kept=kept, verify=verify, owns_log=True)
        except BaseException:
            log.close()
            raise

    @property
    def picture(self) -> Picture:
        """What the reader has, as far as it has read."""
        return self._kept.picture

    @property
    def head(self) -> Head:
        """How far it has read."""
        return self._kept.head()

    @head.setter
    def head(self, head: Head) -> None:
        self._kept.move(head)

    def __iter__(self) -> Iterator[Received]:
        """What was delivered since it was last read."""
        return self.poll()

    def poll(self, stop: threading.Event | None = None) -> Generator[Received, None, None]:
        """What was delivered since it was last read, checked, folded and verified one by one, in bounded memory.

        Once `stop` is set, what was yielded counts as read, and nothing more comes.
        """
        return self._read(stop or threading.Event(), verify=self._verify)

    def follow(self, stop: threading.Event | None = None) -> Generator[Received, None, None]:
        """What was delivered, and then whatever is, as it comes, until `stop` is set."""
        stop = stop or threading.Event()
        while not stop.is_set():
            yield from self.poll(stop)
            if not stop.is_set():
                self._log.wait(WAIT_S)

    def catch_up(self) -> Picture:
        """Read all there is, and return the picture; no signature is judged."""
        for _ in self._read(threading.Event(), verify=False, told=False):
            pass
        return self.picture

    def resync(self) -> Resynced:
        """Begin anew with the present picture, where what was still to be read is past the outbox's retention.

        The deliveries in between are not told: their sum is the picture. Whoever acts on each looks it through once.
        """
        return resync(self._log, self._kept, self._pin)

    def close(self) -> None:
        """Let go of what is kept."""
        self._kept.close()
        if self._owns_log:
            self._log.close()

    def __enter__(self) -> Self:
        """Nothing more to do: `close` comes at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _read(self, stop: threading.Event, *, verify: bool, told: bool = True) -> Generator[Received, None, None]:
        """Slice by slice, each in one transaction, until the log ends; nothing is yielded where nobody is `told`."""
        self._chain.check_known(self._kept.head())
        authority = None
        if verify:
            authority = self._authority = self._authority or Authority(self._log, self._pin)
        while (yield from self._slice(authority, stop, told=told)):
            pass

    def _slice(
        self, authority: Authority | None, stop: threading.Event, *, told: bool
    ) -> Generator[Received, None, bool]:
        """One transaction; True where more may wait."""
        until, count, fault = time.monotonic() + SLICE_S, 0, None
        if authority is not None:
            authority.refresh()
        with self._kept.transaction():
            begun = head = self._kept.head()  # asked under the lock: another process may have gone on
            for record in self._log.read(self._chain.topic, head.offset):
                try:
                    delivery, following = self._chain.take(record, head)
                except TocsinError as broken:
                    fault = broken
                    break
                if delivery is not None and told:
                    try:
                        with self._kept.undoable():
                            self.picture.apply(delivery, record.append_time_ms)
                            yield self._verified(delivery, record.append_time_ms, authority)
                    except GeneratorExit:
                        break
                elif delivery is not None:
                    self.picture.apply(delivery, record.append_time_ms)
                head = following
                count += 1
                if count == SLICE_RECORDS or time.monotonic() > until or stop.is_set():
                    break
            if head != begun:  # a look that found nothing writes nothing
                self._kept.move(head)
        if fault is not None:
            raise fault
        return count > 0 and not stop.is_set()

    def _verified(self, delivery: Delivery, at: int, authority: Authority | None) -> Received:
        if authority is None or delivery.body is None:
            return Received(delivery, at)
        held = Held(delivery.kind, delivery.ref, delivery.revision, delivery.body, at)
        found, message = verify_held(self.picture, authority, held)
        if not found.good and authority.refresh():  # by a roster that was still to be read
            found, message = verify_held(self.picture, authority, held)
        return Received(delivery, at, message, found.findings)
