"""`kill -9` of `tocsin run` at many moments with work pending: nothing acknowledged is lost, nothing comes twice.

The count afterwards is independent: what was acknowledged is known to this test alone, and what should have been
delivered is computed from `events` by the naive oracle.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from bus.client import Subscriber
from bus.clock import now_ms
from bus.home import Home, load_keys
from bus.log.protocol import Log
from bus.log.sqlite import SqliteLog
from bus.log.topics import topic
from bus.trust import frame
from schemas.codec import decode_trusted
from schemas.models import Verdict
from schemas.registry import newest
from tests.support.homes import READERS, make_home, submissions, submit, writer
from tests.support.oracle import Oracle
from tests.support.oracle_prefix import open_accepted
from tests.support.orders import is_authors

ROOT = Path(__file__).resolve().parents[2]
PLANTED = [("before", 1), ("before", 3), ("before", 4), ("before", 6), *(("within", n) for n in (1, 2, 3, 5, 7))]
PLANTED += [("after", n) for n in (1, 2, 3, 5, 6)]
"""Where the process kills itself, at which commit with outputs: `before` and `within` lie before its end."""
FROM_OUTSIDE = 8
"""How often it is killed at a moment that it knows nothing of."""


def start(home: Home, where: str, commit: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.support.run_worker", str(home.path), where, str(commit)]
    few = os.environ | {"TOCSIN_BATCH_RECORDS": "2", "TOCSIN_HOME": str(home.path)}
    return subprocess.Popen(command, cwd=ROOT, env=few, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def receipts(log: Log) -> list[dict[str, object]]:
    names = [topic("receipts", agency) for agency in READERS]
    return [decode_trusted(newest("receipt"), record.value) for name in names for record in log.read(name)]


def is_pending(log: Log, acknowledged: int) -> bool:
    """Whether there is something left to judge or to deliver."""
    cursors = {owner.name: owner.cursors for owner in log.describe().owners}
    return len(receipts(log)) < acknowledged or cursors["correlate-0"]["events"] < log.end("events")


def kill_at_random(process: subprocess.Popen[bytes], log: Log, chance: random.Random) -> None:
    """Wait for a first sign of work, then for some milliseconds more, and kill."""
    ends = log.end("events")
    while process.poll() is None and log.end("events") == ends:
        time.sleep(0.002)
    time.sleep(chance.uniform(0, 0.06))
    process.kill()
    process.wait()


@pytest.mark.slow
def test_a_bus_that_is_killed_again_and_again_keeps_all_and_repeats_nothing(tmp_path: Path) -> None:
    home, chance = make_home(tmp_path / "home"), random.Random(20)
    log = SqliteLog(home.log, now_ms)
    written: Iterator[tuple[str, frame.Envelope]] = submissions(writer(home, 20))
    acknowledged: list[bytes] = []
    moments = PLANTED + [("never", 0)] * FROM_OUTSIDE
    chance.shuffle(moments)
    killed = 0
    for where, commit in moments:
        for agency, envelope in islice(written, 14 if where == "never" else 6):
            submit(log, agency, envelope)
            acknowledged.append(envelope.digest)
        process = start(home, where, commit)
        if where == "never":
            kill_at_random(process, log, chance)
        said = process.communicate(timeout=60)[1]
        if where != "never" or process.returncode:
            assert process.returncode == -signal.SIGKILL, said
            assert is_pending(log, len(acknowledged))
            killed += 1
    assert killed >= 20
    last = start(home, "never", 0)
    said = last.communicate(timeout=120)[1]
    assert last.returncode == 0, said.decode()[-2000:]
    assert not is_pending(log, len(acknowledged))
    assert_every_submission_is_judged_once(log, acknowledged)
    assert_every_delivery_is_made_once(home, log)
    log.close()


def assert_every_submission_is_judged_once(log: Log, acknowledged: list[bytes]) -> None:
    judged = receipts(log)
    assert sorted(str(one["digest"]) for one in judged) == sorted(digest.hex() for digest in acknowledged)
    accepted = [str(one["digest"]) for one in judged if one["verdict"] == Verdict.ACCEPTED]
    assert len(accepted) > 0.8 * len(acknowledged), Counter(one["reason"] for one in judged)
    stand = Counter(
        open_accepted(record.value).envelope.digest.hex() for record in log.read("events") if is_authors(record.value)
    )
    assert stand == Counter(accepted)
    refused = sum(1 for agency in READERS for _ in log.read(topic("rejected", agency)))
    assert refused == len(acknowledged) - len(accepted)


def assert_every_delivery_is_made_once(home: Home, log: Log) -> None:
    [bus_key] = load_keys(home, "bus")
    oracle = Oracle(home.pin(), bus_key)
    for record in log.read("events"):
        oracle.step(record.offset, record.value)
    delivered = {name: [record.value for record in log.read(topic("outbox", name))] for name in READERS}
    assert all(delivered.values())
    for name in READERS:
        assert delivered[name] == oracle.pictures[name].outbox
        Subscriber(log, name, home.pin()).catch_up()
