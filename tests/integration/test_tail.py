"""Records of a topic as they come: what they are, no content unless asked for, nothing that steers a terminal."""

import json
import signal
import threading
from pathlib import Path
from queue import Empty, Queue
from typing import IO

import pytest

from bus.log.protocol import NewRecord
from bus.operate.tail import Skipped, Wanted, follow
from tests.support.command_line import Tocsin
from tests.support.exercise import publish_radio
from tests.support.running import running

HOSTILE = "CANARY\u202etxet\u001b[2J"
SUBMISSIONS = "submissions.alpha"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Tocsin:
    """Every topic holds something; the place of one report is hostile, and one submission is poison."""
    bus = Tocsin(tmp_path_factory.mktemp("played") / "home")
    bus.ok("init")
    bus.ok("agency", "add", "alpha", "--realm", "VIGIL", "--realm", "REAL")
    publish_radio(bus, HOSTILE)
    bus.ok("heartbeat", "--as", "alpha", "--feed", "reports")
    with bus.log() as log:
        log.append(SUBMISSIONS, [NewRecord(SUBMISSIONS, b"\x1b[2J", b"\x1b[2J CANARY")])
    bus.ok("run", "--until-idle")
    bus.ok("quarantine", "drop", "--all", "--because", "no record at all")
    return bus


@pytest.fixture
def tocsin(played: Tocsin, tmp_path: Path) -> Tocsin:
    return played.copy(tmp_path)


def topics(tocsin: Tocsin) -> list[str]:
    with tocsin.log() as log:
        return [topic.name for topic in log.describe().topics if topic.end]


def test_every_topic_is_decoded_and_none_shows_content_unless_asked(played: Tocsin) -> None:
    kinds = {name.partition(".")[0] for name in topics(played)}
    assert kinds == {"submissions", "events", "control", "outbox", "delivered", "receipts", "rejected", "audit"}
    for name in topics(played):
        done = played.ok("tail", name, "--from", "0", "--once")
        lines = done.out.splitlines()
        assert len(lines) == len(played.items("tail", name, "--from", "0", "--once"))
        assert all(line.isprintable() for line in lines)
        assert "CANARY" not in done.out + done.err
        for one in played.items("tail", name, "--from", "0", "--once"):
            assert {"topic", "offset", "at"} < one.keys()
            assert one.keys().isdisjoint({"content", "body", "envelope", "value"})
            assert "unreadable" not in one or name in {SUBMISSIONS, "rejected.alpha"}


def test_what_a_record_is_stands_in_named_fields(played: Tocsin) -> None:
    (event,) = played.items("tail", "events", "--once", "--id", "vigil-radio:A1")
    assert (event["kind"], event["agency"], event["feed"], event["revision"]) == ("event", "alpha", "reports", 1)
    assert event["label"].endswith("//EXERCISE VIGIL")
    (told,) = played.items("tail", "outbox.alpha", "--once", "--id", "vigil-radio:A1")
    assert (told["change"], told["kind"], told["ref"]) == ("NEW", "event", "alpha/reports/vigil-radio:A1")
    (refused,) = played.items("tail", "rejected.alpha", "--once")
    assert (refused["reason"], refused["unreadable"]) == ("BAD_FRAME", "BAD_FRAME")
    (act,) = played.items("tail", "audit", "--once")
    assert (act["act"], act["agency"], act["note"]) == ("DROP", "alpha", "no record at all")
    assert act["by"]
    receipts = played.items("tail", "receipts.alpha", "--once", "--verdict", "REJECTED")
    assert [one["reason"] for one in receipts] == ["BAD_FRAME"]
    kinds = {one["kind"] for one in played.items("tail", "events", "--once", "--last", "100")}
    assert kinds == {"tick", "roster", "policy", "parameters", "event"}


