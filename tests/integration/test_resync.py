"""A reader's fresh start after the outbox's retention: the same picture as that of one who read all the time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bus.client import Authority, Picture, Subscriber
from bus.client.chain import BrokenOutboxError, PrunedOutboxError
from bus.client.kept import Kept
from bus.client.verify import verify_held
from bus.log.protocol import NewRecord, Record
from bus.log.sqlite import SqliteLog
from bus.log.topics import OUTBOX_MS
from bus.stages.correlate.delivered import HEAD, head_record
from bus.stages.correlate.delivered import Head as BusHead
from bus.stages.correlate.state import MEMORY_MS
from tests.support.desk import DAY_MS, HOUR_MS, NEW_YORK, Desk
from tests.support.replay import Replay

READERS = ("ann", "bob", "cat")


class Bus:
    """A slot on an embedded log whose clock is the desk's, and a reader of each agency that never sleeps."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.desk = Desk()
        self.desk.world.expires_at += 400 * DAY_MS
        self.desk.roster()
        self.log = SqliteLog(path / "bus.db", lambda: self.desk.world.now)
        self.replay = Replay(self.desk.world, self.log)
        self.awake = {name: Subscriber(self.log, name, self.desk.world.pin) for name in READERS}
        self._read = 0
        self.follow()

    def follow(self) -> None:
        """Let the bus work, the readers read, and retention act."""
        values = self.desk.world.values
        for value in values[self._read :]:
            self.replay.step(value)
        self._read = len(values)
        for subscriber in self.awake.values():
            subscriber.catch_up()
        self.log.retain(self.desk.world.now)

    def week(self, number: int) -> None:
        """One story of two or three reports; of every other week one report is amended, of others one is retracted."""
        desk = self.desk
        day: dict[str, Any] = {"when": {"start": desk.world.now - HOUR_MS, "end": desk.world.now}}
        where = {"lat": 13.0 + number / 10, "lon": 25.0, "uncertainty_km": 1.0, "countries": ["SDN"]}
        for name in ("ann", "bob", "cat"):
            desk.report(f"{name}/field/w{number}", where=where, **day)
        desk.report(f"bob/media/w{number}", NEW_YORK, where=where, **day)
        if number % 2:
            desk.report(f"ann/field/w{number}", where=where, type="violence.killing", **day)
        if number % 3 == 0:
            desk.retract(f"cat/field/w{number}")
        desk.link(f"ann/field/l{number}", "SAME", f"ann/field/w{number}", f"bob/field/w{number}")
        for _ in range(7):
            desk.tick(1)
        self.follow()

    def fresh(self, name: str, path: Path | None = None) -> Subscriber:
        return Subscriber(self.log, name, self.desk.world.pin, kept=Kept(path, name, self.desk.world.pin))


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bus]:
    """Thirty weeks: the outboxes have lost their beginning, and the bus has forgotten what closed first."""
    bus = Bus(tmp_path_factory.mktemp("old"))
    for number in range(30):
        bus.week(number)
    yield bus
    bus.log.close()


def told(picture: Picture) -> dict[tuple[str, str], tuple[bytes, bool, int]]:
    return {(str(kind), ref): (one.body, one.closed, one.revision) for (kind, ref), one in picture.held.items()}


def remembered(bus: Bus, name: str) -> set[tuple[str, str]]:
    """What the bus has not forgotten of a reader."""
    keys = (record.key.decode() for record in bus.log.latest(f"delivered.{name}") if record.key != HEAD)
    found = (key.split("/", 1) for key in keys)
    return {(kind, ref) for kind, ref in found}


@pytest.mark.parametrize("name", READERS)
def test_a_fresh_start_is_the_picture_of_one_who_never_slept(old: Bus, name: str) -> None:
    first = next(old.log.read(f"outbox.{name}"))
    assert first.offset > 0
    assert old.desk.world.now - first.append_time_ms <= OUTBOX_MS
    late = old.fresh(name)
    with pytest.raises(PrunedOutboxError):
        late.catch_up()
    assert late.resync().missing == []
    kept = remembered(old, name)
    expected = {key: one for key, one in told(old.awake[name].picture).items() if key in kept}
    assert told(late.picture) == expected
    assert any(closed for _, closed, _ in expected.values())
    assert any(not closed for _, closed, _ in expected.values())
    gone = {(str(kind), ref) for kind, ref in late.picture.gone}
    assert gone >= {key for key in kept if key not in expected}
    assert late.head == old.awake[name].head


@pytest.mark.parametrize("name", READERS)
def test_every_signature_of_a_fresh_start_is_good_down_to_the_authors(old: Bus, name: str) -> None:
    late = old.fresh(name)
    late.resync()
    authority = Authority(old.log, old.desk.world.pin)
    alerts = 0
    for (kind, _), held in late.picture.held.items():
        found, message = verify_held(late.picture, authority, held)
        assert found.good, [one for one in found.findings if one.refusal]
        assert message is not None
        alerts += kind == "alert"
    assert alerts > 5


