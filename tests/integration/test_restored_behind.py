"""A restored home is behind what its publishers and readers remember: both notice, and all is mended."""

import logging
import shutil
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from bus.client import Publication, Subscriber, open_publisher, open_subscriber
from bus.client.chain import OlderOutboxError
from bus.client.publication import Outcome
from bus.client.receipts import read_receipts
from bus.clock import now_ms
from bus.config import Settings
from bus.home import Home, load_keys
from bus.log.sqlite import SqliteLog
from bus.operate.backup import back_up, restore
from bus.operate.soundness import verify_log
from bus.stages.run import Runner
from schemas.models import Verdict
from tests.support.command_line import Tocsin
from tests.support.homes import make_home
from tests.support.reports import reports

FEED = "field"
BEFORE, AFTER = 6, 12


def run(home: Home) -> None:
    [key] = load_keys(home, "bus")
    with closing(SqliteLog(home.log, now_ms)) as log:
        Runner(log, pin=home.pin(), bus_key=key, settings=Settings()).run(until_idle=True)


def publish(home: Home, number: int, first: int = 0) -> Publication:
    with closing(SqliteLog(home.log, now_ms)) as log, closing(open_publisher(home, log, "aa", FEED)) as publisher:
        return publisher.publish(reports(first, number), FEED)


def retract(home: Home, record_id: str) -> Publication:
    with closing(SqliteLog(home.log, now_ms)) as log, closing(open_publisher(home, log, "aa", FEED)) as publisher:
        return publisher.retract("event", FEED, [record_id], "ERROR")


def read(home: Home, reader: str) -> int:
    """What the reader is given now: how many deliveries."""
    with (
        closing(SqliteLog(home.log, now_ms)) as log,
        closing(open_subscriber(home, log, reader, name="main")) as subscriber,
    ):
        return sum(1 for _ in subscriber.poll())


def accepted(home: Home) -> Counter[tuple[str | None, str | None]]:
    with closing(SqliteLog(home.log, now_ms)) as log:
        return Counter((one.kind, one.id) for _, one in read_receipts(log, "aa") if one.verdict is Verdict.ACCEPTED)


@pytest.fixture
def worlds(tmp_path: Path) -> tuple[Home, Home]:
    """A home that went on after its backup, and the home restored from it, with what the agencies remember of all."""
    home = make_home(tmp_path / "home")
    publish(home, BEFORE)
    run(home)
    assert read(home, "bb") > 0
    back_up(home, tmp_path / "backup", now_ms)
    publish(home, AFTER)
    run(home)
    retract(home, "test:1")
    run(home)
    assert read(home, "bb") > 0
    restored = restore(tmp_path / "backup", tmp_path / "new", now_ms).home
    assert restored is not None
    shutil.rmtree(restored.agencies)
    shutil.copytree(home.agencies, restored.agencies)
    return home, restored


def test_a_publisher_sends_again_what_the_restored_log_lacks_and_nothing_else(
    worlds: tuple[Home, Home], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    lived, restored = worlds
    before = accepted(restored)
    done = publish(restored, AFTER)
    assert "was restored" in caplog.text
    lacking = sum(1 for kind, _ in accepted(lived) - before if kind == "event")
    assert lacking > 0
    unchanged = done.count(Outcome.UNCHANGED)
    assert (unchanged, done.count(Outcome.AMENDED)) == (sum(1 for kind, _ in before if kind == "event"), 0)
    assert done.sent == AFTER - unchanged
    run(restored)
    again = retract(restored, "test:1")
    assert again.sent == 1
    run(restored)
    assert accepted(restored) == accepted(lived)
    assert set(accepted(restored).values()) == {1}
    with closing(SqliteLog(restored.log, now_ms)) as log:
        found = verify_log(restored, log)
        assert found.sound, found.findings
    caplog.clear()
    assert publish(restored, AFTER).count(Outcome.UNCHANGED) > 0
    assert "was restored" not in caplog.text


def test_a_publisher_notices_also_when_the_restored_log_has_grown_past_what_it_read(worlds: tuple[Home, Home]) -> None:
    """By other reports of its agency, from another machine."""
    lived, restored = worlds
    own = restored.publisher("aa")
    own.rename(own.with_suffix(".kept"))
    publish(restored, 2 * AFTER, first=100)
    run(restored)
    for path in own.parent.glob("publisher.db*"):
        path.unlink()
    own.with_suffix(".kept").rename(own)
    done = publish(restored, AFTER)
    assert done.count(Outcome.NEW) >= AFTER - BEFORE
    assert done.count(Outcome.UNCHANGED) > 0
    run(restored)
    assert set(accepted(restored).values()) == {1}
    assert accepted(restored).keys() >= {key for key in accepted(lived) if key[0] == "event"}


def test_a_reader_that_had_read_further_says_so_and_does_not_wait_in_silence(worlds: tuple[Home, Home]) -> None:
    _, restored = worlds
    with pytest.raises(OlderOutboxError, match="restored") as caught:
        read(restored, "bb")
    assert "resync" in caught.value.advice
    publish(restored, AFTER)
    run(restored)
    with pytest.raises(OlderOutboxError):  # also when the outbox has grown past what it had
        read(restored, "bb")


def test_by_the_commands_alone_all_is_well_again(worlds: tuple[Home, Home]) -> None:
    lived, restored = worlds
    bus = Tocsin(restored.path)
    told = bus("log", "verify", "--quick")
    assert told.code == 1
    assert "agencies/bb/reader.main.db: " in told.out
    assert "tocsin resync --as bb --reader main" in told.out
    assert "the log is sound" in told.out
    publish(restored, AFTER)
    retract(restored, "test:1")
    run(restored)
    bus.ok("resync", "--as", "bb", "--reader", "main")
    bus.ok("log", "verify")
    assert read(restored, "bb") == 0
    events = [{one["ref"] for one in Tocsin(home.path).items("events", "ls", "--as", "bb")} for home in worlds]
    assert events[0] == events[1] != set()
    assert lived.path != restored.path


def test_a_reader_that_was_behind_the_backup_notices_nothing(worlds: tuple[Home, Home]) -> None:
    _, restored = worlds
    with closing(SqliteLog(restored.log, now_ms)) as log:
        Subscriber(log, "cc", restored.pin()).catch_up()
    publish(restored, AFTER)
    run(restored)
    assert read(restored, "cc") > 0
