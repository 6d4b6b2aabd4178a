"""The slot on the embedded log: outboxes that a subscriber accepts, whatever stops the slot, and however it is cut."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bus.client import Authority, Subscriber, verify_alert
from bus.log.protocol import NewRecord
from bus.log.sqlite import SqliteLog
from bus.log.topics import bus_topics
from bus.stages.correlate.note import Note
from bus.stages.correlate.stage import Correlate, slot_of
from tests.support.desk import ANN_ONLY, DAY_MS, HOUR_MS, NEW_YORK, Desk
from tests.support.orders import is_control

READERS = ("ann", "bob", "cat")
CANARY = "canary-7431"


def story() -> Desk:
    """Five weeks of reports, links, retractions, closing and a new roster; the last reports are hidden from cat."""
    desk = Desk()
    world = desk.world
    for week in range(5):
        day: dict[str, Any] = {"when": {"start": world.now - HOUR_MS, "end": world.now}}
        for number, name in enumerate(("ann", "bob", "cat", "ann")):
            desk.report(f"{name}/field/w{week}-{number}", **day)
        desk.report(f"bob/media/w{week}", NEW_YORK, texts=[{"language": "en", "headline": CANARY}], **day)
        desk.report(f"cat/media/w{week}", ANN_ONLY, where={"lat": 1.0, "lon": 20.0}, **day)
        desk.link(f"ann/field/l{week}", "SAME", f"ann/field/w{week}-0", f"cat/media/w{week}")
        desk.report(f"ann/field/w{week}-3", type="violence.killing", **day)
        desk.retract(f"cat/field/w{week}-2")
        for _ in range(7):
            desk.tick(1)
        if week == 3:
            world.agencies["bob"].clearance["audiences"] = ["GEN"]
            desk.roster()
            desk.retract("ann/field/w1-0")
    return desk


class Slot:
    """One slot on a log that holds the story's records."""

    def __init__(self, log: SqliteLog, desk: Desk, slot: str = "correlate-0", slots: int = 1) -> None:
        self.log, self.desk, self.slot, self.slots = log, desk, slot, slots
        self.reader: Any = None
        self.stage: Correlate
        self.take()

    def take(self) -> None:
        """Become the owner, as after a crash."""
        if self.reader is not None:
            self.reader.release()
        world = self.desk.world
        self.stage = Correlate(self.log, pin=world.pin, bus_key=world.bus, slot=self.slot, slots=self.slots)
        self.reader = self.log.take(self.stage.owner, self.stage.topics)
        assert self.stage.restore(self.log, self.reader) is None

    def turn(self, size: int, *, crash: bool = False) -> bool:
        """One transaction; with `crash`, all work is lost before it is committed."""
        records = self.reader.poll(size, 0.0)
        if not records:
            return False
        outputs = self.stage.process(records)
        if crash:
            self.take()
        else:
            self.reader.commit(outputs.records, {"events": records[-1].offset + 1}, outputs.note)
        return True


@pytest.fixture(scope="module")
def desk() -> Desk:
    return story()


def open_log(path: Path, desk: Desk) -> SqliteLog:
    times = iter(range(desk.world.now, desk.world.now + DAY_MS))
    log = SqliteLog(path, lambda: next(times))
    log.create(bus_topics())
    for topic in ("control", "events"):
        values = [value for value in desk.world.values if topic == "events" or is_control(value)]
        log.append(topic, [NewRecord(topic, b"", value) for value in values])
    return log


@pytest.fixture
def log(tmp_path: Path, desk: Desk) -> Iterator[SqliteLog]:
    opened = open_log(tmp_path / "bus.db", desk)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, desk: Desk) -> dict[str, list[bytes]]:
    """The outboxes of an undisturbed run."""
    log = open_log(tmp_path_factory.mktemp("undisturbed") / "bus.db", desk)
    slot = Slot(log, desk)
    while slot.turn(500):
        pass
    found = outboxes(log)
    log.close()
    return found


def outboxes(log: SqliteLog) -> dict[str, list[bytes]]:
    return {name: [record.value for record in log.read(f"outbox.{name}")] for name in READERS}


def test_a_subscriber_finds_every_chain_whole_and_every_signature_good(log: SqliteLog, desk: Desk) -> None:
    slot = Slot(log, desk)
    while slot.turn(10):
        pass
    authority = Authority(log, desk.world.pin)
    seen = 0
    for name in READERS:
        picture = Subscriber(log, name, desk.world.pin).catch_up()
        for alert in picture.alerts():
            verification = verify_alert(picture, authority, alert)
            assert verification.good, [one for one in verification.findings if one.refusal is not None]
            seen += len(verification.findings)
    assert seen > 30


