"""What a reader keeps: read once, gone on with after any end; made anew where damaged, refused where foreign."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from bus.client import Subscriber
from bus.client import subscriber as module
from bus.client.chain import BrokenOutboxError, OlderOutboxError, PrunedOutboxError
from bus.client.kept import ForeignStateError, Head, Kept, KeptDamagedError
from bus.errors import Reason
from bus.home import Home, HomeError, ReaderHead, reader_heads
from bus.log.faults import NoTopicError
from bus.log.protocol import Record
from bus.log.topics import agency_topics
from bus.trust.keys import SigningKey
from bus.units import DAY_MS
from schemas.models import AlertMessage, EventMessage
from tests.support.client_world import LABEL, NOW, Outbox, World, alert_of, delivered_world, draft, make_world

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    yield made
    made.log.close()


def reader(world: World, **options: Any) -> Subscriber:
    kept = Kept(world.path / "reader.db", "deu", world.pin)
    return Subscriber(world.log, "deu", world.pin, kept=kept, **options)


def sequences(subscriber: Subscriber) -> list[int]:
    return [received.delivery.sequence for received in subscriber]


class Counting:
    """A log that counts what is read of it."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self.offsets: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def read(self, name: str, start: int = 0, end: int | None = None) -> Iterator[Record]:
        for record in self._log.read(name, start, end):
            if name.startswith("outbox") and end is None:
                self.offsets.append(record.offset)
            yield record


def test_each_delivery_is_read_once_however_often_one_looks(world: World) -> None:
    outbox, members = delivered_world(world)
    counting = Counting(world.log)
    world.log = counting
    first = reader(world)
    assert set(first.catch_up().events()) == {"fra/main/test:a", "deu/main/test:b"}
    first.close()
    counting.offsets.clear()
    again = reader(world)
    assert set(again.catch_up().events()) == {"fra/main/test:a", "deu/main/test:b"}
    assert counting.offsets == []
    outbox.deliver("alert", "ab" * 32, alert_of(world, members, world.now))
    assert set(again.catch_up().alerts()) == {"ab" * 32}
    assert set(counting.offsets) == {2}
    again.close()


def test_a_look_that_finds_nothing_writes_nothing(world: World) -> None:
    """One that follows looks twice a second, and whenever anybody appends."""
    delivered_world(world)
    subscriber = reader(world)
    assert sequences(subscriber)
    written = (world.path / "reader.db-wal").read_bytes()
    assert [sequences(subscriber) for _ in range(3)] == [[], [], []]
    assert (world.path / "reader.db-wal").read_bytes() == written
    subscriber.close()


def test_what_is_yielded_is_verified_to_the_authors_bytes(world: World) -> None:
    outbox, members = delivered_world(world)
    outbox.deliver("alert", "ab" * 32, alert_of(world, members, world.now))
    outbox.deliver("alert", "cd" * 32, alert_of(world, members, world.now))  # under another's id
    outbox.deliver("alert", "ab" * 32, change="RETRACTED", reason="BELOW_THRESHOLD")
    a, b, alert, lie, gone = list(reader(world))
    assert (type(a.message), type(b.message), type(alert.message)) == (EventMessage, EventMessage, AlertMessage)
    assert [len(one.findings) for one in (a, b, alert, lie, gone)] == [1, 1, 3, 1, 0]
    assert [one.good for one in (a, b, alert, lie, gone)] == [True, True, True, False, True]
    assert lie.message is None
    assert isinstance(lie.open(), AlertMessage)  # who asks for it all the same gets it
    assert [finding.refusal.reason for finding in lie.findings if finding.refusal] == [Reason.BAD_FIELD]


def test_a_thiefs_event_comes_without_its_message_and_stops_nothing(world: World) -> None:
    outbox, _ = delivered_world(world)
    outbox.deliver("event", "fra/main/test:a", change="RETRACTED", reason="TAINTED")
    world.roster(2, {"fra": NOW})
    found = list(reader(world))
    assert [(one.delivery.sequence, one.good, one.message is None) for one in found] == [
        (1, False, True),
        (2, True, False),
        (3, True, True),
    ]
    assert [one.refusal.reason for one in found[0].findings if one.refusal] == [Reason.KEY_REVOKED]


def test_a_record_given_to_a_new_reader_after_its_key_was_revoked_is_good(world: World) -> None:
    world.publisher("fra").publish([draft("a")], "main", LABEL)
    signed = world.submitted("fra")[0].envelope.encode()
    world.now += 3 * DAY_MS
    world.roster(2, revoked=("fra",))
    world.now += DAY_MS
    Outbox(world, "deu").deliver("event", "fra/main/test:a", signed)
    assert [one.good for one in reader(world)] == [True]
    world.now += 20 * DAY_MS
    Outbox(world, "fra").deliver("event", "fra/main/test:a", signed)
    late = Subscriber(world.log, "fra", world.pin)
    assert [one.good for one in late] == [False]


