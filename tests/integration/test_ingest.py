"""Ingest on the embedded log, with real publishers: what is submitted is judged once, whatever happens on the way."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from bus.client import Publisher
from bus.client.publication import Act
from bus.client.receipts import read_receipts
from bus.config import Settings
from bus.errors import Reason
from bus.log.faults import Fenced, LogFullError, Owned
from bus.log.protocol import NewRecord
from bus.log.sqlite import SqliteLog
from bus.log.sqlite.reader import SqliteReader
from bus.log.topics import agency_topics, bus_topics, topic
from bus.stages.authority import AuthorityIngest, serve_authority
from bus.stages.following import ControlFollower, ForeignControlError
from bus.stages.ingest import Ingest
from bus.stages.receipts import ForeignReceiptError
from bus.stages.ticks import Ticker
from bus.stages.worker import Worker
from bus.trust.keys import SigningKey
from schemas.codec import decode_trusted
from schemas.models import Receipt, Status, Verdict
from schemas.registry import newest
from tests.support.submissions import DAY_MS, NOW, RESTRICTED, Office, entry, feed, key_entry, sign

SETTINGS = Settings(batch_records=7)


def draft(name: str, headline: str = "") -> Act:
    body = {
        "nature": "INCIDENT",
        "type": "violence.killing",
        "source": {"discipline": "OSINT"},
        "texts": [{"language": "en", "headline": headline or name}],
    }
    return Act("event", f"test:{name}", Status.ACTUAL, body)


class World:
    """An embedded log with an authority that has published its first roster and policy."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = NOW
        self.office = Office()
        self.log = SqliteLog(path / "bus.db", self.clock)
        self.log.create([*bus_topics(), *agency_topics("authority")])
        self.say(self.office.roster(), self.office.policy())

    def clock(self) -> int:
        self.now += 1
        return self.now

    def say(self, *data: bytes) -> None:
        """The authority submits, and its shard judges."""
        if data:
            self.append("authority", *data)
        serve_authority(self.log, pin=self.office.pin, settings=SETTINGS, clock_ms=self.clock)

    def append(self, agency: str, *data: bytes) -> None:
        name = topic("submissions", agency)
        self.log.append(name, [NewRecord(name, b"main", one) for one in data])

    def worker(self, agency: str = "fra", **options: Any) -> Worker:
        stage = Ingest(agency, ControlFollower(self.log, self.office.pin))
        return Worker(self.log, stage, settings=SETTINGS, clock_ms=self.clock, **options)

    def serve(self, agency: str = "fra") -> None:
        worker = self.worker(agency)
        worker.drain()
        worker.release()

    def publisher(self, agency: str = "fra") -> Publisher:
        policies = ControlFollower(self.log, self.office.pin).read().policies
        key = self.office.keys[agency]
        path, pin = self.path / f"{agency}.db", self.office.pin
        return Publisher(self.log, agency, key, path, policies, pin=pin, clock_ms=self.clock)

    def receipts(self, agency: str = "fra") -> list[Receipt]:
        return [receipt for _, receipt in read_receipts(self.log, agency)]

    def events(self) -> list[dict[str, Any]]:
        """The accepted records in `events`, ticks left out."""
        schema = newest("accepted")
        found = [record for record in self.log.read("events") if record.key != b"tick"]
        return [decode_trusted(schema, record.value) for record in found]

    def ticks(self) -> list[int]:
        schema = newest("tick")
        found = [record for record in self.log.read("events") if record.key == b"tick"]
        return [decode_trusted(schema, record.value)["minute"] for record in found]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.log.close()


def test_what_publishers_send_is_accepted_and_receipted_once(world: World) -> None:
    publisher = world.publisher()
    names = [f"n{number}" for number in range(20)]
    assert publisher.publish([draft(name) for name in names], "main", RESTRICTED).sent == 20
    publisher.heartbeat("main", 60, RESTRICTED)
    world.serve()
    assert [receipt.id for receipt in world.receipts()][:20] == [f"test:{name}" for name in names]
    assert {receipt.verdict for receipt in world.receipts()} == {Verdict.ACCEPTED}
    assert len(world.receipts()) == 21
    submitted = [record.value for record in world.log.read("submissions.fra")]
    own = [event for event in world.events() if event["control_version"] == 2][1:]
    assert [event["envelope"] for event in own] == submitted[:20], "the bytes are unchanged; a heartbeat is no event"
    times = [record.append_time_ms for record in world.log.read("submissions.fra")]
    assert [event["accepted_at"] for event in own] == times[:20]
    publisher.settle()
    assert publisher.publish([draft(name) for name in names], "main", RESTRICTED).sent == 0


