"""The real correlate stage over a history, as the worker loop drives it: one by one, in batches, with restarts."""

from collections.abc import Iterable, Sequence
from typing import Final

from bus.log.protocol import Log, NewRecord, Reader, Record
from bus.log.topics import agency_topics, bus_topics
from bus.stages.correlate.stage import Correlate
from bus.stages.stage import Outputs
from tests.support.memory_log import MemoryLog
from tests.support.orders import is_control
from tests.support.simulator import World

EVENTS: Final = "events"
CONTROL: Final = "control"
OUTBOX: Final = "outbox."

Deliveries = dict[str, list[bytes]]
"""What was delivered, by reader, in order."""


class Replay:
    """One slot on one log."""

    def __init__(self, world: World, log: Log | None = None, stage: type[Correlate] = Correlate) -> None:
        """Take the slot on an empty log; `stage` may be one with a planted bug."""
        self.log = log or MemoryLog()
        # As the authority's shard does before it commits a roster.
        self.log.create(bus_topics())
        for name in ("authority", *world.agencies):
            self.log.create(agency_topics(name))
        self._world = world
        self._kind = stage
        self._stage: Correlate
        self._reader: Reader | None = None
        self.restart()

    def restart(self) -> Deliveries:
        """Forget everything and restore from the log; returns what that delivered, which is nothing."""
        if self._reader is not None:
            self._reader.release()
        self._stage = self._kind(self.log, pin=self._world.pin, bus_key=self._world.bus)
        self._reader = self.log.take(self._stage.owner, self._stage.topics)
        outputs = self._stage.restore(self.log, self._reader)
        return self._commit(outputs or Outputs(), {})

    def step(self, *values: bytes) -> Deliveries:
        """Append records to `events` and process them as one batch, or as many as the stage likes."""
        self.log.append(EVENTS, [NewRecord(EVENTS, b"", value) for value in values])
        # events.md, Topics: `control` holds the authority's accepted records too.
        self.log.append(CONTROL, [NewRecord(CONTROL, b"", value) for value in values if is_control(value)])
        assert self._reader is not None
        batch = self._reader.poll(len(values), 0.0)
        assert [record.value for record in batch] == list(values)
        return self._process(batch)

    def _process(self, batch: Sequence[Record]) -> Deliveries:
        delivered: Deliveries = {}
        left = list(batch)
        while left:
            outputs = self._stage.process(left)
            done = len(left) if outputs.taken is None else outputs.taken
            cursor = {EVENTS: left[done - 1].offset + 1} if done else {}
            merge(delivered, self._commit(outputs, cursor))
            left = left[done:]
        return delivered

    def _commit(self, outputs: Outputs, cursors: dict[str, int]) -> Deliveries:
        assert self._reader is not None
        self._reader.commit(outputs.records, cursors, outputs.note)
        return by_reader(outputs.records)


def by_reader(records: Iterable[NewRecord]) -> Deliveries:
    """The deliveries among some outputs."""
    found: Deliveries = {}
    for record in records:
        if record.topic.startswith(OUTBOX):
            found.setdefault(record.topic.removeprefix(OUTBOX), []).append(record.value)
    return found


def merge(into: Deliveries, more: Deliveries) -> None:
    """Append what was delivered later."""
    for reader, values in more.items():
        into.setdefault(reader, []).extend(values)