def test_verification_can_be_left_out_and_says_nothing_then(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    delivered_world(world)
    monkeypatch.setattr(module, "verify_held", lambda *_: pytest.fail("verified"))
    found = list(reader(world, verify=False))
    assert [(one.message, one.findings) for one in found] == [(None, ()), (None, ())]
    assert isinstance(found[0].open(), EventMessage)


def test_a_reader_that_stops_in_the_middle_gets_the_rest(world: World) -> None:
    outbox, _ = delivered_world(world)
    for number in range(8):
        outbox.deliver("event", f"fra/main/test:{number}", change="RETRACTED", reason="EXPIRED")
    first = reader(world)
    taken = []
    for received in first:
        taken.append(received.delivery.sequence)
        if len(taken) == 4:
            break
    first.close()
    assert first_head(world).sequence == 3, "the fourth was not finished with"
    assert sequences(reader(world)) == [4, 5, 6, 7, 8, 9, 10]


def first_head(world: World) -> Head:
    kept = Kept(world.path / "reader.db", "deu", world.pin)
    head = kept.head()
    kept.close()
    return head


KILLED = """
import os, sys
from pathlib import Path
from bus.client import Subscriber, subscriber
from bus.client.kept import Kept
from bus.log.sqlite import SqliteLog
subscriber.SLICE_RECORDS, subscriber.SLICE_S = 4, 600.0
path, pin, at = Path(sys.argv[1]), bytes.fromhex(sys.argv[2]), int(sys.argv[3])
reader = Subscriber(SqliteLog(path / "bus.db", lambda: 0), "deu", pin, kept=Kept(path / "reader.db", "deu", pin))
for received in reader:
    print(received.delivery.sequence, flush=True)
    if received.delivery.sequence == at:
        os.kill(os.getpid(), 9)
"""


def test_a_killed_reader_gets_again_what_it_had_not_finished_and_loses_nothing(world: World) -> None:
    """What it has in the end is what one that was never killed has."""
    outbox, _ = delivered_world(world)
    for number in range(8):
        outbox.deliver("event", f"fra/main/test:{number}", change="RETRACTED", reason="EXPIRED")
    runs = []
    for at in (2, 7, 10, 99):
        command = [sys.executable, "-c", KILLED, str(world.path), world.pin.hex(), str(at)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == (0 if at == 99 else -signal.SIGKILL), done.stderr
        runs.append([int(line) for line in done.stdout.split()])
    assert runs == [[1, 2], [1, 2, 3, 4, 5, 6, 7], [5, 6, 7, 8, 9, 10], [9, 10]]
    kept = Kept(world.path / "reader.db", "deu", world.pin)
    fresh = Subscriber(world.log, "deu", world.pin)
    fresh.catch_up()
    assert kept.head() == fresh.head
    assert (dict(kept.picture.held), dict(kept.picture.gone)) == (dict(fresh.picture.held), dict(fresh.picture.gone))
    kept.close()


def test_two_processes_with_one_state_read_each_delivery_once_between_them(world: World) -> None:
    outbox, _ = delivered_world(world)
    one, other = reader(world), reader(world)
    assert sequences(one) == [1, 2]
    outbox.deliver("event", "fra/main/test:a", change="RETRACTED", reason="EXPIRED")
    assert sequences(other) == [3]
    assert sequences(one) == []
    assert set(one.picture.events()) == {"deu/main/test:b"}


@pytest.mark.parametrize("harm", ["rubbish", "cut"])
def test_a_damaged_state_is_made_anew(world: World, harm: str, caplog: pytest.LogCaptureFixture) -> None:
    delivered_world(world)
    first = reader(world)
    first.catch_up()
    first.close()
    path = world.path / "reader.db"
    data = path.read_bytes()
    path.write_bytes(b"rubbish" * 500 if harm == "rubbish" else data[: len(data) // 2])
    assert set(reader(world).catch_up().events()) == {"fra/main/test:a", "deu/main/test:b"}
    assert "made anew" in caplog.text


def test_damage_that_is_met_in_the_middle_says_what_mends_it(world: World) -> None:
    outbox, _ = delivered_world(world)
    first = reader(world)
    first.catch_up()
    first.close()
    path = world.path / "reader.db"
    page = apsw.Connection(str(path)).execute("SELECT rootpage FROM sqlite_master WHERE name='held'").get
    assert isinstance(page, int)
    data = bytearray(path.read_bytes())
    data[(page - 1) * 4096 : page * 4096] = b"rubbish!" * 512
    path.write_bytes(data)
    outbox.deliver("event", "fra/main/test:a", change="RETRACTED", reason="EXPIRED")
    with pytest.raises(KeptDamagedError) as error:
        reader(world).catch_up()
    assert "tocsin resync --as deu" in error.value.advice


def test_a_state_of_another_bus_or_reader_is_refused(world: World) -> None:
    delivered_world(world)
    first = reader(world)
    first.catch_up()
    first.close()
    for name, pin in (("fra", world.pin), ("deu", bytes(32))):
        with pytest.raises(ForeignStateError) as error:
            Kept(world.path / "reader.db", name, pin)
        assert "copied here" in error.value.advice


@pytest.mark.parametrize("since", ["fewer", "as many", "more"])
def test_a_bus_restored_from_an_older_backup_is_noticed(world: World, since: str) -> None:
    outbox, _ = delivered_world(world)
    saved = outbox.sequence, outbox.chain, list(world.log.read(outbox.name))
    for name in "ab":
        outbox.deliver("event", f"fra/main/test:{name}", change="RETRACTED", reason="EXPIRED")
    had = reader(world)
    had.catch_up()
    had.close()
    world.log.close()
    for file in world.path.glob("bus.db*"):
        file.unlink()
    (world.path / "restored").mkdir()
    restored = make_world(world.path / "restored")
    restored.pin = world.pin
    again = Outbox(restored, "deu")
    for record in saved[2]:
        again.append(record.value)
    again.sequence, again.chain = saved[:2]
    for number in range({"fewer": 1, "as many": 2, "more": 5}[since]):
        again.deliver("event", f"fra/main/other:{number}", change="RETRACTED", reason="EXPIRED")
    kept = Kept(world.path / "reader.db", "deu", world.pin)
    behind = Subscriber(restored.log, "deu", world.pin, kept=kept)
    for _ in range(2):
        with pytest.raises(OlderOutboxError, match="restored") as error:
            behind.catch_up()
    assert "resync" in error.value.advice
    restored.log.close()


@pytest.mark.parametrize("left", [0, 1])
def test_what_is_past_its_retention_is_said_so_with_the_way_back(world: World, left: int) -> None:
    outbox, _ = delivered_world(world)
    known = reader(world)
    known.catch_up()
    for name in "ab":
        outbox.deliver("event", f"fra/main/test:{name}", change="RETRACTED", reason="EXPIRED")
    with world.log._file.write() as connection:
        number = world.log._tables.find(outbox.name).number
        connection.execute("DELETE FROM records WHERE id >= ? AND id < ?", (number << 40, (number << 40) + 4 - left))
        connection.execute("UPDATE topics SET clean = ? WHERE number = ?", (4 - left, number))
    for late in (known, Subscriber(world.log, "deu", world.pin)):
        with pytest.raises(PrunedOutboxError) as error:
            late.catch_up()
        assert "tocsin resync --as deu" in error.value.advice


def test_a_gap_in_the_middle_is_no_retention(world: World) -> None:
    outbox, _ = delivered_world(world)
    outbox.sequence += 1
    outbox.deliver("event", "fra/main/test:a", change="RETRACTED", reason="EXPIRED")
    with pytest.raises(BrokenOutboxError, match="delivery 3 is missing"):
        reader(world).catch_up()


def test_memory_does_not_grow_with_what_waits(world: World) -> None:
    outbox = Outbox(world, "deu")
    body = os.urandom(20_000)
    for number in range(1200):
        outbox.deliver("event", f"fra/main/test:{number}", body)
    subscriber = reader(world, verify=False)
    tracemalloc.start()
    try:
        count = sum(1 for _ in subscriber)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 1200
    assert len(subscriber.picture.events()) == 1200
    assert peak < 1200 * 20_000 * 0.75, "less than a chunk of the log beside nothing else"


def test_one_that_follows_gets_what_comes_until_it_is_stopped(world: World) -> None:
    outbox, _ = delivered_world(world)
    stop = threading.Event()
    found = []
    for received in reader(world).follow(stop):
        found.append(received.delivery.sequence)
        if len(found) < 5:
            outbox.deliver("event", f"fra/main/test:{len(found)}", change="RETRACTED", reason="EXPIRED")
        if len(found) == 6:
            stop.set()
    assert found == [1, 2, 3, 4, 5, 6]


def test_one_that_follows_hears_of_new_rosters(world: World) -> None:
    """A key that came into the roster while it waited is known."""
    outbox, _ = delivered_world(world)
    following = reader(world).follow()
    assert [next(following).good, next(following).good] == [True, True]
    world.keys["ita"] = SigningKey.generate()
    world.log.create(agency_topics("ita"))
    world.roster(2)
    world.publisher("ita").publish([draft("c")], "main", LABEL)
    outbox.deliver("event", "ita/main/test:c", world.submitted("ita")[0].envelope.encode())
    assert next(following).good
    following.close()


def test_a_home_gives_a_named_reader_in_six_lines(world: World, tmp_path: Path) -> None:
    delivered_world(world)
    home = Home.create(tmp_path / "home", "")
    world.log.close()
    shutil.copy(world.path / "bus.db", home.log)
    home.seal(world.pin)
    with Subscriber.open(home.path, "deu") as subscriber:
        assert [one.good for one in subscriber] == [True, True]
    with Subscriber.open(home.path, "deu") as subscriber:
        assert list(subscriber) == []
        assert len(subscriber.picture.events()) == 2
    with Subscriber.open(home.path, "deu", name="map") as another:
        assert len(list(another)) == 2
    assert reader_heads(home, "deu") == {"main": ReaderHead(2, 2), "map": ReaderHead(2, 2)}
    assert reader_heads(home, "fra") == {}
    with pytest.raises(NoTopicError):
        Subscriber.open(home.path, "ita")
    assert not (home.agencies / "ita").exists()
    with pytest.raises(HomeError):
        Subscriber.open(home.path, "deu", name="../map")