def test_the_authoritys_records_stand_in_events_and_in_control(world: World) -> None:
    control = list(world.log.read("control"))
    assert [record.key for record in control] == [b"roster", b"policy"]
    events = [record.value for record in world.log.read("events") if record.key != b"tick"]
    assert events == [record.value for record in control]
    assert [event["control_version"] for event in world.events()] == [1, 2]


def test_a_repeat_gets_its_first_receipt_again_also_after_a_restart(world: World) -> None:
    data = world.office.event()
    world.append("fra", data, data)
    world.serve()
    world.append("fra", data)
    world.serve()
    values = [record.value for record in world.log.read("receipts.fra")]
    assert len(values) == 3
    assert len(set(values)) == 1
    assert len(world.events()) == 3


def test_a_refused_submission_is_kept_with_its_reason_and_how_to_mend_it(world: World) -> None:
    world.append("fra", b"poison", world.office.event(label="COALITION NONE-SUCH//PUBLIC"), world.office.event())
    world.serve()
    poison, unlabelled = world.log.read("rejected.fra")
    assert poison.value == b"poison"
    said = {name: value.decode() for name, value in unlabelled.headers}
    assert (said["reason"], said["place"]) == (Reason.BAD_LABEL, "header.label")
    assert said["expected"]
    assert said["remedy"]
    assert int(said["offset"]) == [record.offset for record in world.log.read("submissions.fra")][1]
    keys = [record.key for record in world.log.read("receipts.fra")]
    assert keys[0].startswith(b"raw/")
    assert keys[1:] == [b"event/main/test:a"] * 2
    assert [receipt.reason for receipt in world.receipts()] == [Reason.BAD_FRAME, Reason.BAD_LABEL, None]


def test_an_agency_that_was_just_admitted_can_submit_at_once(world: World) -> None:
    """Its shard saw the old roster; before it refuses a key it reads `control` to its end."""
    worker = world.worker()
    worker.drain()
    old, new = world.office.keys["fra"], SigningKey.generate()
    world.office.entries["fra"]["keys"] = [key_entry(old), key_entry(new)]
    world.office.admit("ita")
    world.say(world.office.roster())
    world.office.keys["fra"] = new
    world.append("fra", world.office.event())
    world.append("ita", world.office.event(agency="ita"))
    worker.drain()
    world.serve("ita")
    assert [receipt.verdict for receipt in world.receipts()] == [Verdict.ACCEPTED]
    assert [receipt.verdict for receipt in world.receipts("ita")] == [Verdict.ACCEPTED]


