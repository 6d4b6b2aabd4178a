"""`tocsin backup` and `tocsin restore`: of one moment, whole or absent, and proved; whatever is altered is refused."""

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bus.client import Subscriber, open_publisher
from bus.clock import now_ms
from bus.config import Settings
from bus.home import Home, load_keys
from bus.home.whole import OccupiedError, whole_folder
from bus.log.sqlite import SqliteLog
from bus.log.topics import topic
from bus.operate.audit import AUDIT, audited
from bus.operate.backup import MANIFEST, back_up, read_manifest, restore
from bus.operate.backup.files import copied_files
from bus.operate.backup.inventory import topic_counts
from bus.operate.soundness import readers_ahead, verify_log
from bus.operate.soundness.finding import no_progress
from bus.operate.soundness.moment import moment_of
from bus.operate.soundness.receipts import digest_of
from bus.stages.run import Runner
from schemas.models import AuditedAct
from tests.support.command_line import Tocsin
from tests.support.damage import Vandal
from tests.support.homes import READERS, make_home
from tests.support.reports import reports

ROOT = Path(__file__).resolve().parents[2]
RECEIPTS = "receipts.aa"


def run(home: Home, log: SqliteLog, stop: threading.Event | None = None) -> None:
    key = load_keys(home, "bus")[-1]
    runner = Runner(log, pin=home.pin(), bus_key=key, settings=Settings())
    runner.run(until_idle=stop is None, stop=stop)


def publish(home: Home, agency: str, first: int, number: int) -> None:
    """Through the real publisher, with its memory and spool."""
    with closing(SqliteLog(home.log, now_ms)) as log, closing(open_publisher(home, log, agency, "field")) as publisher:
        done = publisher.publish(reports(first, number), "field")
        assert not done.refused


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = make_home(tmp_path_factory.mktemp("backup") / "home")
    for agency in ("aa", "bb"):
        publish(home, agency, 0, 12)
    with closing(SqliteLog(home.log, now_ms)) as log:
        run(home, log)
    return home


@pytest.fixture
def home(original: Home, tmp_path: Path) -> Home:
    shutil.copytree(original.path, tmp_path / "home")
    return Home.open(tmp_path / "home")


