"""What `events` alone says that each reader is to be delivered: by the naive oracle, or by the bus itself elsewhere."""

import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Final

from bus.clock import now_ms
from bus.log.protocol import Log, NewRecord
from bus.log.sqlite import SqliteLog
from bus.log.topics import agency_topics, bus_topics, topic
from bus.stages.correlate.stage import Correlate
from bus.trust.keys import SigningKey
from tests.support.oracle import Oracle
from tests.support.orders import is_control

_OUTBOX: Final = "outbox."
_CHUNK: Final = 500


def naive(log: Log, pin: bytes, bus_key: SigningKey) -> Iterator[tuple[str, bytes]]:
    """By the naive oracle: another program, which takes its time."""
    oracle = Oracle(pin, bus_key)
    for record in log.read(topic("events")):
        for reader, deliveries in oracle.step(record.offset, record.value).items():
            for delivery in deliveries:
                yield reader, delivery


def replayed(log: Log, pin: bytes, bus_key: SigningKey) -> Iterator[tuple[str, bytes]]:
    """By correlate itself in a fresh home, undisturbed from the first record to the last."""
    with (
        tempfile.TemporaryDirectory(prefix="tocsin-replay-") as folder,
        closing(SqliteLog(Path(folder) / "bus.db", now_ms)) as fresh,
    ):
        yield from _replayed(log, fresh, Correlate(fresh, pin=pin, bus_key=bus_key))


def _replayed(log: Log, fresh: Log, stage: Correlate) -> Iterator[tuple[str, bytes]]:
    """Nothing but `events` and `control` is written there: a stage that is not disturbed asks for nothing else."""
    fresh.create([*bus_topics(), *agency_topics("authority")])
    reader = fresh.take(stage.owner, stage.topics)
    stage.restore(fresh, reader)
    records = log.read(topic("events"))
    while chunk := [record.value for record in islice(records, _CHUNK)]:
        for name, values in ((topic("control"), filter(is_control, chunk)), (topic("events"), chunk)):
            fresh.append(name, [NewRecord(name, b"", value) for value in values])
        left = reader.poll(_CHUNK, 0.0)
        while left:
            outputs = stage.process(left)
            left = left[len(left) if outputs.taken is None else outputs.taken :]
            for one in outputs.records:
                if one.topic.startswith(_OUTBOX):
                    yield one.topic.removeprefix(_OUTBOX), one.value
