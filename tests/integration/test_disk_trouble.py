"""A disk that is full, fails or is read-only under a bus at work: it acknowledges nothing then, and resumes by itself.

The running bus, the publisher and the log are the real ones. Their disk is one that fails on demand, or a small file
system that is really full.
"""

import logging
import os
import random
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self

import apsw
import pytest
from prometheus_client import CollectorRegistry

from bus.client import Patience, SpooledError, Subscriber, open_publisher
from bus.client.receipts import read_receipts
from bus.clock import now_ms
from bus.config import Settings
from bus.home import DiskFullError, Home, load_keys
from bus.log.faults import LogError
from bus.log.protocol import NewRecord
from bus.log.sqlite import SqliteLog, file
from bus.log.topics import topic
from bus.metrics import Metrics
from bus.operate.soundness import verify_log
from bus.stages.run import Runner
from schemas.models import Verdict
from tests.support.faulty_disk import FaultyDisk
from tests.support.homes import READERS, make_home
from tests.support.reports import reports

FEED = "field"
IMPATIENT = Patience(0.0)
SOON_S = 20.0


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return make_home(tmp_path_factory.mktemp("trouble") / "home")


@pytest.fixture
def home(founded: Home, tmp_path: Path) -> Home:
    shutil.copytree(founded.path, tmp_path / "home")
    return Home.open(tmp_path / "home")


@pytest.fixture
def disk() -> Iterator[FaultyDisk]:
    layer = FaultyDisk("trouble")
    yield layer
    layer.fault = None
    layer.unregister()


class Bus:
    """A bus that runs in a thread, and what it says of itself."""

    def __init__(self, home: Home, log: SqliteLog, disk: FaultyDisk | None = None) -> None:
        self.home, self.log, self.disk = home, log, disk
        self.registry = CollectorRegistry()
        self.fault: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.disk is not None:
            self.disk.fault = None
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        [key] = load_keys(self.home, "bus")
        settings = Settings(batch_records=2, tick_interval_s=1)
        runner = Runner(
            self.log, pin=self.home.pin(), bus_key=key, settings=settings, metrics=Metrics(self.registry, "test")
        )
        try:
            runner.run(stop=self._stop)
        except BaseException as fault:  # noqa: BLE001 - the test looks at it
            self.fault = fault

    @property
    def faults(self) -> float:
        """How many stages' last turns failed, as the metrics say."""
        return sum(
            sample.value
            for one in self.registry.collect()
            if one.name == "tocsin_stage_faults"
            for sample in one.samples
        )

    def wait_until_well(self) -> None:
        """Until neither a stage nor the log's upkeep is in trouble."""
        until = time.monotonic() + SOON_S
        while time.monotonic() < until and (self.faults or self.log.describe().trouble):
            time.sleep(0.05)
        assert (self.faults, self.log.describe().trouble) == (0, None)

    def wait_for(self, receipts: int) -> None:
        """Until so many submissions of `aa` are judged, and correlate has read all."""
        until = time.monotonic() + SOON_S
        while time.monotonic() < until:
            assert self._thread.is_alive(), self.fault
            state = {one.name: one.cursors for one in self.log.describe().owners}
            read = state.get("correlate-0", {}).get("events", 0)
            if self.log.end("receipts.aa") >= receipts and read >= self.log.end("events") - 1:
                return
            time.sleep(0.02)
        pytest.fail(f"the bus did not go on: {self.log.end('receipts.aa')} of {receipts} judged, {self.fault}")


def assert_nothing_is_lost_or_doubled(home: Home, published: int) -> None:
    with closing(SqliteLog(home.log, now_ms)) as log:
        found = verify_log(home, log)
        assert found.sound, found.findings
        judged = Counter(receipt.digest for _, receipt in read_receipts(log, "aa"))
        ids = {receipt.id for _, receipt in read_receipts(log, "aa")}
        accepted = Counter(receipt.id for _, receipt in read_receipts(log, "aa") if receipt.verdict is Verdict.ACCEPTED)
        assert ids == {f"test:{number}" for number in range(published)}
        assert set(accepted.values()) == {1}
        assert set(judged.values()) == {1}
        for reader in READERS:
            Subscriber(log, reader, home.pin()).catch_up()
            assert log.end(topic("outbox", reader)) >= len(accepted)


FAULTS = [
    pytest.param(apsw.FullError("full"), "write", id="full"),
    pytest.param(apsw.IOError("EIO"), "write", id="EIO at a write"),
    pytest.param(apsw.IOError("EIO"), "sync", id="EIO at a sync"),
    pytest.param(apsw.ReadOnlyError("read-only"), "write", id="read-only"),
]


