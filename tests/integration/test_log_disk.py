"""The embedded log on a disk that is full, failing, read-only or damaged: never acknowledge and lose."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

import bus.log.sqlite.file as log_file
from bus.log.faults import (
    LogDamagedError,
    LogDiskError,
    LogError,
    LogFullError,
    LogPlaceError,
    LogVersionError,
)
from bus.log.protocol import NewRecord
from bus.log.sqlite import SqliteLog, compaction
from bus.log.sqlite.place import check_place
from bus.log.topics import agency_topics, bus_topics
from tests.support.faulty_disk import FaultyDisk
from tests.support.log_engines import NOW, new

EVENTS = "events"


def made(folder: Path, vfs: str | None = None) -> SqliteLog:
    log = SqliteLog(folder / "bus.db", lambda: NOW, vfs=vfs)
    log.create([*bus_topics(), *agency_topics("fra")])
    return log


def values(log: SqliteLog) -> list[bytes]:
    return [record.value for record in log.read(EVENTS)]


@pytest.fixture
def disk() -> Iterator[FaultyDisk]:
    layer = FaultyDisk("faulty")
    yield layer
    layer.unregister()


# --- full and failing -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "on", "raised"),
    [
        (apsw.FullError("no space"), "write", LogFullError),
        (apsw.IOError("no disk"), "write", LogDiskError),
        (apsw.IOError("no disk"), "sync", LogDiskError),
    ],
)
def test_a_disk_that_fails_acknowledges_nothing_and_the_same_log_goes_on(
    tmp_path: Path, disk: FaultyDisk, fault: Exception, on: str, raised: type[LogError]
) -> None:
    made(tmp_path).close()
    log = SqliteLog(tmp_path / "bus.db", lambda: NOW, vfs="faulty")
    log.append(EVENTS, new(EVENTS, b"a"))
    reader = log.take("ingest", ["submissions.fra"])
    disk.fault, disk.fault_on = fault, on
    for _ in range(3):
        with pytest.raises(raised) as caught:
            log.append(EVENTS, new(EVENTS, b"x" * 9000))
        assert caught.value.retriable
        assert caught.value.advice
        with pytest.raises(raised):
            reader.commit(new(EVENTS, b"y"), {"submissions.fra": 1})
        assert values(log) == [b"a"]
    disk.fault = None
    reader.commit(new(EVENTS, b"b"), {"submissions.fra": 2})
    log.append(EVENTS, new(EVENTS, b"c"))
    log.close()
    after = made(tmp_path)
    assert values(after) == [b"a", b"b", b"c"]
    assert after.take("ingest", ["submissions.fra"]).cursor("submissions.fra") == 2
    after.close()


def test_a_checkpoint_that_fails_loses_nothing_and_is_tried_again(
    tmp_path: Path, disk: FaultyDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "CHECKPOINT_PAGES", 8)
    made(tmp_path).close()
    log = SqliteLog(tmp_path / "bus.db", lambda: NOW, vfs="faulty")
    disk.fault, disk.fault_on = None, "write"
    real = disk.done

    def only_main(what: str, file: str, place: int = 0, data: bytes = b"") -> None:
        disk.fault = apsw.FullError("no space") if file == "bus.db" and full else None
        real(what, file, place, data)

    full = True
    disk.done = only_main  # type: ignore[method-assign]
    sent = [b"%d" % n * 3000 for n in range(20)]
    for value in sent:
        log.append(EVENTS, new(EVENTS, value))
    assert "checkpoint" in str(log.describe().trouble)
    assert values(log) == sent
    full = False
    log.append(EVENTS, new(EVENTS, *[b"z" * 3000] * 20))
    assert log.describe().trouble is None
    log.close()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX users")
def test_a_home_that_can_not_be_written_is_a_clear_error(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    made(folder).close()
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)
    tmp_path.chmod(0o755)
    script = (
        "import os, sys, pathlib\n"
        "from bus.log.sqlite import SqliteLog\n"
        "from bus.log.faults import LogReadOnlyError\n"
        "os.geteuid() == 0 and (os.chdir(sys.argv[1]), os.seteuid(65534))\n"
        "try:\n    SqliteLog(pathlib.Path(sys.argv[2]), lambda: 0)\n"
        "except LogReadOnlyError as fault:\n    print(fault.retriable, bool(fault.advice))\n"
    )
    if os.geteuid() == 0:
        for parent in folder.parents:  # the nobody of the child must be able to reach it
            if parent.stat().st_mode & 0o001 == 0:
                parent.chmod(parent.stat().st_mode | 0o011)
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder), str(folder / "bus.db")], capture_output=True, text=True, check=False
    )
    folder.chmod(0o755)
    assert (done.stdout, done.stderr) == ("True True\n", "")


def test_a_file_system_without_space_in_earnest(tmp_path: Path) -> None:
    """The system's own limit on file sizes stands in for a full disk: real calls fail, nothing is simulated."""
    script = (
        "import resource, sys, pathlib\n"
        "from bus.log.sqlite import SqliteLog\n"
        "from bus.log.faults import LogError\n"
        "from bus.log.protocol import NewRecord\n"
        "from bus.log.topics import bus_topics\n"
        "log = SqliteLog(pathlib.Path(sys.argv[1]), lambda: 0)\n"
        "log.create(bus_topics())\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))\n"
        "acked, failed = 0, 0\n"
        "while failed < 3:\n"
        "    try:\n        log.append('events', [NewRecord('events', b'k', b'x' * 20_000)])\n        acked += 1\n"
        "    except LogError as fault:\n        failed += 1\n        assert fault.retriable\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"
        "log.append('events', [NewRecord('events', b'k', b'x')])\n"
        "print(acked + 1, sum(1 for _ in log.read('events')))\n"
        "log.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "bus.db")], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    acked, there = map(int, done.stdout.split())
    assert acked == there > 5


@pytest.mark.parametrize("limit", [1_000, 4_096, 12_000])
def test_a_founding_without_space_says_so_and_is_done_again_later(tmp_path: Path, limit: int) -> None:
    script = (
        "import resource, sys, pathlib\n"
        "from bus.log.sqlite import SqliteLog\n"
        "from bus.log.faults import LogError\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.RLIM_INFINITY))\n"
        "try:\n    SqliteLog(pathlib.Path(sys.argv[1]), lambda: 0)\n"
        "except LogError as fault:\n    print(type(fault).__name__, fault.retriable)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "bus.db")], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["LogDiskError", "True"]
    made(tmp_path).close()


# --- damaged, foreign, newer ------------------------------------------------------------------------------------------


def damage_text(path: Path) -> None:
    path.write_text("this is no database, but long enough to look like one" * 10)


def damage_empty(path: Path) -> None:
    path.write_bytes(b"")


def damage_cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def damage_header(path: Path) -> None:
    path.write_bytes(bytes(100) + path.read_bytes()[100:])


def damage_tables(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100] + b"\x55" * (path.stat().st_size - 100))


def damage_foreign(path: Path) -> None:
    path.unlink()
    other = apsw.Connection(str(path))
    other.execute("CREATE TABLE t (a)")
    other.close()


def damage_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def damage_lost(path: Path) -> None:
    path.unlink()
    path.with_name("bus.db-wal").write_bytes(b"what was acknowledged last")


@pytest.mark.parametrize(
    "damage",
    [
        damage_text,
        damage_empty,
        damage_cut,
        damage_header,
        damage_tables,
        damage_foreign,
        damage_folder,
        damage_lost,
    ],
)
def test_what_is_no_sound_log_is_refused_and_left_as_it_is(tmp_path: Path, damage: object) -> None:
    path = tmp_path / "bus.db"
    log = made(tmp_path)
    log.append(EVENTS, new(EVENTS, *[b"x" * 5000] * 20))
    log.close()
    damage(path)  # type: ignore[operator]
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(LogDamagedError) as caught:
        made(tmp_path)
    assert "backup" in caught.value.advice
    assert not caught.value.retriable
    assert (path.read_bytes() if path.is_file() else None) == before


def test_damage_met_later_is_an_error_too(tmp_path: Path) -> None:
    path = tmp_path / "bus.db"
    log = made(tmp_path)
    log.append(EVENTS, new(EVENTS, *[b"x" * 5000] * 200))
    log.close()
    data = bytearray(path.read_bytes())
    data[60_000:] = b"\xaa" * (len(data) - 60_000)
    path.write_bytes(data)
    log = SqliteLog(path, lambda: NOW)
    with pytest.raises(LogDamagedError):
        values(log)
    log.close()


@pytest.mark.parametrize("gone", [(0,), (1,), (2,), (0, 1), (0, 1, 2)])
@pytest.mark.parametrize("topic", ["control", EVENTS])
def test_records_that_a_damaged_tree_no_longer_shows_are_damage(
    tmp_path: Path, topic: str, gone: tuple[int, ...]
) -> None:
    log = made(tmp_path)
    log.append(topic, new(topic, b"a", b"b", b"c"))
    log.close()
    connection = apsw.Connection(str(tmp_path / "bus.db"))
    number = int(str(connection.execute("SELECT number FROM topics WHERE name = ?", (topic,)).fetchall()[0][0]))
    connection.executemany("DELETE FROM records WHERE id = ?", [(number << 40 | offset,) for offset in gone])
    connection.close()
    log = SqliteLog(tmp_path / "bus.db", lambda: NOW)
    with pytest.raises(LogDamagedError):
        list(log.read(topic))
    reader = log.take("stage", [topic])
    with pytest.raises(LogDamagedError):
        reader.poll(10, 0)
    log.close()


@pytest.mark.parametrize("loss", ["DROP TABLE topics", "DROP TABLE owners", "ALTER TABLE topics DROP COLUMN last_ms"])
def test_a_log_without_its_tables_is_damaged(tmp_path: Path, loss: str) -> None:
    log = made(tmp_path)
    log.append(EVENTS, new(EVENTS, b"a"))
    log.close()
    connection = apsw.Connection(str(tmp_path / "bus.db"))
    connection.execute("PRAGMA foreign_keys=OFF")
    connection.execute(loss)
    connection.close()
    lacks = pytest.raises(LogDamagedError, match="expected all tables of a log")
    with lacks as caught, closing(SqliteLog(tmp_path / "bus.db", lambda: NOW)) as opened:
        opened.describe()
    assert "restore the home" in caught.value.advice


def test_a_log_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "bus.db"
    made(tmp_path).close()
    newer = apsw.Connection(str(path))
    newer.pragma("user_version", 99)
    newer.close()
    before = path.read_bytes()
    with pytest.raises(LogVersionError, match="99") as caught:
        made(tmp_path)
    assert "Update" in caught.value.advice
    assert path.read_bytes() == before


def test_an_interrupted_founding_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    for rest in ("", "-journal", "-wal"):
        (tmp_path / f".bus.db.new{rest}").write_bytes(b"half")
    log = made(tmp_path)
    log.append(EVENTS, new(EVENTS, b"a"))
    assert values(log) == [b"a"]
    log.close()
    assert {path.name for path in tmp_path.iterdir()} == {"bus.db", ".bus.db.lock"}


def test_a_network_file_system_is_refused() -> None:
    mounts = (
        "21 1 8:1 / / rw - ext4 /dev/sda rw\n"
        "22 21 0:40 / /mnt/team\\040share rw shared:1 - nfs4 server:/x rw\n"
        "23 22 0:41 / /mnt/team\\040share/local rw - tmpfs tmpfs rw\n"
    )
    with pytest.raises(LogPlaceError, match="nfs4"):
        check_place(Path("/mnt/team share/home/bus.db"), mounts)
    check_place(Path("/mnt/team share/local/bus.db"), mounts)
    check_place(Path("/mnt/teams/bus.db"), mounts)


# --- the write-ahead log ----------------------------------------------------------------------------------------------


def test_the_write_ahead_log_does_not_grow_for_ever(tmp_path: Path) -> None:
    log, other = made(tmp_path), made(tmp_path)
    ahead = tmp_path / "bus.db-wal"
    largest = 0
    for _ in range(60):
        for one in (log, other):
            one.append(EVENTS, new(EVENTS, *[b"x" * 1000] * 100))
        reading = log.read(EVENTS)
        next(reading)  # a reader that stops in the middle holds nothing open
        largest = max(largest, ahead.stat().st_size)
    assert largest < 3 * log_file.CHECKPOINT_PAGES * 4096 < 60 * 2 * 100 * 1000
    log.close()
    other.close()


def test_a_foreign_reader_that_stays_delays_the_write_ahead_log_but_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "RESTART_PAGES", 2000)
    log = made(tmp_path)
    ahead = tmp_path / "bus.db-wal"
    foreign = apsw.Connection(str(tmp_path / "bus.db"))
    foreign.execute("BEGIN; SELECT count(*) FROM records").fetchall()
    for _ in range(100):
        log.append(EVENTS, new(EVENTS, *[b"x" * 1000] * 100))
    assert ahead.stat().st_size > 2000 * 4096
    foreign.execute("COMMIT")
    foreign.close()
    at_most = ahead.stat().st_size + log_file.CHECKPOINT_PAGES * 4500
    for _ in range(100):
        log.append(EVENTS, new(EVENTS, *[b"x" * 1000] * 100))
    assert ahead.stat().st_size <= at_most
    assert len(values(log)) == 20_000
    log.close()