def test_an_expired_roster_pauses_ingest_until_the_next_and_nothing_is_lost(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    before = world.office.event("test:before")
    world.append("fra", before)
    world.now = world.office.expires_at - 1
    late = [world.office.event(f"test:{number}", created_at=world.now) for number in range(9)]
    world.append("fra", *late)
    worker = world.worker()
    worker.drain()
    assert [receipt.id for receipt in world.receipts()] == ["test:before"]
    assert "expired" in caplog.text
    world.office.now, world.office.expires_at = world.now, world.now + 100 * DAY_MS
    world.say(world.office.policy(2), world.office.roster())
    refused, accepted = world.receipts("authority")[-2:]
    assert (refused.reason, accepted.verdict) == (Reason.KEY_NOT_VALID, Verdict.ACCEPTED)
    worker.drain()
    assert [receipt.id for receipt in world.receipts()[1:]] == [f"test:{number}" for number in range(9)]
    assert {receipt.verdict for receipt in world.receipts()} == {Verdict.ACCEPTED}


def test_a_paused_shard_takes_its_place_again_after_a_restart(world: World) -> None:
    world.now = world.office.expires_at
    world.append("fra", world.office.event(created_at=world.now))
    world.serve()
    assert world.receipts() == []
    world.office.now, world.office.expires_at = world.now, world.now + 100 * DAY_MS
    world.say(world.office.roster())
    world.serve()
    assert [receipt.verdict for receipt in world.receipts()] == [Verdict.ACCEPTED]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_fault_at_the_commit_doubles_and_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """`before`: nothing was written; `after`: all was, and the worker does not know."""
    commit, faults = SqliteReader.commit, [LogFullError("full", "Make room."), LogFullError("full", "Make room.")]

    def failing(
        self: SqliteReader, outputs: Sequence[NewRecord], cursors: Mapping[str, int], note: str | None = None
    ) -> None:
        if when == "after":
            commit(self, outputs, cursors, note)
        if cursors and faults:
            raise faults.pop()
        if when == "before":
            commit(self, outputs, cursors, note)

    world.append("fra", *[world.office.event(f"test:{number}", sequence=number + 1) for number in range(20)])
    monkeypatch.setattr(SqliteReader, "commit", failing)
    worker = world.worker(patience=3)
    worker.drain()
    assert not faults
    assert [receipt.id for receipt in world.receipts()] == [f"test:{number}" for number in range(20)]
    assert len(world.events()) == 22


def test_a_fault_that_no_retry_mends_ends_the_worker_with_nothing_committed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def failing(*_: object) -> None:
        calls.append(1)
        raise ZeroDivisionError

    world.append("fra", world.office.event())
    monkeypatch.setattr(Ingest, "process", failing)
    worker = world.worker()
    with pytest.raises(ZeroDivisionError):
        worker.drain()
    assert len(calls) == 2
    worker.release()
    monkeypatch.undo()
    world.serve()
    assert [receipt.verdict for receipt in world.receipts()] == [Verdict.ACCEPTED]


def test_a_shard_has_one_owner_and_a_fenced_one_stops(world: World) -> None:
    worker = world.worker()
    worker.drain()
    other = SqliteLog(world.path / "bus.db", world.clock, lease_s=0.001)
    try:
        with pytest.raises(Owned, match="ingest-fra is owned by process"):
            other.take("ingest-fra", ["submissions.fra"])
        world.append("fra", world.office.event())
        world.now += 60_000  # the lease is over: a process that hangs
        other.take("ingest-fra", ["submissions.fra"])
        with pytest.raises(Fenced):
            worker.drain()
        assert world.receipts() == []
    finally:
        other.close()


def test_one_tick_at_each_start_then_one_an_interval_strictly_increasing(world: World) -> None:
    start = world.ticks()
    assert len(start) == 1
    stage = AuthorityIngest(world.log, ControlFollower(world.log, world.office.pin), Ticker(60, world.clock))
    worker = Worker(world.log, stage, settings=SETTINGS, clock_ms=world.clock)
    assert not worker.turn(0.0), "a tick is no work"
    assert len(world.ticks()) == 2
    worker.turn(0.0)
    world.now += 59_000
    worker.turn(0.0)
    assert len(world.ticks()) == 2
    world.now += 200_000
    worker.turn(0.0)
    worker.turn(0.0)
    assert len(world.ticks()) == 3, "missed ticks are not made up"
    world.now -= 100_000
    worker.release()
    world.say()
    assert len(world.ticks()) == 3, "a clock that went back makes no tick, also over a restart"
    world.now += 200_000
    world.say()
    assert len(world.ticks()) == 4
    assert world.ticks() == sorted(set(world.ticks()))


def test_a_starts_tick_that_was_not_committed_is_owed_still(world: World) -> None:
    ticker, committed = Ticker(60, world.clock), f"tick {world.clock()}"
    ticker.restore(committed)
    assert ticker.due() is not None
    ticker.restore(committed)
    made = ticker.due()
    assert made is not None, "the commit had failed"
    ticker.restore(made.note)
    assert ticker.due() is None


def test_the_authoritys_shard_waits_for_nobody_but_its_owner(world: World) -> None:
    reader = world.log.take("ingest-authority", ["submissions.authority"])
    with pytest.raises(Owned):
        serve_authority(world.log, pin=world.office.pin, settings=SETTINGS, clock_ms=world.clock)
    reader.release()


def test_what_ingest_did_not_write_is_a_clear_fault(world: World) -> None:
    world.log.append("receipts.fra", [NewRecord("receipts.fra", b"k", b"rubbish")])
    with pytest.raises(ForeignReceiptError) as fault:
        world.serve()
    assert fault.value.advice
    with pytest.raises(ForeignControlError):
        ControlFollower(world.log, bytes(32)).read()
    world.log.append("control", [NewRecord("control", b"k", b"rubbish")])
    with pytest.raises(ForeignControlError):
        ControlFollower(world.log, world.office.pin).read()


def test_a_policy_that_the_authority_did_not_sign_is_never_in_force(world: World) -> None:
    stranger = sign(
        "policy", world.office.header("p"), {"policy": "X", "version": 1, "toml": ""}, SigningKey.generate()
    )
    world.say(stranger)
    assert world.receipts("authority")[-1].reason == Reason.UNKNOWN_KEY
    assert len(list(world.log.read("control"))) == 2


def test_an_agency_of_many_feeds_is_admitted_with_its_topics(world: World) -> None:
    key = world.office.keys.setdefault("ita", SigningKey.generate())
    world.office.entries["ita"] = entry("ita", [key_entry(key)], [feed("one"), feed("two")])
    world.say(world.office.roster())
    assert world.log.end("submissions.ita") == world.log.end("outbox.ita")
