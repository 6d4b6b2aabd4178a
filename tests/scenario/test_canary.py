"""What a reader may not read leaves no trace with it, and what anybody hides is in no log line, error or metric.

Canaries stand in every part of the hidden records that holds words; a permitted reader of the same run has them.
"""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from bus.cli.main import main
from bus.client import open_subscriber
from bus.clock import now_ms
from bus.config import Settings
from bus.home import Home, load_keys
from bus.log.protocol import NewRecord, Record
from bus.log.sqlite import SqliteLog
from bus.log.topics import topic
from bus.metrics import Metrics
from bus.stages.correlate import stage
from bus.stages.run import Runner
from bus.trust import frame
from tests.support.homes import READERS, make_home, submit, writer
from tests.support.simulator import World

CANARY = "zqcanary"
HIDDEN = "COALITION SECRET//NEED HUMINT//REL TO GEN, NYC"
"""Only aa holds the level."""
LOW = "COALITION UNCLASSIFIED//PUBLIC"
WITHOUT_RIGHT = ("bb", "cc", "dd")


@dataclass
class Told:
    """A home where much was hidden, after a run, with all that the run said."""

    home: Home
    log: SqliteLog
    world: World
    digests: list[bytes]
    lines: str
    metrics: str


def body(number: int, **more: Any) -> dict[str, Any]:
    """A report; each one is of the same incident, so that hidden and open ones are one story to whoever has both."""
    start = now_ms() - 48 * 3_600_000
    return {
        "nature": "INCIDENT",
        "type": "violence.killing",
        "when": {"start": start, "end": start + 3_600_000},
        "where": {"lat": 13.6, "lon": 25.3 + number / 1000, "uncertainty_km": 1.0, "countries": ["SDN"]},
        "counts": [{"what": "KILLED", "unit": "PERSON", "basis": "NEW", "best": 6}],
        "source": {"discipline": "FIELD"},
        **more,
    }


def hidden_body() -> dict[str, Any]:
    """A report with a canary wherever words can stand."""
    told = body(3)
    return told | {
        "where": told["where"] | {"name": f"{CANARY} well", "admin": [{"level": 2, "name": CANARY}]},
        "actors": [{"role": "PERPETRATOR", "class": "ARMED_GROUP", "name": CANARY, "scheme": CANARY, "code": CANARY}],
        "source": {
            "discipline": "HUMINT",
            "origin": f"public:{CANARY}",
            "derived_from": [f"{CANARY}:1"],
            "attribution": CANARY,
            "licence": CANARY,
        },
        "part_of": [f"{CANARY}:1"],
        "texts": [{"language": "en", "headline": CANARY, "description": f"About {CANARY}", "instruction": CANARY}],
        "media": [{"sha256": "a" * 64, "media_type": "image/png", "uri": f"https://{CANARY}.example"}],
        "attributes": {f"table.{CANARY}": CANARY},
    }


def hidden_records(world: World) -> list[tuple[str, frame.Envelope]]:
    """Hidden records that are accepted: events, a second revision, links with open ones, a retraction."""
    key = world.agencies["aa"].keys[0]

    def sign(kind: str, name: str, revision: int, content: dict[str, Any]) -> tuple[str, frame.Envelope]:
        return "aa", world.sign(key, ("aa", "field", f"{CANARY}:{name}"), kind, revision, HIDDEN, content)

    def ref(agency: str, name: str) -> dict[str, str]:
        return {"agency": agency, "feed": "field", "id": name}

    pair = [ref("aa", f"{CANARY}:one"), ref("bb", "open:1")]
    gone = {"kind": "event", "feed": "field", "id": f"{CANARY}:gone", "up_to_revision": 1}
    return [
        sign("event", "one", 1, hidden_body()),
        sign("event", "one", 2, hidden_body() | {"sectors": ["HEALTH"]}),
        sign("event", "gone", 1, hidden_body()),
        sign("link", "same", 1, {"relation": "SAME", "events": pair, "note": CANARY}),
        sign("link", "related", 1, {"relation": "RELATED", "events": [*pair, ref("cc", "open:2")], "note": CANARY}),
        sign("retraction", "back", 1, {"retracts": [gone], "reason": "ERROR", "note": CANARY}),
    ]


def refused_records(world: World) -> list[tuple[str, bytes]]:
    """Hidden content that is refused: at the signature, the decoder, the label, the times, an id that is taken."""
    key, other = world.agencies["aa"].keys[0], world.agencies["bb"].keys[0]
    ref = ("aa", "field", f"{CANARY}:bad")
    good = world.sign(key, ref, "event", 1, HIDDEN, hidden_body())
    forged = bytearray(good.encode())
    forged[-1] ^= 1
    cut = frame.sign(good.payload_type, good.payload[:-3], key.signing)
    future = hidden_body() | {"when": {"start": now_ms() + 10**9, "end": now_ms() + 2 * 10**9}}
    return [
        ("aa", bytes(forged)),
        ("aa", cut.encode()),
        ("aa", CANARY.encode()),
        ("aa", world.sign(other, ref, "event", 1, HIDDEN, hidden_body()).encode()),
        ("aa", world.sign(key, ref, "event", 1, f"COALITION {CANARY.upper()}//PUBLIC", hidden_body()).encode()),
        ("aa", world.sign(key, ref, "event", 1, HIDDEN, future).encode()),
        ("aa", world.sign(key, ("aa", "field", f"{CANARY}:one"), "event", 2, HIDDEN, hidden_body()).encode()),
        ("aa", world.sign(key, ("aa", "field", f"{CANARY}:one"), "event", 3, LOW, hidden_body()).encode()),
    ]


