"""Metrics, health and readiness of a bus that runs, and of one that does not."""

import http.client
import json
import signal
import socket
import struct
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bus.clock import now_ms
from bus.config import Settings
from bus.home import Home
from bus.log.protocol import NewRecord
from bus.log.sqlite import SqliteLog
from bus.metrics import PREFIX, TABLE
from bus.operate import Desk
from bus.operate.disk import Disk
from bus.operate.doctor import Place, look
from bus.operate.health import Condition, conditions
from bus.operate.measures import FROM_THE_LOG
from bus.operate.serving import served
from tests.support.command_line import Tocsin
from tests.support.exercise import publish_radio
from tests.support.running import free_port, running, until

DAY_MS = 86_400_000
CANARY = "CANARY"
ONLY_IN_A_FLOOD = {"pauses_total"}
"""Set where an agency's backlog waits for others: shown with the overload."""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Tocsin:
    """Alpha has published, with a canary in each record, sent a heartbeat, and some bytes that are no record."""
    bus = Tocsin(tmp_path_factory.mktemp("played") / "home")
    bus.ok("init")
    bus.ok("agency", "add", "alpha", "--realm", "VIGIL", "--realm", "REAL")
    publish_radio(bus, CANARY)
    bus.ok("heartbeat", "--as", "alpha", "--feed", "reports", "--interval-s", "600")
    with bus.log() as log:
        log.append("submissions.alpha", [NewRecord("submissions.alpha", b"reports", CANARY.encode())])
    return bus


@pytest.fixture
def tocsin(played: Tocsin, tmp_path: Path) -> Tocsin:
    return played.copy(tmp_path)