@pytest.fixture(scope="module")
def kept(original: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One backup, not to be changed."""
    folder = tmp_path_factory.mktemp("kept") / "backup"
    back_up(original, folder, now_ms)
    return folder


def test_what_is_restored_is_what_was_backed_up(original: Home, kept: Path, tmp_path: Path) -> None:
    done = restore(kept, tmp_path / "new", now_ms)
    assert done.home is not None, done.findings
    for path in (*original.keys.rglob("*.key"), original.config, original.path / "pin"):
        assert (done.home.path / path.relative_to(original.path)).read_bytes() == path.read_bytes()
    with closing(SqliteLog(original.log, now_ms)) as before, closing(SqliteLog(done.home.log, now_ms)) as after:
        [(_, act)] = audited(after)
        assert (act.act, act.note) == (AuditedAct.RESTORE, f"backup {done.manifest.digest}")
        for state in before.describe().topics:
            if state.name == AUDIT:
                continue
            assert list(after.read(state.name)) == list(before.read(state.name))
        cursors = {one.name: one.cursors for one in before.describe().owners}
        assert {one.name: one.cursors for one in after.describe().owners} == cursors


def test_a_restored_bus_goes_on(kept: Path, tmp_path: Path) -> None:
    home = restore(kept, tmp_path / "new", now_ms).home
    assert home is not None
    publish(home, "aa", 0, 20)  # eight of them new: the memory came back too
    with closing(SqliteLog(home.log, now_ms)) as log:
        before = log.end("outbox.bb")
        run(home, log)
        assert log.end("receipts.aa") <= 12 + 8 + 3  # what was refused before is sent again
        assert log.end("outbox.bb") > before
        for reader in READERS:
            Subscriber(log, reader, home.pin()).catch_up()
        assert verify_log(home, log).sound


def test_everything_in_a_backup_is_private(kept: Path) -> None:
    modes = {stat.S_IMODE(path.stat().st_mode) for path in kept.rglob("*") if path.is_file()}
    folders = {stat.S_IMODE(path.stat().st_mode) for path in (kept, *kept.rglob("*")) if path.is_dir()}
    assert (modes, folders) == ({0o600}, {0o700})
    assert not [path for path in kept.rglob("*") if path.name.startswith(".")]


def test_a_backup_holds_databases_whole_and_nothing_beside_them(kept: Path, tmp_path: Path) -> None:
    """A write-ahead log or its index would be of the moment when the copy was looked at."""
    restore(kept, tmp_path / "home", now_ms)
    databases = {path.name for path in (kept / "agencies").rglob("*.db*")}
    assert databases == {"publisher.db"}
    assert {path.name for path in (tmp_path / "home" / "agencies").rglob("*.db*")} == databases


def test_the_newest_key_is_the_newest_again(home: Home, tmp_path: Path) -> None:
    [key] = home.keys.glob("aa/*.key")
    other = key.with_name("zz.key")
    other.write_bytes(key.read_bytes())
    os.utime(other, (1, 1))
    back_up(home, tmp_path / "backup", now_ms)
    for path in (tmp_path / "backup").rglob("*.key"):  # a copy of the backup without its times
        os.utime(path)
    done = restore(tmp_path / "backup", tmp_path / "new", now_ms).home
    assert done is not None
    assert (done.keys / "aa" / "zz.key").stat().st_mtime == 1


def test_nothing_is_ever_overwritten(home: Home, kept: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "x").touch()
    (tmp_path / "file").touch()
    for name in ("there", "file", "missing/new"):
        with pytest.raises(OccupiedError):
            back_up(home, tmp_path / name, now_ms)
        with pytest.raises(OccupiedError):
            restore(kept, tmp_path / name, now_ms)
    with pytest.raises(OccupiedError):
        restore(kept, home.path, now_ms)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "home", "there"]
    (tmp_path / "empty").mkdir()
    assert restore(kept, tmp_path / "empty", now_ms).home is not None


# --- online -----------------------------------------------------------------------------------------------------------


def test_a_backup_of_a_bus_at_work_is_of_one_moment(home: Home, tmp_path: Path) -> None:
    """Publishers and the bus go on meanwhile: what a publisher has forgotten, the log of the backup holds."""
    stop, published = threading.Event(), threading.Event()

    def work() -> None:
        with closing(SqliteLog(home.log, now_ms)) as log:
            run(home, log, stop)

    def write() -> None:
        number = 100
        while not stop.is_set():
            publish(home, "aa", number, 3)
            number += 3
            published.set()

    threads = [threading.Thread(target=work), threading.Thread(target=write)]
    for thread in threads:
        thread.start()
    published.wait(20)
    try:
        for number in range(3):
            back_up(home, tmp_path / f"b{number}", now_ms)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    ends = []
    for number in range(3):
        done = restore(tmp_path / f"b{number}", tmp_path / f"h{number}", now_ms)
        assert done.home is not None, done.findings
        ends.append(_remembered_stands(done.home))
    assert ends == sorted(ends)
    assert ends[-1] > 12


def _remembered_stands(home: Home) -> int:
    """Every record that the publisher remembers is submitted, or in its spool; returns how many it remembers."""
    vandal = Vandal(home.publisher("aa"))
    digests = [bytes(one) for (one,) in vandal.sql("SELECT digest FROM record")]
    spooled = vandal.sql("SELECT count(*) FROM spool")[0][0]
    vandal.close()
    with closing(SqliteLog(home.log, now_ms)) as log:
        there = {digest_of(record.value) for record in log.read(topic("submissions", "aa"))}
        missing = [digest for digest in digests if digest.hex() not in there]
        assert len(missing) <= spooled
        run(home, log)
        assert verify_log(home, log).sound
    return len(digests)


def test_a_reader_that_takes_its_time_holds_no_backup_up(home: Home, tmp_path: Path) -> None:
    """It is in the middle of a transaction for as long as whoever it tells of a delivery works on it."""
    with Subscriber.open(home.path, "aa", name="map") as subscriber:
        told = iter(subscriber)
        next(told)
        back_up(home, tmp_path / "backup", now_ms)
        read = 1 + len(list(told))
    done = restore(tmp_path / "backup", tmp_path / "restored", now_ms)
    assert done.home is not None
    with closing(SqliteLog(done.home.log, now_ms)) as log:
        assert not readers_ahead(done.home, log)
    with Subscriber.open(done.home.path, "aa", name="map") as subscriber:
        assert len(list(subscriber)) == read  # what was not remembered yet is told again


def test_a_backup_that_is_killed_leaves_nothing_that_passes_for_one(home: Home, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    for delay_s in (0.0, 0.05, 0.15, 0.3):
        command = [str(Path(sys.executable).with_name("tocsin")), "backup", str(target), "--home", str(home.path)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while not (tmp_path / ".backup.partial").exists() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.001)
        time.sleep(delay_s)
        process.kill()
        process.wait()
        if target.exists():  # it was done before
            assert restore(target, tmp_path / f"h{delay_s}", now_ms).home is not None
            shutil.rmtree(target)
        else:
            assert (tmp_path / ".backup.partial").exists()
    back_up(home, target, now_ms)
    assert not (tmp_path / ".backup.partial").exists()
    assert restore(target, tmp_path / "new", now_ms).home is not None


def test_two_at_one_place_do_not_meet(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "new"), pytest.raises(Exception, match="right now"), whole_folder(tmp_path / "new"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_an_unsound_log_is_not_backed_up(home: Home, tmp_path: Path) -> None:
    vandal = Vandal(home.log)
    vandal.remove("events", 10)
    vandal.close()
    with pytest.raises(Exception, match="events at offset 10"):
        back_up(home, tmp_path / "backup", now_ms)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


# --- refused ----------------------------------------------------------------------------------------------------------


def lose_a_key(folder: Path) -> str:
    [key] = (folder / "keys" / "root").glob("*.key")
    key.unlink()
    return key.relative_to(folder).as_posix()


def add_a_file(folder: Path) -> str:
    (folder / "keys" / "extra.key").write_text("x")
    return "keys/extra.key"


def cut_the_log(folder: Path) -> str:
    os.truncate(folder / "bus.db", (folder / "bus.db").stat().st_size - 4096)
    return "bus.db"


def change_a_bit(folder: Path) -> str:
    path = folder / "agencies" / "aa" / "publisher.db"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    return "agencies/aa/publisher.db"


def _with_manifest(folder: Path, change: Callable[[dict[str, object]], None]) -> None:
    said = json.loads((folder / MANIFEST).read_text())
    change(said)
    (folder / MANIFEST).write_text(json.dumps(said))


def claim_more_records(folder: Path) -> str:
    _with_manifest(folder, lambda said: said["topics"][8].update(records=999))  # type: ignore[index]
    return str(read_manifest(folder).topics[8].name)


def claim_another_head(folder: Path) -> str:
    _with_manifest(folder, lambda said: said["outboxes"][0].update(sequence=999))  # type: ignore[index]
    return "aa"


def name_a_file_twice(folder: Path) -> str:
    _with_manifest(folder, lambda said: said["files"].append(said["files"][0]))  # type: ignore[attr-defined,index]
    return read_manifest(folder).files[0].path


def another_pin(folder: Path) -> str:
    """The home would trust another bus than the one that was proved."""
    (folder / "pin").write_text("0" * 64 + "\n")
    files = [one.model_dump() for one in copied_files(folder)]
    _with_manifest(folder, lambda said: said.update(files=files))
    return "pin"


def a_log_that_was_forged(folder: Path) -> str:
    """A receipt was taken out, and the manifest made to fit: the log itself does not."""
    vandal = Vandal(folder / "bus.db")
    vandal.sql(
        "DELETE FROM records WHERE id = (SELECT max(id) FROM records WHERE id >> 40 = ?)", vandal.number(RECEIPTS)
    )
    vandal.sql("UPDATE topics SET next = next - 1 WHERE name = ?", RECEIPTS)
    vandal.close()
    for path in folder.glob("bus.db-*"):
        path.unlink()
    with closing(SqliteLog(folder / "bus.db", now_ms)) as log:
        topics = [one.model_dump() for one in topic_counts(log, moment_of(log), no_progress)]
    (folder / ".bus.db.lock").unlink()
    files = [one.model_dump() for one in copied_files(folder)]
    _with_manifest(folder, lambda said: said.update(files=files, topics=topics))
    return RECEIPTS


@pytest.mark.parametrize(
    "damage",
    [
        lose_a_key,
        add_a_file,
        cut_the_log,
        change_a_bit,
        claim_more_records,
        claim_another_head,
        name_a_file_twice,
        another_pin,
        a_log_that_was_forged,
    ],
)
def test_what_is_not_as_it_was_is_refused_with_its_place(
    kept: Path, tmp_path: Path, damage: Callable[[Path], str]
) -> None:
    folder = tmp_path / "backup"
    shutil.copytree(kept, folder)
    place = damage(folder)
    done = restore(folder, tmp_path / "new", now_ms)
    assert done.home is None
    assert any(one.place.startswith(place) for one in done.findings), done.findings
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup"]


def test_a_folder_without_a_manifest_is_no_backup(kept: Path, tmp_path: Path) -> None:
    bus = Tocsin(tmp_path / "new")
    folder = tmp_path / "backup"
    shutil.copytree(kept, folder)
    (folder / MANIFEST).unlink()
    done = bus("restore", str(folder))
    assert done.code == 2
    assert "no backup" in done.err
    (folder / MANIFEST).write_text("{}")
    assert bus("restore", str(folder)).code == 3
    assert not (tmp_path / "new").exists()


# --- the commands -----------------------------------------------------------------------------------------------------


def test_the_commands_say_what_is_proved_and_what_to_do(home: Home, tmp_path: Path) -> None:
    bus, folder = Tocsin(home.path), tmp_path / "backup"
    made = bus.json("backup", str(folder))
    assert made["verified"] is True
    assert made["outboxes"].keys() == set(READERS)
    assert bus("backup", str(folder)).code == 2
    other = Tocsin(tmp_path / "new")
    refused = other("restore", str(folder), "--digest", "0" * 64)
    assert (refused.code, (tmp_path / "new").exists()) == (1, False)
    assert made["digest"] in refused.out
    done = other.ok("restore", str(folder), "--digest", made["digest"])
    assert done.out.count("  ok  ") == 7
    assert "resync" in done.out
    assert "publish again" in done.out
    again = Tocsin(tmp_path / "third").json("restore", str(folder))
    assert again["restored"] is True
    assert again["checked"]["signatures"] > 24
    other.ok("log", "verify")
