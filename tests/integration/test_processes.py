"""Ingest in processes of its own: they share the shards, are heard, started anew, and end with whoever started them."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from bus.clock import now_ms
from bus.config import Settings
from bus.home import Home, load_keys
from bus.log.faults import Owned
from bus.log.sqlite import SqliteLog
from bus.metrics import Metrics
from bus.stages.authority import serve_authority
from bus.stages.processes import ChildError
from bus.stages.run import Runner
from bus.stages.shards import Shards
from bus.stages.stage import Stage
from bus.stages.worker import Worker
from bus.trust.keys import SigningKey
from tests.support.homes import READERS, make_home, submissions, submit, writer

APART = Settings(ingest_workers=2)
SETTINGS = Settings()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return make_home(tmp_path / "home")


@pytest.fixture
def log(home: Home) -> Iterator[SqliteLog]:
    log = SqliteLog(home.log, now_ms)
    yield log
    log.close()


@pytest.fixture(autouse=True)
def _always_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bus.stages.processes.WORTH", 1)


def fill(log: SqliteLog, home: Home, number: int, seed: int = 1) -> None:
    for agency, envelope in islice(submissions(writer(home, seed)), number):
        submit(log, agency, envelope)


def runner(home: Home, log: SqliteLog, metrics: Metrics | None = None, key: SigningKey | None = None) -> Runner:
    bus_key = key or load_keys(home, "bus")[-1]
    return Runner(log, pin=home.pin(), bus_key=bus_key, settings=APART, home=home.path, metrics=metrics)


@contextmanager
def running(home: Home, log: SqliteLog) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=lambda: runner(home, log).run(stop=stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "in time"
        time.sleep(0.02)


def receipts(log: SqliteLog) -> int:
    return sum(log.end(f"receipts.{name}") for name in READERS)


def holders(log: SqliteLog, prefix: str) -> dict[str, str]:
    found = log.describe().owners
    return {owner.name: owner.holder for owner in found if owner.name.startswith(prefix) and owner.holder}


def number(holder: str) -> int:
    return int(holder.removeprefix("process "))


def test_processes_judge_all_and_their_metrics_are_the_bus_s_own(home: Home, log: SqliteLog) -> None:
    fill(log, home, 60)
    registry = CollectorRegistry()
    runner(home, log, Metrics(registry, "0")).run(until_idle=True)
    judged = [registry.get_sample_value("tocsin_submissions_total", {"agency": name}) for name in READERS]
    assert sum(one or 0 for one in judged) == 60 == receipts(log)
    assert registry.get_sample_value("tocsin_stage_seconds_count", {"stage": "ingest"})
    assert log.end("outbox.aa")
    assert holders(log, "") == {}, "nobody holds anything behind it"
    outbox = log.end("outbox.aa")
    runner(home, log).run(until_idle=True)
    assert log.end("outbox.aa") == outbox, "nothing twice"


def test_a_killed_process_is_replaced_and_its_shards_are_served_on(home: Home, log: SqliteLog) -> None:
    with running(home, log):
        until(lambda: len(holders(log, "ingest-")) == len(READERS) + 1)
        victim = next(iter(set(holders(log, "ingest-").values())))
        assert number(victim) != os.getpid()
        os.kill(number(victim), signal.SIGKILL)
        fill(log, home, 40)
        until(lambda: receipts(log) == 40)
        until(lambda: len(set(holders(log, "worker-").values()) - {victim}) == 2)
    assert holders(log, "") == {}


def test_what_ends_a_process_for_good_ends_the_bus_with_that_cause(home: Home, log: SqliteLog) -> None:
    home.config.write_text("no_such_setting = 1\n")
    with pytest.raises(ChildError, match="no_such_setting") as fault:
        runner(home, log).run()
    assert fault.value.advice
    assert holders(log, "") == {}


def test_a_second_bus_is_told_before_it_starts_anything(home: Home, log: SqliteLog) -> None:
    with running(home, log):
        until(lambda: len(holders(log, "ingest-")) == len(READERS) + 1)
        before = {one.name: one.epoch for one in log.describe().owners if one.name != "correlate-0"}
        other = SqliteLog(home.log, now_ms)
        try:
            with pytest.raises(Owned, match="correlate-0 is owned by process"):
                runner(home, other).run(until_idle=True)
        finally:
            other.close()
        assert {one.name: one.epoch for one in log.describe().owners if one.name != "correlate-0"} == before


def test_children_end_when_their_parent_is_killed(home: Home, log: SqliteLog) -> None:
    program = (
        "import sys; from pathlib import Path; from bus.stages.processes import Processes\n"
        "with Processes(Path(sys.argv[1]), 2, None, until_idle=False) as children:\n"
        "    while children.watch(): pass\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, str(home.path)])
    try:
        until(lambda: len(holders(log, "worker-")) == 2)
    finally:
        parent.kill()
        parent.wait()
    until(lambda: holders(log, "") == {})


class Member:
    """One process's share, as two of them have in one here: each with a log of its own."""

    def __init__(self, home: Home) -> None:
        self.log = SqliteLog(home.log, now_ms)
        self.shards = Shards(
            self.log,
            pin=home.pin(),
            pool=None,
            settings=SETTINGS,
            clock_ms=now_ms,
            worker=self.worker,
            until_idle=False,
        )

    def worker(self, stage: Stage) -> Worker:
        return Worker(self.log, stage, settings=SETTINGS, clock_ms=now_ms)

    def close(self) -> None:
        self.shards.release()
        self.log.close()


def test_shares_are_even_whoever_comes_first_and_one_that_goes_leaves_its_own(
    home: Home, log: SqliteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bus.stages.shards.LOOK_S", 0.0)
    serve_authority(log, pin=home.pin(), settings=SETTINGS, clock_ms=now_ms)
    first = Member(home)
    while first.shards.turn():
        pass
    assert len(holders(log, "ingest-")) == len(READERS) + 1, "one alone serves all"
    second = Member(home)
    try:
        for _ in range(6):
            first.shards.turn()
            second.shards.turn()
        assert len(second.shards.names) == len(READERS) // 2
        assert len(first.shards.names) == len(READERS) // 2 + 1, "with the authority's"
        assert set(first.shards.names) | set(second.shards.names) == {"authority", *READERS}
        first.close()
        second.shards.turn()
        assert set(second.shards.names) == {"authority", *READERS}
    finally:
        second.close()


def test_an_order_of_agencies_makes_no_member_hungry(home: Home, log: SqliteLog) -> None:
    members = [Member(home) for _ in range(3)]
    chance = random.Random(4)
    try:
        fill(log, home, 30)
        for _ in range(60):
            chance.choice(members).shards.turn()
        assert receipts(log) == 30
    finally:
        for member in members:
            member.close()