@pytest.fixture
def told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Told:
    home = make_home(tmp_path / "home")
    log = SqliteLog(home.log, now_ms)
    world = writer(home, 1).world
    world.now = now_ms() - 1000
    for number, agency in enumerate(("bb", "cc", "dd"), 1):
        key = world.agencies[agency].keys[0]
        submit(log, agency, world.sign(key, (agency, "field", f"open:{number}"), "event", 1, LOW, body(number)))
    hidden = hidden_records(world)
    for agency, envelope in hidden:
        submit(log, agency, envelope)
    name = topic("submissions", "aa")
    for _, data in refused_records(world):
        log.append(name, [NewRecord(name, CANARY.encode(), data, (("note", CANARY.encode()),))])
    registry = CollectorRegistry()
    [bus_key] = load_keys(home, "bus")
    runner = Runner(
        log, pin=home.pin(), bus_key=bus_key, settings=Settings(), metrics=Metrics(registry, "test"), clock_ms=now_ms
    )
    with caplog.at_level(logging.DEBUG):
        runner.run(until_idle=True)
    digests = [envelope.digest for _, envelope in hidden]
    return Told(home, log, world, digests, caplog.text, generate_latest(registry).decode())


def traces(told: Told, record: Record) -> list[str]:
    """What of the hidden records one record of the log holds, in key, value or headers."""
    data = b"\0".join((record.key, record.value, *(name.encode() + value for name, value in record.headers)))
    found = [CANARY] if CANARY.encode() in data.lower() else []
    return found + [digest.hex() for digest in told.digests if digest in data or digest.hex().encode() in data]


def test_a_reader_without_the_right_finds_no_trace_and_one_with_it_finds_all(told: Told) -> None:
    own = ("outbox", "delivered", "receipts", "rejected", "submissions")
    for reader in WITHOUT_RIGHT:
        records = [record for kind in own for record in told.log.read(topic(kind, reader))]
        assert [trace for record in records for trace in traces(told, record)] == []
        picture = open_subscriber(told.home, told.log, reader).catch_up()
        assert len(picture.alerts()) == 1
        assert len(picture.events()) == 3
    picture = open_subscriber(told.home, told.log, "aa").catch_up()
    assert f"aa/field/{CANARY}:one" in picture.events()
    assert f"aa/field/{CANARY}:gone" not in picture.events()
    [held] = picture.alerts().values()
    assert CANARY.encode() in held.body
    delivered = b"".join(record.value for record in told.log.read(topic("outbox", "aa")))
    assert delivered.count(CANARY.encode()) > 20


def test_hidden_content_is_in_no_log_line_and_no_metric(told: Told) -> None:
    assert len(told.lines.splitlines()) > 8, "the run said something, each refusal at least"
    assert CANARY not in told.lines.lower()
    assert 'tocsin_rejected_total{agency="aa",reason="BAD_SIGNATURE"} 1.0' in told.metrics
    assert CANARY not in told.metrics.lower()
    assert not any(digest.hex() in told.lines + told.metrics for digest in told.digests)


def test_a_fault_that_quotes_content_is_told_without_it(
    told: Told, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(record: Record, *_: object) -> Any:
        raise ValueError(repr(record.value))

    key = told.world.agencies["aa"].keys[0]
    submit(told.log, "aa", told.world.sign(key, ("aa", "field", f"{CANARY}:two"), "event", 1, HIDDEN, hidden_body()))
    monkeypatch.setattr(stage, "read_step", fail)
    caplog.clear()
    with caplog.at_level(logging.DEBUG):
        status = main(["run", "--until-idle", "--home", str(told.home.path)])
    said = capfd.readouterr()
    assert status == 3
    assert said.err
    assert CANARY not in (said.out + said.err + caplog.text).lower()


def test_the_command_line_answers_alike_for_what_is_hidden_and_what_is_not_there(
    told: Told, capfd: pytest.CaptureFixture[str]
) -> None:
    def answer(*command: str) -> tuple[int, str]:
        status = main([*command, "--home", str(told.home.path)])
        said = capfd.readouterr()
        return status, said.out + said.err

    hidden, absent = f"aa/field/{CANARY}:one", f"aa/field/{CANARY}:six"
    for reader in WITHOUT_RIGHT:
        status, said = answer("events", "show", hidden, "--as", reader)
        assert (status, said.replace(":one", ":six")) == answer("events", "show", absent, "--as", reader)
        assert status == 1
        for command in (("events", "ls"), ("alerts", "ls"), ("receipts", "ls")):
            status, said = answer(*command, "--as", reader, "--json")
            assert status == 0
            assert CANARY not in said
    status, said = answer("events", "show", hidden, "--as", "aa", "--json")
    assert status == 0
    assert CANARY in json.dumps(json.loads(said))


def test_the_readers_are_those_that_this_page_speaks_of() -> None:
    assert {*WITHOUT_RIGHT, "aa"} == set(READERS)