def test_content_is_shown_when_asked_and_can_not_steer_the_terminal(played: Tocsin) -> None:
    said = played.ok("tail", "events", "--once", "--content", "--id", "vigil-radio:A1").out
    assert "CANARY" in said
    assert all(line.isprintable() for line in said.splitlines())
    assert "\\u202etxet" in said
    (one,) = played.items("tail", "outbox.alpha", "--once", "--content", "--id", "vigil-radio:A1")
    assert HOSTILE in json.dumps(one["content"], ensure_ascii=False) or "CANARY" in json.dumps(one["content"])
    for name in (SUBMISSIONS, "rejected.alpha"):
        done = played.ok("tail", name, "--from", "0", "--once", "--content")
        assert "CANARY" not in done.out, "what nobody verified is not decoded"


def test_one_record_that_can_not_be_read_stops_nothing(tocsin: Tocsin) -> None:
    with tocsin.log() as log:
        log.append("audit", [NewRecord("audit", b"", b"\xff" * 30), NewRecord("audit", b"", b"")])
    found = tocsin.items("tail", "audit", "--once")
    assert ["unreadable" in one for one in found] == [False, True, True]


def test_a_view_shows_only_the_topics_that_the_agency_reads(played: Tocsin) -> None:
    for name in ("outbox.alpha", "receipts.alpha", "rejected.alpha", "control"):
        played.ok("tail", name, "--once", "--as", "alpha")
    absent = played("tail", "outbox.nobody", "--once", "--as", "alpha")
    for name in ("events", "audit", "submissions.alpha", "outbox.authority"):
        done = played("tail", name, "--once", "--as", "alpha")
        assert (done.code, done.out) == (1, "")
        assert done.err == absent.err.replace("outbox.nobody", name), "absent and not allowed have one answer"


@pytest.mark.parametrize(
    ("words", "code"), [(("nothing",), 1), (("events", "--last", "-1"), 2), (("events", "--rate", "-1"), 2)]
)
def test_what_makes_no_sense_is_said(played: Tocsin, words: tuple[str, ...], code: int) -> None:
    assert played("tail", *words, "--once").code == code


def test_the_last_ones_and_the_ones_from_an_offset(played: Tocsin) -> None:
    found = [one["offset"] for one in played.items("tail", "events", "--once", "--from", "0")]
    assert found == list(range(len(found)))
    assert [one["offset"] for one in played.items("tail", "events", "--once", "--last", "2")] == found[-2:]
    assert [one["offset"] for one in played.items("tail", "events", "--once", "--from", "3")] == found[3:]
    assert played.items("tail", "events", "--once", "--last", "0") == []
    assert len(played.items("tail", "events", "--once", "--last", "1", "--kind", "policy")) == 1


def _pass_on(stream: IO[str], lines: "Queue[str]") -> None:
    for line in stream:
        lines.put(line)


def test_it_follows_what_others_write(tocsin: Tocsin) -> None:
    with running(tocsin.home, "tail", SUBMISSIONS, "--last", "1", "--json") as process:
        lines: Queue[str] = Queue()
        assert process.stdout is not None
        threading.Thread(target=_pass_on, args=(process.stdout, lines), daemon=True).start()
        assert json.loads(lines.get(timeout=30))["unreadable"] == "BAD_FRAME"
        tocsin.ok("heartbeat", "--as", "alpha", "--feed", "reports")
        assert json.loads(lines.get(timeout=30))["kind"] == "heartbeat"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    with pytest.raises(Empty):
        lines.get_nowait()


def test_no_more_is_shown_a_second_than_asked_and_what_is_left_out_is_counted(tocsin: Tocsin) -> None:
    clock, rounds = [100.0], iter(range(6))
    with tocsin.log() as log:
        start = log.end(SUBMISSIONS)

        def is_over() -> bool:
            number = next(rounds)
            clock[0] += 0.4
            if number in {0, 1}:
                log.append(SUBMISSIONS, [NewRecord(SUBMISSIONS, b"", b"x")] * 40)
            return number == 5

        found = list(
            follow(
                log,
                Wanted(SUBMISSIONS),
                start,
                most_per_s=10,
                poll_s=0.0,
                is_over=is_over,
                monotonic=lambda: clock[0],
            )
        )
    shown = [one["offset"] - start for one in found if isinstance(one, dict)]
    assert shown == list(range(10))
    assert [one.records for one in found if isinstance(one, Skipped)] == [70]
