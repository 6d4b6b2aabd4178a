"""Log lines: for people or programs, without content, and few whatever repeats."""

import json
import logging
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest

from bus.logs import MOST_KINDS, JsonLines, Sums, TextLines

ROOT = Path(__file__).resolve().parents[2]
REFUSED = "%(owner)s: %(reason)s at offset %(offset)d of %(topic)s"


def record(message: str, *args: object, fault: BaseException | None = None) -> logging.LogRecord:
    exc_info = None if fault is None else (type(fault), fault, fault.__traceback__)
    return logging.LogRecord("bus.stages.ingest", logging.INFO, "x.py", 1, message, args, exc_info)


def refused(offset: int, reason: str = "BAD_SIGNATURE") -> logging.LogRecord:
    return record(REFUSED, {"owner": "ingest-fra", "reason": reason, "offset": offset, "topic": "submissions.fra"})


@pytest.fixture
def stream() -> StringIO:
    return StringIO()


@pytest.fixture
def sums(stream: StringIO) -> Sums:
    to = logging.StreamHandler(stream)
    to.setFormatter(JsonLines())
    return Sums(to, 3600.0)


def lines(stream: StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_json_line_has_the_messages_fields() -> None:
    line = json.loads(JsonLines().format(refused(17)))
    assert line.pop("at").endswith("Z")
    assert line == {
        "level": "INFO",
        "logger": "bus.stages.ingest",
        "message": "ingest-fra: BAD_SIGNATURE at offset 17 of submissions.fra",
        "owner": "ingest-fra",
        "reason": "BAD_SIGNATURE",
        "offset": 17,
        "topic": "submissions.fra",
    }


def test_no_field_passes_for_the_lines_own() -> None:
    line = json.loads(JsonLines().format(record("%(level)s %(at)d", {"level": "well", "at": 7})))
    assert (line["level"], line["message"]) == ("INFO", "well 7")
    assert line["at"] != 7


def test_a_text_line_can_neither_steer_a_terminal_nor_forge_a_line() -> None:
    said = TextLines().format(record("%s failed", "disk\x1b[2J\n2026-01-01 ERROR all is lost \u202e"))
    assert said.isprintable()
    assert "disk\\x1b[2J\\n2026" in said


@pytest.mark.parametrize("lines", [JsonLines(), TextLines()])
def test_of_an_exception_only_type_and_places_are_told(lines: logging.Formatter) -> None:
    try:
        int("CANARY")
    except ValueError as fault:
        said = lines.format(record("it failed", fault=fault))
    assert "ValueError at test_logs.py:" in said
    assert "CANARY" not in said


def test_a_flood_is_its_first_line_and_a_sum(sums: Sums, stream: StringIO) -> None:
    for offset in range(100_000):
        sums.handle(refused(offset))
    sums.handle(refused(7, "UNKNOWN_KEY"))
    assert [line["offset"] for line in lines(stream)] == [0, 7]
    sums.flush()
    assert [(line["offset"], line.get("times")) for line in lines(stream)] == [(0, None), (7, None), (99_999, 99_999)]


def test_what_goes_on_is_told_in_sums_and_what_stopped_begins_anew(sums: Sums, stream: StringIO) -> None:
    for offset in range(3):
        sums.handle(refused(offset))
    sums.flush()
    sums.handle(refused(3))
    assert len(lines(stream)) == 2
    sums.flush()
    sums.flush()
    sums.handle(refused(4))
    assert [(line["offset"], line.get("times")) for line in lines(stream)] == [(0, None), (2, 2), (3, 1), (4, None)]


def test_the_sum_comes_by_itself_when_the_interval_is_over(stream: StringIO) -> None:
    handler = Sums(logging.StreamHandler(stream), 0.05)
    try:
        for offset in range(3):
            handler.handle(refused(offset))
        until = time.monotonic() + 10
        while stream.getvalue().count("\n") < 2 and time.monotonic() < until:
            time.sleep(0.01)
    finally:
        handler.close()
    assert stream.getvalue().splitlines()[-1].endswith("offset 2 of submissions.fra")


def test_kinds_without_end_take_no_memory_without_end(sums: Sums, stream: StringIO) -> None:
    for number in range(MOST_KINDS + 50):
        sums.handle(record("fault %s", f"of kind {number}"))
    assert len(lines(stream)) == MOST_KINDS + 1
    sums.flush()
    assert lines(stream)[-1]["times"] == 49


def test_at_the_end_of_a_process_nothing_that_was_held_back_is_lost() -> None:
    program = (
        "import logging; from bus.logs import log_to_stderr; log_to_stderr('INFO', 'json', 600.0)\n"
        "for n in range(5): logging.getLogger('x').info('%d of them', n)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    told = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["message"], line.get("times")) for line in told] == [("0 of them", None), ("4 of them", 4)]
