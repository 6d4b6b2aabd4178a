"""What a run logs: JSON lines without content at every level, and a flood of refusals is a few of them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bus.log.protocol import NewRecord
from tests.support.command_line import Tocsin
from tests.support.exercise import publish_radio

ROOT = Path(__file__).resolve().parents[2]
SUBMISSIONS = "submissions.alpha"
FLOOD = 600


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What `tocsin run` logs at DEBUG where one agency's records, with a canary in each, are forged by the thousand."""
    tocsin = Tocsin(tmp_path_factory.mktemp("flood") / "home")
    tocsin.ok("init", "--agency", "alpha")
    tocsin.ok("agency", "clearance", "alpha", "--realm", "VIGIL")
    publish_radio(tocsin, "CANARY")
    with tocsin.log() as log:
        good = [record.value for record in log.read(SUBMISSIONS)]
        assert any(b"CANARY" in value for value in good)
        forged = [value[:-1] + bytes([value[-1] ^ 1]) for value in good]
        flood = [NewRecord(SUBMISSIONS, b"reports", forged[number % len(forged)]) for number in range(FLOOD)]
        log.append(SUBMISSIONS, [*flood, NewRecord(SUBMISSIONS, b"CANARY", b'CANARY\n{"level": "forged"}')])
    environment = {**os.environ, "TOCSIN_LOG_FORMAT": "json", "TOCSIN_LOG_LEVEL": "DEBUG"}
    call = [sys.executable, "-c", "import sys; from bus.cli import main; sys.exit(main())"]
    done = subprocess.run(
        [*call, "run", "--until-idle", "--home", str(tocsin.home)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"{FLOOD + 1} refused" in done.stdout
    assert "CANARY" not in done.stderr.upper()
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_a_flood_of_refusals_is_a_few_lines_and_none_is_missing(lines: list[dict[str, Any]]) -> None:
    forged = [line for line in lines if line.get("reason") == "BAD_SIGNATURE"]
    assert len(forged) <= 4
    assert sum(line.get("times", 1) for line in forged) == FLOOD
    assert [line.get("times", 1) for line in lines if line.get("reason") == "BAD_FRAME"] == [1]


def test_every_line_says_when_where_and_what_and_holds_ids_reasons_and_positions_alone(
    lines: list[dict[str, Any]],
) -> None:
    for line in lines:
        assert {"at", "level", "logger", "message"} <= line.keys()
        assert line["logger"].startswith("bus.")
        assert set(line) <= {"at", "level", "logger", "message", "owner", "reason", "offset", "topic", "times"}
