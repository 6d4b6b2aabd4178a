"""The embedded log between processes that are killed: an independent count finds every acknowledged record once."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from bus.clock import now_ms
from bus.log.faults import Fenced, Owned
from bus.log.sqlite import SqliteLog
from bus.log.topics import agency_topics, bus_topics

ROOT = Path(__file__).parents[2]


class Field:
    """A log, and the processes on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "bus.db"
        self.running: list[subprocess.Popen[bytes]] = []
        log = SqliteLog(self.path, now_ms)
        log.create([*bus_topics(), *agency_topics("fra")])
        log.close()

    def start(self, role: str, name: str, die_at: int = 0) -> "subprocess.Popen[bytes]":
        arguments = (role, str(self.path), str(self.acks(name)), name, str(die_at))
        command = [sys.executable, "-m", "tests.support.log_worker", *arguments]
        self.running.append(subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE))
        return self.running[-1]

    def acks(self, name: str) -> Path:
        return self.folder / f"{name}.acks"

    def acked(self, name: str) -> list[str]:
        path = self.acks(name)
        return path.read_text().splitlines() if path.exists() else []

    def wait_for(self, name: str, lines: int = 1) -> None:
        until = time.monotonic() + 20
        while len(self.acked(name)) < lines:
            assert time.monotonic() < until, "the process did nothing"
            time.sleep(0.002)

    def kill(self, process: "subprocess.Popen[bytes]") -> None:
        process.kill()
        self.buried(process)

    def buried(self, process: "subprocess.Popen[bytes]") -> None:
        _, error = process.communicate(timeout=20)
        assert (error, process.returncode) == (b"", -signal.SIGKILL)
        self.running.remove(process)

    def count(self, writers: list[str]) -> int:
        """Read the file as it is, without the engine, and compare it with the acknowledgements."""
        file = apsw.Connection(str(self.path))
        assert file.pragma("integrity_check") == "ok"
        topics: dict[str, int] = dict(file.execute("SELECT name, number FROM topics").fetchall())  # type: ignore[arg-type]
        rows = {name: _values(file, number) for name, number in topics.items()}
        cursor = file.execute("SELECT position FROM cursors").get or 0
        note = file.execute("SELECT note FROM owners").get
        ids = [row for (row,) in file.execute("SELECT id FROM records").fetchall()]
        file.close()
        submitted = rows["submissions.fra"]
        assert len(set(submitted)) == len(submitted)
        assert len(set(ids)) == len(ids)
        for name in writers:
            mine = [value for value in submitted if value.startswith(f"{name}:")]
            assert mine == [f"{name}:{n}" for n in range(len(mine))]
            assert self.acked(name) == mine[: len(self.acked(name))]
        assert rows["events"] == submitted[:cursor]
        assert note == (str(cursor) if cursor else None)
        return len(submitted)


def _values(file: apsw.Connection, number: int) -> list[str]:
    found: Any = file.execute(
        "SELECT value FROM records WHERE id >= ? AND id < ? ORDER BY id", (number << 40, (number + 1) << 40)
    ).fetchall()
    return [value.decode() for (value,) in found]


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    made = Field(tmp_path)
    yield made
    for process in made.running:
        process.kill()
        process.communicate()


def test_killed_at_any_moment_nothing_acknowledged_is_lost_or_doubled(field: Field) -> None:
    chance = random.Random(3)
    writers: list[str] = []
    for turn in range(8):
        pair = [f"w{turn}a", f"w{turn}b"]
        writers += pair
        taken = len(field.acked("ingest"))
        processes = [field.start("write", name) for name in pair] + [field.start("work", "ingest")]
        for name in pair:
            field.wait_for(name)
        field.wait_for("ingest", taken + 2)  # it took the dead one's name, and committed
        chance.shuffle(processes)
        for process in processes:
            time.sleep(chance.random() * 0.03)
            field.kill(process)
        assert field.count(writers) > 0
    cursors = [int(line) for line in field.acked("ingest") if line != "taken"]
    assert cursors == sorted(set(cursors))
    assert sum(len(field.acked(name)) for name in writers) > 100


@pytest.mark.parametrize("die_at", [1, 2, 3, 5, 8, 13, 21, 34, 55, 89])
def test_killed_at_a_call_of_its_disk_a_commit_is_there_as_a_whole_or_not_at_all(field: Field, die_at: int) -> None:
    mortal = field.start("write", "w", die_at)
    field.buried(mortal)
    field.start("write", "x")
    field.buried(field.start("work", "ingest", die_at))
    field.start("work", "ingest")  # goes on where the dead one was
    taken = len(field.acked("ingest"))
    field.wait_for("ingest", taken + 3)
    for process in list(field.running):
        field.kill(process)
    assert field.count(["w", "x"]) > len(field.acked("w"))


def test_a_killed_owners_name_is_free_at_once_and_a_live_ones_is_not(field: Field) -> None:
    holder = field.start("work", "ingest")
    field.wait_for("ingest")
    log = SqliteLog(field.path, now_ms)
    with pytest.raises(Owned, match=f"ingest is owned by process {holder.pid}"):
        log.take("ingest", ["submissions.fra"])
    assert log.describe().owners[0].holder == f"process {holder.pid}"
    field.kill(holder)
    assert log.describe().owners[0].holder is None
    log.take("ingest", ["submissions.fra"])
    log.close()
    assert {path.name for path in field.folder.iterdir()} == {"bus.db", ".bus.db.lock", "ingest.acks"}


def test_an_owner_that_lives_keeps_its_name_and_one_that_hangs_is_fenced(field: Field) -> None:
    holder = field.start("hold", "ingest")  # with a lease of one second
    field.wait_for("ingest")
    log = SqliteLog(field.path, now_ms)
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        with pytest.raises(Owned):
            log.take("ingest", ["submissions.fra"])
        time.sleep(0.05)
    holder.send_signal(signal.SIGSTOP)
    time.sleep(1.1)
    reader = log.take("ingest", ["submissions.fra"])
    holder.send_signal(signal.SIGCONT)
    time.sleep(0.3)
    reader.commit([], {"submissions.fra": 0})  # its renewals do not bring the name back
    log.close()


def test_two_owners_of_one_name_are_refused_within_a_process_too(field: Field) -> None:
    log = SqliteLog(field.path, now_ms)
    first = log.take("ingest", ["submissions.fra"])
    with pytest.raises(Owned, match=str(os.getpid())):
        log.take("ingest", ["submissions.fra"])
    first.release()
    second = log.take("ingest", ["submissions.fra"])
    with pytest.raises(Fenced):
        first.commit([])
    second.commit([])
    log.close()