def test_readers_who_always_overlap_can_not_make_it_grow_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "RESTART_PAGES", 1500)
    log = made(tmp_path)
    log.append(EVENTS, new(EVENTS, b"a"))
    stop = threading.Event()

    def overlap() -> None:
        pair = [apsw.Connection(str(tmp_path / "bus.db")) for _ in range(2)]
        while not stop.is_set():
            pair[0].execute("BEGIN; SELECT count(*) FROM topics").fetchall()
            stop.wait(0.003)
            if pair[1].in_transaction:
                pair[1].execute("COMMIT")
            pair.reverse()
        for one in pair:
            one.close()

    reading = threading.Thread(target=overlap)
    reading.start()
    for _ in range(250):
        log.append(EVENTS, new(EVENTS, *[b"x" * 1000] * 100))
    stop.set()
    reading.join()
    # Restarted at 1,500 pages; on a loaded machine a reader may hold it for as long again, and again.
    assert (tmp_path / "bus.db-wal").stat().st_size < 4500 * 4096 < 250 * 100 * 1000
    log.close()


# --- interrupted upkeep -----------------------------------------------------------------------------------------------


def test_a_compaction_that_is_interrupted_brings_nothing_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "_CHUNK", 50)
    log = made(tmp_path)
    name = "delivered.fra"
    keys = [b"%d" % number for number in range(200)]
    log.append(name, [NewRecord(name, key, value) for value in (b"old", b"older than its end") for key in keys])
    log.append(name, [NewRecord(name, key, b"" if number % 2 else b"new") for number, key in enumerate(keys)])
    log.append(name, new(name, *[b"x"] * 500, key=b"head"))
    real = log._owners.keep_alive

    def interrupt() -> None:
        if next(calls) == stop:
            raise KeyboardInterrupt
        real()

    log._owners.keep_alive = interrupt  # type: ignore[method-assign]
    for stop in (11, 3, 6, 1000):
        calls = iter(range(1000))
        if stop == 1000:
            assert log.retain(NOW) > 0
        else:
            with pytest.raises(KeyboardInterrupt):
                log.retain(NOW)
        calls = iter(range(2000, 3000))
        left = {record.key: record.value for record in log.latest(name)}
        assert left.pop(b"head") == b"x"
        assert left == dict.fromkeys(keys[::2], b"new")
    assert sum(1 for _ in log.read(name)) == 101
    log.close()
