"""The relay from ingest to correlate: what it hands over is what would be read from the log, and it stays small."""

import pytest

from bus.log.protocol import NewRecord, Record
from bus.stages.correlate.step import AcceptedStep, read_step
from bus.stages.following import ControlFollower
from bus.stages.ingest import Ingest
from bus.stages.relay import MOST, Relay
from tests.laws.test_ingest import OFFICE, control


@pytest.fixture
def events() -> tuple[Relay, list[Record]]:
    """What a shard handed over, and the records of `events` that it wrote."""
    log, relay = control(), Relay()
    stage = Ingest("fra", ControlFollower(log, OFFICE.pin), relay=relay)
    reader = log.take(stage.owner, stage.topics)
    stage.restore(log, reader)
    first = log.end("events")
    name = "submissions.fra"
    made = [OFFICE.event(id=f"test:{n}") for n in range(3)]
    log.append(name, [NewRecord(name, b"main", data) for data in [*made, b"poison"]])
    reader.commit(stage.process(reader.poll(10, 0)).records)
    return relay, list(log.read("events", first))


def test_what_is_handed_over_is_what_the_record_says(events: tuple[Relay, list[Record]]) -> None:
    relay, records = events
    assert len(records) == 3
    for record in records:
        handed = relay.take(record.value)
        assert handed is not None
        step = read_step(record)
        assert isinstance(step, AcceptedStep)
        assert read_step(record, handed) == step
        assert relay.take(record.value) is None, "once"


def test_other_bytes_are_not_found(events: tuple[Relay, list[Record]]) -> None:
    relay, records = events
    assert relay.take(records[0].value[:-1] + b"x") is None
    relay.clear()
    assert relay.take(records[0].value) is None


def test_it_keeps_the_first_so_many(events: tuple[Relay, list[Record]]) -> None:
    source, (first, *_) = events
    handed = source.take(first.value)
    assert handed is not None
    relay, records = Relay(), [b"%d" % n for n in range(MOST + 5)]
    for record in records:
        relay.put(record, handed)
    found = [record for record in records if relay.take(record) is not None]
    assert found == records[:MOST]