@pytest.mark.parametrize(("fault", "on"), FAULTS)
def test_bus_and_publisher_stop_say_why_and_go_on(
    home: Home, disk: FaultyDisk, fault: Exception, on: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    log, its = SqliteLog(home.log, now_ms, vfs="trouble", lease_s=1.0), SqliteLog(home.log, now_ms, vfs="trouble")
    with closing(log), closing(its), Bus(home, log, disk) as bus:
        with closing(open_publisher(home, its, "aa", FEED, patience=IMPATIENT)) as publisher:
            publisher.publish(reports(0, 4), FEED)
            bus.wait_for(4)
            disk.fault, disk.fault_on = fault, on
            with pytest.raises(SpooledError) as caught:
                publisher.publish(reports(0, 8), FEED)
            assert "4 signed records wait" in str(caught.value)
            assert its.end("submissions.aa") == 4
            time.sleep(1.5)  # longer than a lease, and than a tick's interval
            assert bus.fault is None
            assert bus.faults > 0
            assert any(str(home.log) in line for line in caplog.messages), caplog.messages
            with pytest.raises(LogError) as said:
                its.append("audit", [NewRecord("audit", b"k", b"v")])
            assert said.value.advice
            disk.fault = None
            publisher.resume()
        bus.wait_for(8)
        bus.wait_until_well()
    assert_nothing_is_lost_or_doubled(home, 8)


def test_a_disk_that_fails_at_any_moment_loses_and_doubles_nothing(
    home: Home, disk: FaultyDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a publish, of ingest, of correlate, of a checkpoint, of upkeep: wherever the n-th call falls."""
    monkeypatch.setattr(file, "CHECKPOINT_PAGES", 16)
    chance = random.Random(7)
    log, its = SqliteLog(home.log, now_ms, vfs="trouble", lease_s=1.0), SqliteLog(home.log, now_ms, vfs="trouble")
    real = disk.done
    left = 0

    def countdown(what: str, name: str, place: int = 0, data: bytes = b"") -> None:
        nonlocal left
        left -= what == disk.fault_on
        if left <= 0:
            real(what, name, place, data)

    disk.done = countdown  # type: ignore[method-assign,assignment]
    published, hit = 0, 0
    with (
        closing(log),
        closing(its),
        Bus(home, log, disk) as bus,
        closing(open_publisher(home, its, "aa", FEED, patience=IMPATIENT)) as publisher,
    ):
        for number in range(14):
            fault, on = FAULTS[number % len(FAULTS)].values
            left = chance.randint(1, 60 if on == "write" else 6)
            disk.failed, disk.fault_on, disk.fault = 0, str(on), fault  # type: ignore[assignment]
            published += 3
            hit += fails(lambda: publisher.publish(reports(0, published), FEED))  # noqa: B023 - called at once
            if number % 3 == 0:
                fails(lambda: log.retain(now_ms()))
            until = time.monotonic() + 2
            while not disk.failed and time.monotonic() < until:
                time.sleep(0.01)
            assert disk.failed
            time.sleep(chance.uniform(0, 0.2))
            disk.fault = None
            publisher.resume()
            bus.wait_for(its.end("submissions.aa"))
        publisher.publish(reports(0, published), FEED)
        bus.wait_for(its.end("submissions.aa"))
    assert 0 < hit < 14
    assert_nothing_is_lost_or_doubled(home, published)


def fails(act: Callable[[], object]) -> bool:
    """Do it; whether it failed, as what trying again can mend does."""
    try:
        act()
    except (LogError, SpooledError) as fault:
        if not fault.retriable:
            raise
        return True
    return False


@contextmanager
def small_file_system(folder: Path, size_kib: int) -> Iterator[None]:
    """A file system of its own with so much space, where this user may mount one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_kib}k,mode=700", "tmpfs", str(folder)]
    done = subprocess.run(mount, check=False, capture_output=True, text=True) if os.geteuid() == 0 else None
    if done is None or done.returncode:
        pytest.skip("a small file system can't be mounted here: that needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, capture_output=True)


def fill(ballast: Path) -> None:
    """Take all the space that is left."""
    with ballast.open("wb", buffering=0) as filling:
        while filling.write(bytes(4096)):
            pass


def test_a_file_system_that_is_really_full_and_then_has_space_again(founded: Home, tmp_path: Path) -> None:
    with small_file_system(tmp_path / "small", 8192):
        shutil.copytree(founded.path, tmp_path / "small" / "home")
        home, ballast, published = Home.open(tmp_path / "small" / "home"), tmp_path / "small" / "ballast", 0
        log, its = SqliteLog(home.log, now_ms, lease_s=1.0), SqliteLog(home.log, now_ms)
        with (
            closing(log),
            closing(its),
            Bus(home, log) as bus,
            closing(open_publisher(home, its, "aa", FEED, patience=IMPATIENT)) as publisher,
        ):
            for _ in range(2):
                with pytest.raises(OSError, match="space"):
                    fill(ballast)
                said = ""
                for _ in range(40):  # until what write-ahead logs have in hand is used up too
                    published += 3
                    try:
                        publisher.publish(reports(0, published), FEED)
                    except (SpooledError, DiskFullError) as fault:
                        said = str(fault)
                        break
                assert "no space is left" in said
                time.sleep(1.2)
                assert bus.fault is None
                ballast.unlink()
                publisher.publish(reports(0, published), FEED)
                bus.wait_for(its.end("submissions.aa"))
                bus.wait_until_well()
        assert_nothing_is_lost_or_doubled(home, published)
