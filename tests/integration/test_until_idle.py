"""Until nothing is left to do: also where the machine is slow."""

from itertools import islice
from pathlib import Path

import pytest

from bus.clock import now_ms
from bus.config import Settings
from bus.log.sqlite import SqliteLog
from bus.operate.keys import HomeKeys
from bus.stages import shards
from bus.stages.run import Runner
from tests.support.homes import READERS, make_home, submissions, submit, writer


def test_all_shards_are_taken_however_long_the_look_at_them_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "TAKING_S", 0.0)
    home = make_home(tmp_path / "home")
    log = SqliteLog(home.log, now_ms)
    try:
        for agency, envelope in islice(submissions(writer(home, 1)), 20):
            submit(log, agency, envelope)
        pin, key = home.pin(), HomeKeys(home)
        Runner(log, pin=pin, bus_key=key, settings=Settings(), clock_ms=now_ms).run(until_idle=True)
        read = {name: cursor for owner in log.describe().owners for name, cursor in owner.cursors.items()}
        for topic in [*(f"submissions.{agency}" for agency in READERS), "events"]:
            assert read.get(topic, 0) == log.end(topic), topic
    finally:
        log.close()