def test_what_a_reader_may_not_read_is_nowhere_in_its_outbox(expected: dict[str, list[bytes]]) -> None:
    assert any(CANARY.encode() in value for value in expected["ann"])
    for name in (CANARY, "bob/media"):
        assert not any(name.encode() in value for value in expected["cat"]), name


def remembered(slot: Slot) -> dict[str, Any]:
    """What the fold knows of each record."""
    return {
        entry.name: (entry.has, entry.closed, sorted(entry.tally.counts), sorted(entry.tally.since), entry.revisions)
        for entry in slot.stage._fold.state.store
    }


@pytest.mark.parametrize("size", [1, 13])
def test_a_slot_that_stops_anywhere_loses_and_doubles_nothing(
    log: SqliteLog, desk: Desk, expected: dict[str, list[bytes]], size: int
) -> None:
    slot = Slot(log, desk)
    turns = 0
    while slot.turn(size, crash=turns % 3 == 1):
        turns += 1
        if turns % 3 == 0:
            slot.take()
    assert outboxes(log) == expected


def test_slots_divide_the_readers_and_share_nothing(
    log: SqliteLog, desk: Desk, expected: dict[str, list[bytes]]
) -> None:
    assert len({slot_of(name, 2) for name in READERS}) == 2
    slots = [Slot(log, desk, f"correlate-{number}", 2) for number in range(2)]
    for slot in slots:
        while slot.turn(50):
            mine = {name for name in READERS if slot_of(name, 2) == int(slot.slot[-1])}
            assert set(slot.stage._fold.state.rights.readers) <= mine | {"authority"}
    assert outboxes(log) == expected


def test_a_restart_does_not_need_the_whole_history(log: SqliteLog, desk: Desk) -> None:
    slot = Slot(log, desk)
    while slot.turn(500):
        pass
    note = Note.read(slot.reader.note())
    assert 0 < note.from_position < len(desk.world.values)
    assert note.tick is not None
    before = remembered(slot)
    slot.take()
    state = slot.stage._fold.state
    assert remembered(slot) == before
    assert len(before) > 20
    assert state.control.version == note.control


def test_a_restart_delivers_what_differs_from_what_was_told(log: SqliteLog, desk: Desk) -> None:
    slot = Slot(log, desk)
    while slot.turn(500):
        pass
    held = {name: Subscriber(log, name, desk.world.pin).catch_up().alerts() for name in READERS}
    alert = next(ref for ref, one in sorted(held["ann"].items()) if not one.closed)
    log.append("delivered.ann", [NewRecord("delivered.ann", f"alert/{alert}".encode(), b"")])
    slot.reader.release()
    world = desk.world
    stage = Correlate(log, pin=world.pin, bus_key=world.bus)
    reader = log.take(stage.owner, stage.topics)
    outputs = stage.restore(log, reader)
    assert outputs is not None
    reader.commit(outputs.records, {}, outputs.note)
    again = Subscriber(log, "ann", world.pin)
    last = [received.delivery for received in again.poll()][-1]
    assert (last.change, last.ref, last.body is None) == ("NEW", alert, False)
    assert {one.topic for one in outputs.records} == {"outbox.ann", "delivered.ann"}


def test_a_new_reader_gets_its_topics_with_its_first_delivery(log: SqliteLog, desk: Desk) -> None:
    slot = Slot(log, desk)
    while slot.turn(500):
        pass
    names = {one.name for one in log.describe().topics}
    assert {f"outbox.{name}" for name in READERS} | {f"delivered.{name}" for name in READERS} <= names


def test_a_restart_says_how_far_it_is_and_when_it_is_done(log: SqliteLog, desk: Desk) -> None:
    slot = Slot(log, desk)
    while slot.turn(200):
        pass
    slot.reader.release()
    told: list[tuple[str, int, int]] = []
    world = desk.world
    stage = Correlate(log, pin=world.pin, bus_key=world.bus, progress=lambda *how_far: told.append(how_far))
    reader = log.take(stage.owner, stage.topics)
    stage.restore(log, reader)
    reader.release()
    assert list(dict.fromkeys(what for what, _, _ in told)) == [
        "reading what readers have", "reading open events", "comparing alerts", "",
    ]  # fmt: skip
    assert all(0 <= done <= of for _, done, of in told)
    assert [what for what, done, of in told if done == of] == [""]
