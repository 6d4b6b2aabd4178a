"""One agency floods: the others are judged in every turn, the flooder waits, and nothing of it is lost or refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.config import Settings
from bus.log.protocol import NewRecord
from bus.log.sqlite import SqliteLog
from bus.log.topics import agency_topics, bus_topics, topic
from bus.metrics import Recorder
from bus.stages.correlate.stage import Correlate
from bus.stages.pace import MANY
from bus.stages.shards import Shards
from bus.stages.worker import Worker
from bus.trust.frame import MAX_ENVELOPE_BYTES
from tests.support.submissions import NOW, Office

SETTINGS = Settings()


class Bus:
    """Ingest and correlate, turned by hand; fra floods, deu sends one report at a time."""

    def __init__(self, path: Path) -> None:
        self.office = Office()
        self.log = SqliteLog(path / "bus.db", lambda: NOW)
        self.log.create([*bus_topics(), *agency_topics("authority")])
        self.recorder = Recorder()
        self.sent = 0
        for data in (self.office.roster(), self.office.policy()):
            self.submit("authority", data)
        self.shards = Shards(
            self.log,
            pin=self.office.pin,
            pool=None,
            settings=SETTINGS,
            clock_ms=lambda: NOW,
            worker=lambda stage: Worker(self.log, stage, settings=SETTINGS, clock_ms=lambda: NOW),
            until_idle=False,
            metrics=self.recorder,
        )
        slot = Correlate(self.log, pin=self.office.pin, bus_key=self.office.keys["bus"])
        self.slot = Worker(self.log, slot, settings=SETTINGS, clock_ms=lambda: NOW)
        while self.shards.turn():
            pass
        self.slot.drain()

    def submit(self, agency: str, *values: bytes) -> None:
        name = topic("submissions", agency)
        self.log.append(name, [NewRecord(name, b"main", value) for value in values])

    def events(self, agency: str, number: int) -> list[bytes]:
        self.sent += number
        start = self.sent - number
        return [self.office.event(f"test:{start + n}", agency, sequence=1 + start + n) for n in range(number)]

    def flood(self, number: int) -> None:
        """So many reports of fra's, and correlate is seen to read the first."""
        self.submit("fra", *self.events("fra", number))
        self.shards.turn()
        self.slot.turn(0.0)

    def judged(self, agency: str) -> int:
        return self.log.end(topic("receipts", agency))

    def pauses(self, agency: str) -> int:
        return sum(
            call[0] == "count" and call[1] == "pauses_total" and agency in call[3] for call in self.recorder.take()
        )


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bus]:
    monkeypatch.setattr("bus.stages.pace.STILL_S", float("inf"))  # on a slow machine too
    monkeypatch.setattr("bus.stages.pace.COMPANY_S", float("inf"))
    made = Bus(tmp_path)
    yield made
    made.shards.release()
    made.slot.release()
    made.log.close()


def test_the_others_are_judged_in_every_turn_and_the_flooder_goes_at_correlates_pace(bus: Bus) -> None:
    bus.submit("deu", *bus.events("deu", 1))
    bus.shards.turn()
    bus.flood(400)
    for turn in range(12):
        before = bus.judged("fra")
        bus.submit("deu", *bus.events("deu", 1))
        bus.shards.turn()
        assert bus.judged("deu") == turn + 2, "judged in the turn after it came"
        assert bus.judged("fra") - before <= 2 * MANY, "a piece, never the whole"
    stuck = bus.judged("fra")
    assert stuck < 400, "correlate has read nothing: the flooder waits"
    assert bus.log.end("events") > bus.log.cursors("correlate-0")["events"]
    assert bus.pauses("fra") > 0
    while bus.judged("fra") < 400:
        bus.shards.turn()
        bus.slot.turn(0.0)
    bus.slot.drain()
    assert bus.log.end("rejected.fra") == 0
    assert bus.pauses("deu") == 0


def test_garbage_costs_its_sender_time_and_nobody_else(bus: Bus) -> None:
    bus.submit("deu", *bus.events("deu", 1))
    bus.shards.turn()
    bus.submit("fra", *[bytes([n % 251]) * MAX_ENVELOPE_BYTES for n in range(150)])
    for turn in range(3):
        before = bus.judged("fra")
        bus.submit("deu", *bus.events("deu", 1))
        bus.shards.turn()
        assert bus.judged("deu") == turn + 2
        assert bus.judged("fra") - before <= 2 * MANY
    while bus.judged("fra") < 150:
        assert bus.shards.turn()
    assert bus.log.end("rejected.fra") == 150


def test_alone_a_backlog_is_judged_in_whole_batches(bus: Bus) -> None:
    bus.submit("fra", *bus.events("fra", 400))
    bus.shards.turn()
    assert bus.judged("fra") == 400


def test_what_waits_is_work_so_nobody_takes_the_bus_for_idle(bus: Bus) -> None:
    bus.submit("deu", *bus.events("deu", 1))
    bus.shards.turn()
    bus.flood(400)
    assert all(bus.shards.turn() for _ in range(20))
    assert bus.judged("fra") < 400
