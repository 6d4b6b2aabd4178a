"""The stage: one slot of readers, for whom it alone writes outboxes."""

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import TYPE_CHECKING, Final, TypeAlias

from bus.log.protocol import Log, NewRecord, Reader, Record
from bus.log.topics import agency_topics, topic
from bus.stages.correlate.delivered import changed_records
from bus.stages.correlate.fold import Fold
from bus.stages.correlate.note import Mark, Marks, Note
from bus.stages.correlate.notice import Notice
from bus.stages.correlate.outbox import Outbox
from bus.stages.correlate.restore import Restore
from bus.stages.correlate.step import TickStep, read_step
from bus.stages.relay import Relay
from bus.stages.stage import Outputs, Progress
from bus.trust.keys import SigningKey
from bus.trust.roster import Trust

if TYPE_CHECKING:
    from bus.metrics import Meter

NAME: Final = "correlate"

BusKeys: TypeAlias = Callable[[Trust, int], SigningKey]
"""Says which of the bus's keys signs under this roster at this time (UTC ms)."""


def slot_of(reader: str, slots: int) -> int:
    """The slot that serves a reader; the number of slots is set when the bus is founded."""
    return int.from_bytes(sha256(reader.encode()).digest()[:8], "big") % slots


class Correlate:
    """Reads all of `events`, and writes `outbox.<agency>` and `delivered.<agency>` of its readers."""

    name: Final = NAME

    def __init__(  # noqa: PLR0913 - the parts of a slot
        self,
        log: Log,
        *,
        pin: bytes,
        bus_key: SigningKey | BusKeys,
        slot: str = "correlate-0",
        slots: int = 1,
        relay: Relay | None = None,
        progress: Progress | None = None,
        metrics: "Meter | None" = None,
    ) -> None:
        """A slot `correlate-<number>` of so many; it knows nothing before `restore`. `relay`: from ingest, if near.

        `bus_key`: what signs alerts, or what says which key does. `progress` is told how far `restore` is, which may
        take a while, and at its end that nothing is being done any more.
        """
        self._log, self._pin, self._bus_keys = log, pin, bus_key
        self._bus_key: tuple[Trust, int, SigningKey] | None = None
        self._slot, self._metrics = slot, metrics
        self._relay, self._progress = relay or Relay(), progress or (lambda *_: None)
        number = int(slot.removeprefix(f"{NAME}-"))
        self._is_mine: Callable[[str], bool] = lambda reader: slot_of(reader, slots) == number
        self._fold: Fold
        self._outbox: Outbox
        self._marks: Marks
        self._ready = 0

    @property
    def owner(self) -> str:
        """The slot's name, which only one process at a time can own."""
        return self._slot

    @property
    def topics(self) -> Iterable[str]:
        """What it reads under its cursor."""
        return (topic("events"),)

    def restore(self, log: Log, reader: Reader) -> Outputs | None:
        """Rebuild the fold at the cursor; returns what changed with the software since, if anything."""
        self._log = log
        self._relay.clear()
        cursor = reader.cursor(topic("events"))
        restoring = Restore(log, self._pin, Note.read(reader.note()), self._is_mine, self._progress)
        self._fold = restoring.run(cursor)
        self._marks = restoring.marks
        self._outbox = Outbox(self._pin, self._key, restoring.heads, self._count)
        self._ready = 0
        self._create_topics()
        self._progress("comparing alerts", 0, 1)
        self._tell(self._fold.refresh(), max(cursor - 1, 0))
        self._progress("", 1, 1)
        records = self._take()
        return Outputs(records, self._note().text()) if records else None

    def due(self) -> Outputs | None:
        """Nothing is due by time alone: time comes as ticks."""
        return None

    def process(self, records: list[Record]) -> Outputs:
        """Fold the next records of `events`, one at a time: a batch is only a transaction."""
        state = self._fold.state
        for record in records:
            step = read_step(record, self._relay.take(record.value))
            if isinstance(step, TickStep) and (state.tick is None or step.minute > state.tick):
                self._marks.add(Mark(step.minute, step.position, state.control.version))
            notices = self._fold.step(step)
            self._create_topics()
            self._tell(notices, step.position)
        if self._metrics is not None:
            self._metrics.set("open_events", len(state.graph))
        return Outputs(self._take(), self._note().text())

    def _tell(self, notices: list[Notice], position: int) -> None:
        state = self._fold.state
        for notice in notices:
            state.mark((notice.kind, tuple(notice.ref.split("/"))), notice.mask)
        self._outbox.write(notices, position, state.rights)

    def _key(self) -> SigningKey:
        """The bus's key at the last tick under the roster in force; asked anew when one of them changed."""
        if isinstance(self._bus_keys, SigningKey):
            return self._bus_keys
        state = self._fold.state
        trust, at = state.control.trust, state.tick or 0
        if self._bus_key is None or self._bus_key[0] is not trust or self._bus_key[1] != at:
            self._bus_key = trust, at, self._bus_keys(trust, at)
        return self._bus_key[2]

    def _take(self) -> list[NewRecord]:
        return [*self._outbox.take(), *changed_records(self._fold.state)]

    def _note(self) -> Note:
        state = self._fold.state
        return self._marks.note(state.tick, state.control.version)

    def _create_topics(self) -> None:
        """A reader may be told something before its agency's own shard has made its topics."""
        readers = self._fold.state.rights.readers
        for reader in readers[self._ready :]:
            self._log.create(agency_topics(reader))
        self._ready = len(readers)

    def _count(self, reader: str, change: str) -> None:
        if self._metrics is not None:
            self._metrics.count("deliveries_total", reader, change)