def ask(port: str, path: str, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def samples(page: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    found = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
    return {(one.name.removeprefix(PREFIX), tuple(sorted(one.labels.items()))): one.value for one in found}


def names(page: str) -> set[str]:
    """The metrics of the table that have a value."""
    found = {name for name, _ in samples(page)}
    return {one.name for one in TABLE if found & {one.name, f"{one.name}_count"}}


def is_ready(port: str) -> bool:
    try:
        return ask(port, "/ready")[0] == 200
    except (urllib.error.URLError, http.client.HTTPException):
        return False


def test_every_metric_of_the_table_is_set_by_a_real_run_and_none_holds_content(tocsin: Tocsin) -> None:
    port, unread = free_port(), ("outbox_oldest_age_seconds", (("agency", "alpha"),))
    with running(tocsin.home, "run", "--metrics-port", port) as process:
        until(lambda: is_ready(port), process)
        until(lambda: samples(ask(port, "/metrics")[1]).get(unread, 0) > 0, process)
        until(lambda: names(ask(port, "/metrics")[1]) >= {one.name for one in TABLE} - ONLY_IN_A_FLOOD, process)
        page = ask(port, "/metrics")[1]
        assert tocsin.items("events", "ls", "--as", "alpha") != []
        until(lambda: samples(ask(port, "/metrics")[1])[unread] == 0, process)
        bodies = [page, *(ask(port, path)[1] for path in ("/health", "/healthz", "/ready", "/readyz", "/nothing"))]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        assert process.returncode == 0
    assert all(CANARY not in body for body in bodies)
    found = samples(page)
    accepted = found["accepted_total", (("agency", "alpha"), ("feed", "reports"))]
    assert found["submissions_total", (("agency", "alpha"),)] == accepted + 1
    assert found["rejected_total", (("agency", "alpha"), ("reason", "BAD_FRAME"))] == 1
    assert found["deliveries_total", (("agency", "alpha"), ("change", "NEW"))] >= accepted - 1
    assert found["open_events", ()] == accepted - 1
    assert 0 <= found["feed_silence_seconds", (("agency", "alpha"), ("feed", "reports"))] < 600
    assert found["feed_heartbeat_interval_seconds", (("agency", "alpha"), ("feed", "reports"))] == 600
    assert 0 < found[unread] < 600
    assert found["stage_lag_records", (("owner", "correlate-0"), ("stage", "correlate"))] == 0
    assert found["stage_last_progress_timestamp_seconds", (("stage", "correlate"),)] > now_ms() / 1000 - 600
    assert found["log_append_seconds_count", (("engine", "sqlite"),)] > 2


def test_no_metric_has_a_label_that_could_hold_an_id_a_place_or_a_text() -> None:
    harmless = {"agency", "feed", "reason", "stage", "owner", "change", "engine", "version"}
    assert {label for metric in TABLE for label in metric.labels} <= harmless


def test_ready_says_what_lacks_and_health_only_that_it_answers(tocsin: Tocsin) -> None:
    port = free_port()
    with running(tocsin.home, "metrics", "--port", port) as process:
        until(lambda: b"serving" in (process.stderr.readline().encode() if process.stderr else b""), process)
        status, body = ask(port, "/healthz")
        assert (status, json.loads(body)["status"]) == (200, "ok")
        status, body = ask(port, "/ready")
        assert status == 503
        said = json.loads(body)
        assert said["ready"] is False
        lacking = {one["name"]: one["what"] for one in said["conditions"] if not one["holds"]}
        assert lacking == {"owners": "nobody runs correlate-0, ingest-authority"}
        tocsin.ok("run", "--until-idle")
        until(
            lambda: samples(ask(port, "/metrics")[1]).get(("submissions_total", (("agency", "alpha"),)), 0) > 0, process
        )
        page = ask(port, "/metrics")[1]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode == 0
    assert names(page) == FROM_THE_LOG
    found = samples(page)
    assert found["rejected_total", (("agency", "alpha"), ("reason", "BAD_FRAME"))] == 1
    assert found["deliveries_total", (("agency", "alpha"), ("change", "NEW"))] >= 2
    assert CANARY not in page


def test_a_web_page_of_another_host_reads_nothing_here(tocsin: Tocsin) -> None:
    port = free_port()
    with running(tocsin.home, "metrics", "--port", port) as process:
        until(lambda: b"serving" in (process.stderr.readline().encode() if process.stderr else b""), process)
        for host in ("evil.example", "127.0.0.1.evil.example", "", "[", f"evil.example:{port}"):
            assert ask(port, "/metrics", Host=host)[0] == 403, host
        for host in ("localhost", f"localhost:{port}", "127.0.0.1", f"[::1]:{port}"):
            assert ask(port, "/metrics", Host=host)[0] == 200, host
        request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", data=b"x", method="POST")
        with pytest.raises(urllib.error.HTTPError, match="405"):
            urllib.request.urlopen(request, timeout=10)  # noqa: S310 - our own
        assert tocsin("run", "--until-idle", "--metrics-port", port).code == 2
    assert tocsin("metrics", "--port", "70000").code == 2
    assert tocsin("metrics", "--json").code == 2


def test_a_client_that_hangs_up_is_no_news(capsys: pytest.CaptureFixture[str]) -> None:
    with (
        served(lambda _environ, _start: [], 0) as port,
        socket.create_connection(("127.0.0.1", port), timeout=10) as client,
    ):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(b"GET /health HTT")
        client.close()
        time.sleep(0.2)
    assert "Traceback" not in capsys.readouterr().err


def test_metrics_can_be_printed_once(tocsin: Tocsin) -> None:
    tocsin.ok("run", "--until-idle")
    assert ("log_size_bytes", ()) in samples(tocsin.ok("metrics", "--once").out)
    document = tocsin.json("metrics", "--once")
    assert [name for name, _, _ in document["samples"]].count(f"{PREFIX}build_info") == 1


@pytest.fixture
def log(tocsin: Tocsin) -> Iterator[SqliteLog]:
    tocsin.ok("run", "--until-idle")
    with tocsin.log() as opened:
        yield opened


def judged(tocsin: Tocsin, log: SqliteLog, later_ms: int = 0, free_bytes: int = 1 << 40, **settings: Any) -> set[str]:
    """The conditions that do not hold, so much later, with the vital names held by this process."""
    home = Home.open(tocsin.home)
    place = Place(tocsin.home, now_ms() + later_ms, Disk(free_bytes, 1 << 41))
    found: list[Condition] = conditions(look(place, home, log, Desk(home, log).control, Settings(**settings)))
    return {one.name for one in found if not one.holds}


def test_each_condition_is_met_and_can_fail(tocsin: Tocsin, log: SqliteLog) -> None:
    assert judged(tocsin, log) == {"owners"}
    held = [log.take("ingest-authority", ["submissions.authority"]), log.take("correlate-0", ["events"])]
    assert judged(tocsin, log) == set()
    assert judged(tocsin, log, free_bytes=1 << 20) == {"disk"}
    assert judged(tocsin, log, later_ms=-DAY_MS) == {"clock"}
    assert judged(tocsin, log, later_ms=20 * 60_000) == {"stages"}, "who holds the shard makes no tick"
    assert judged(tocsin, log, later_ms=400 * DAY_MS) == {"stages", "roster"}
    log.append("submissions.authority", [NewRecord("submissions.authority", b"control", b"x")])
    assert judged(tocsin, log, later_ms=50_000) == set()
    assert judged(tocsin, log, later_ms=70_000) == {"lag"}
    assert judged(tocsin, log, later_ms=70_000, ready_lag_s=100) == set()
    held.pop().release()
    assert judged(tocsin, log) == {"owners"}


def test_an_agency_that_floods_does_not_make_the_bus_unready(tocsin: Tocsin, log: SqliteLog) -> None:
    held = [log.take(f"ingest-{name}", [f"submissions.{name}"]) for name in ("authority", "alpha")]
    held.append(log.take("correlate-0", ["events"]))
    log.append("submissions.alpha", [NewRecord("submissions.alpha", b"reports", b"x")] * 1000)
    assert judged(tocsin, log, later_ms=500_000) == set()
    for one in held:
        one.release()
