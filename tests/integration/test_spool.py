"""A publisher in trouble: it tries again with scattered pauses, and says what waits and what sends it."""

import errno
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import apsw
import pytest

from bus.client import Outcome
from bus.client.patience import FIRST_PAUSE_S, MOST_PAUSE_S, Patience
from bus.client.spool import SpooledError
from bus.errors import TocsinError
from bus.log.faults import LogBusyError, LogError, LogFullError, LogReadOnlyError
from bus.log.protocol import NewRecord
from bus.log.sqlite import SqliteLog
from tests.support.client_world import LABEL, World, draft, make_world
from tests.support.faulty_disk import FaultyDisk


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    yield made
    made.log.close()


def ids(world: World) -> list[str]:
    return [one.message.header.id for one in world.submitted()]


def test_a_full_disk_is_waited_for_and_what_was_signed_is_sent_once(world: World) -> None:
    disk = FaultyDisk("publisher-full")
    world.log.close()
    world.log = SqliteLog(world.path / "bus.db", world.clock, vfs="publisher-full")
    faults: list[type[TocsinError]] = []

    def told(fault: TocsinError, _pause_s: float) -> None:
        faults.append(type(fault))
        if len(faults) == 3:
            disk.fault = None

    publisher = world.publisher(batch_records=2, patience=Patience(30, told))
    publisher.publish([draft("a")], "main", LABEL)
    disk.fault = apsw.FullError("full")
    assert publisher.publish([draft(name) for name in "bcd"], "main", LABEL).sent == 3
    assert faults == [LogFullError] * 3
    assert ids(world) == ["test:a", "test:b", "test:c", "test:d"]


def test_when_patience_ends_it_says_what_waits_and_the_next_publish_sends_it(world: World) -> None:
    disk = FaultyDisk("publisher-eio")
    world.log.close()
    world.log = SqliteLog(world.path / "bus.db", world.clock, vfs="publisher-eio")
    publisher = world.publisher(batch_records=2, patience=Patience(0.2))
    disk.fault = OSError(errno.EIO, "io")
    drafts = [draft(name) for name in "abcde"]
    with pytest.raises(SpooledError, match="2 signed records wait in the spool of fra") as error:
        publisher.publish(drafts, "main", LABEL)
    assert error.value.retriable
    assert "tocsin resume --as fra" in error.value.advice
    publisher.close()
    disk.fault = None
    again = world.publisher(batch_records=2)
    assert ids(world) == []
    assert again.resume() == 2
    assert ids(world) == ["test:a", "test:b"]
    done = again.publish(drafts, "main", LABEL)
    assert [line.outcome for line in done.lines] == [Outcome.UNCHANGED] * 2 + [Outcome.NEW] * 3
    assert ids(world) == [f"test:{name}" for name in "abcde"]


HOLD = """
import sys, time, apsw
connection = apsw.Connection(sys.argv[1])
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


def test_another_program_that_holds_the_log_for_a_while_costs_only_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.log._file._writer.set_busy_timeout(20)
    faults = []
    publisher = world.publisher(patience=Patience(20, lambda fault, _: faults.append(type(fault))))
    command = [sys.executable, "-c", HOLD, str(world.path / "bus.db"), "0.5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert publisher.publish([draft("a")], "main", LABEL).sent == 1
    assert faults
    assert set(faults) == {LogBusyError}
    assert ids(world) == ["test:a"]


def test_what_waiting_can_not_mend_is_raised_at_once(world: World) -> None:
    publisher = world.publisher(patience=Patience(60, lambda *_: pytest.fail("tried again")))
    world.log.close()
    with pytest.raises(LogError):
        publisher.publish([draft("a")], "main", LABEL)


def test_pauses_double_to_a_bound_and_are_scattered() -> None:
    pauses: list[float] = []

    def act() -> str:
        if len(pauses) < 12:
            raise LogReadOnlyError("read-only")
        return "done"

    patience = Patience(3600, lambda _, pause_s: pauses.append(pause_s), sleep=lambda _: None)
    assert patience.bear(act) == "done"
    for number, pause_s in enumerate(pauses):
        most = min(FIRST_PAUSE_S * 2**number, MOST_PAUSE_S)
        assert most / 2 <= pause_s <= most
    assert len({round(pause_s / MOST_PAUSE_S, 6) for pause_s in pauses[-4:]}) == 4


def test_two_publishers_of_one_agency_never_send_the_same_bytes_twice(world: World) -> None:
    """The second waits for the first's transaction; each sends what it signed, and both count on."""
    first, second = world.publisher(batch_records=1), world.publisher(batch_records=1)
    threads = [
        threading.Thread(
            target=publisher.publish, args=([draft(f"{name}{number}") for number in range(10)], "main", LABEL)
        )
        for name, publisher in (("a", first), ("b", second))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sequences = {(one.envelope.digest, one.message.header.sequence) for one in world.submitted()}
    assert sorted(sequence for _, sequence in sequences) == list(range(1, 21))


def test_the_spool_is_sent_oldest_first_in_batches(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    real = world.log.append

    def counted(name: str, records: Sequence[NewRecord]) -> list[int]:
        sizes.append(len(records))
        taken: list[int] = real(name, records)
        return taken

    monkeypatch.setattr(world.log, "append", counted)
    started = time.monotonic()
    world.publisher(batch_records=4).publish((draft(f"{number:02}") for number in range(10)), "main", LABEL)
    assert sizes == [4, 4, 2]
    assert ids(world) == [f"test:{number:02}" for number in range(10)]
    assert time.monotonic() - started < 5