def test_a_closed_alert_has_its_bytes_as_long_as_the_bus_remembers_it(old: Bus) -> None:
    """The oldest that is remembered closed nearly ninety days ago, and got its last bytes a fortnight before that."""
    late = old.fresh("ann")
    late.resync()
    now = old.desk.world.now
    last = [one.delivered_at for (kind, _), one in late.picture.held.items() if kind == "alert" and one.closed]
    assert now - min(last) > MEMORY_MS
    assert now - min(last) < OUTBOX_MS


def test_it_goes_on_from_there(tmp_path: Path) -> None:
    bus = Bus(tmp_path)
    for number in range(20):
        bus.week(number)
    late = bus.fresh("bob", tmp_path / "reader.picture.db")
    late.resync()
    for number in range(20, 23):
        bus.week(number)
    late.catch_up()
    kept = remembered(bus, "bob")
    expected = {key: one for key, one in told(bus.awake["bob"].picture).items() if key in kept}
    assert {key: one for key, one in told(late.picture).items() if key in kept} == expected
    assert late.head == bus.awake["bob"].head
    late.close()
    again = bus.fresh("bob", tmp_path / "reader.picture.db")
    assert list(again) == []
    bus.log.close()


def test_where_nothing_of_the_outbox_is_left_the_head_is_the_buss_own(old: Bus) -> None:
    copy = Copied(old.log, {record.offset for record in old.log.read("outbox.cat")})
    late = Subscriber(copy, "cat", old.desk.world.pin)
    found = late.resync()
    assert (late.head.sequence, late.head.chain) == old.awake["cat"].head[:2]
    alerts = {ref for kind, ref in told(old.awake["cat"].picture) if kind == "alert"}
    assert set(found.missing) == {ref for kind, ref in remembered(old, "cat") if kind == "alert"} & alerts
    assert found.missing
    assert late.picture.events(), "authors' records stand in `events`"


class Copied(SqliteLog):
    """A log that lacks some records of one outbox, or has other ones in another topic."""

    def __init__(self, log: SqliteLog, without: set[int], more: tuple[NewRecord, ...] = ()) -> None:
        self._log = log
        self._without = without
        self._more = more

    def end(self, topic: str) -> int:
        return self._log.end(topic)

    def read(self, topic: str, start: int = 0, end: int | None = None) -> Iterator[Record]:
        for record in self._log.read(topic, start, end):
            if not (topic.startswith("outbox") and record.offset in self._without):
                yield record

    def latest(self, topic: str) -> Iterator[Record]:
        for one in self._more:
            if one.topic == topic:
                yield Record(topic, 10**6, 0, one.key, one.value)
        yield from (one for one in self._log.latest(topic) if one.key not in {more.key for more in self._more})


@pytest.mark.parametrize("harm", ["gap", "head"])
def test_what_does_not_fit_together_is_refused_and_the_old_state_stays(old: Bus, harm: str, tmp_path: Path) -> None:
    offsets = [record.offset for record in old.log.read("outbox.ann")]
    lie = head_record("ann", BusHead(old.awake["ann"].head.sequence - 1, bytes(32), 0))
    log = Copied(old.log, {offsets[5]}) if harm == "gap" else Copied(old.log, set(), (lie,))
    kept = Kept(tmp_path / "reader.picture.db", "ann", old.desk.world.pin)
    Subscriber(old.log, "ann", old.desk.world.pin, kept=kept).resync()
    before = told(kept.picture), kept.head()
    with pytest.raises(BrokenOutboxError):
        Subscriber(log, "ann", old.desk.world.pin, kept=kept).resync()
    assert (told(kept.picture), kept.head()) == before
    kept.close()


def test_what_arrives_while_the_memory_is_read_is_as_the_outbox_says(old: Bus) -> None:
    """The memory read is that of some deliveries ago; what changed since is in the outbox."""
    late = old.fresh("ann")
    late.resync()
    expected = told(late.picture)
    behind = list(old.log.read("outbox.ann"))[-8]
    decoded = late._chain.decoded(behind)
    changed = [late._chain.decoded(record) for record in list(old.log.read("outbox.ann"))[-7:]]
    stale = tuple(
        NewRecord("delivered.ann", f"{one.kind}/{one.ref}".encode(), b"stale, and never looked at") for one in changed
    )
    head = head_record("ann", BusHead(decoded.sequence, decoded.chain, 0))
    racing = Subscriber(Copied(old.log, set(), (*stale, head)), "ann", old.desk.world.pin)
    racing.resync()
    found = told(racing.picture)
    assert found.keys() == expected.keys()
    assert {key: one[0] for key, one in found.items()} == {key: one[0] for key, one in expected.items()}


def test_a_reader_who_never_had_anything_begins_at_the_beginning(tmp_path: Path) -> None:
    bus = Bus(tmp_path)
    late = bus.fresh("cat")
    late.resync()
    assert (late.head.sequence, dict(late.picture.held)) == (0, {})
    bus.week(0)
    late.catch_up()
    assert told(late.picture) == told(bus.awake["cat"].picture)
    bus.log.close()
