"""After a release: publishers who write the version before, and a log that an older Tocsin left, stop nothing."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bus.client import Authority, Subscriber, verify_alerts
from bus.log.protocol import NewRecord
from bus.log.sqlite import SqliteLog
from bus.log.topics import topic
from bus.stages.checks import Accepted, Memory, Repeated, check
from bus.trust import frame
from schemas.codec import decode_own, encode
from schemas.kinds import KIND_OF_MODEL
from schemas.models import Value
from schemas.registry import Schema, newest, of_bytes
from tests.support import simulator
from tests.support.desk import DAY_MS, HOUR_MS, NEW_YORK, Desk
from tests.support.older_schemas import first, forget, in_first_version, plant
from tests.support.replay import Replay
from tests.support.submissions import NOW, Office, event_body, header

KEPT = (
    *("when", "end", "where", "lat", "lon", "uncertainty_km", "countries", "reliability", "credibility"),
    *("kind", "feed", "id", "revision", "label", "first_at", "sequence", "key_id", "shown"),
)
"""What the first versions can say: enough for reports to match, for receipts and for what readers have."""
READERS = ("ann", "bob", "cat")


@pytest.fixture(autouse=True)
def _planted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    with monkeypatch.context() as patched:
        plant(patched, tmp_path, KEPT)
        patched.setattr(simulator, "to_wire", by_an_older_publisher)
        patched.setattr(simulator, "payload_type", of_an_older_publisher)
        yield
    forget()


def by_an_older_publisher(message: Value) -> bytes:
    """Events and retractions in the first version."""
    kind = KIND_OF_MODEL[type(message)]
    value = message.model_dump()
    data = in_first_version(kind, value) if kind in {"event", "retraction"} else encode(newest(kind), value)
    assert data is not None, "the story says only what the first version can say"
    return data


def of_an_older_publisher(kind: str, feed: str) -> str:
    """The payload type that goes with it."""
    schema = first(kind) if kind in {"event", "retraction"} else newest(kind)
    return f"application/vnd.tocsin.{kind}.v{schema.version}+avro; schema={schema.fingerprint_hex}; feed={feed}"


def as_an_older_tocsin_wrote_it(kind: str, data: bytes) -> bytes:
    """One of the bus's own records in its first version, where that can say it."""
    return in_first_version(kind, decode_own(kind, data)) or data


def test_the_checks_accept_an_older_record_and_remember_it_by_an_older_receipt() -> None:
    office, memory = Office(), Memory()
    control = office.control()
    payload = in_first_version("event", {"header": header("fra", "main", "test:a"), "body": event_body()})
    assert payload is not None
    data = frame.sign(of_an_older_publisher("event", "main"), payload, office.keys["fra"]).encode()
    verdict = check(data, agency="fra", at=NOW, control=control, memory=memory)
    assert isinstance(verdict, Accepted), verdict
    kept = as_an_older_tocsin_wrote_it("receipt", encode(newest("receipt"), verdict.receipt))
    assert of_bytes(kept) is first("receipt")
    memory.fold(decode_own("receipt", kept))
    again = check(data, agency="fra", at=NOW + 1, control=control, memory=memory)
    assert isinstance(again, Repeated)
    assert again.receipt == verdict.receipt
    newer = check(office.event("test:a", revision=2), agency="fra", at=NOW + 2, control=control, memory=memory)
    assert isinstance(newer, Accepted)
    assert newer.event.first_at == NOW


def story() -> Desk:
    """Four weeks of reports that match, and retractions, all by older publishers."""
    desk = Desk()
    for week in range(4):
        day: dict[str, Any] = {"when": {"start": desk.world.now - HOUR_MS, "end": desk.world.now}}
        for number, name in enumerate((*READERS, "ann")):
            desk.report(f"{name}/field/w{week}-{number}", **day)
        desk.report(f"bob/media/w{week}", NEW_YORK, **day)
        desk.report(f"ann/field/w{week}-3", type="violence.killing", **day)
        desk.retract(f"cat/field/w{week}-2")
        desk.tick(8)
    return desk


def rewrite(log: SqliteLog) -> set[tuple[str, int]]:
    """What readers have, as an older Tocsin would have left it; returns the versions that stand there now."""
    stand = set()
    for name in READERS:
        held = topic("delivered", name)
        for record in list(log.latest(held)):
            schema = of_bytes(record.value)
            assert isinstance(schema, Schema)
            value = as_an_older_tocsin_wrote_it(schema.kind, record.value)
            log.append(held, [NewRecord(held, record.key, value)])
            stand |= {(one.kind, one.version) for one in [of_bytes(value)] if isinstance(one, Schema)}
    return stand


def test_a_log_of_the_version_before_is_restored_and_gone_on_with(tmp_path: Path) -> None:
    desk = story()
    times = iter(range(desk.world.now, desk.world.now + DAY_MS))
    log = SqliteLog(tmp_path / "bus.db", lambda: next(times))
    undisturbed, upgraded, stand = Replay(desk.world), Replay(desk.world, log), set[tuple[str, int]]()
    for value in desk.world.values:
        undisturbed.step(value)
    for batch in batched(desk.world.values, 5):
        upgraded.step(*batch)
        stand |= rewrite(log)
        assert upgraded.restart() == {}
    assert {("heldrecord", 1), ("heldalert", 1)} <= stand
    for name in READERS:
        outboxes = [[record.value for record in one.log.read(topic("outbox", name))] for one in (undisturbed, upgraded)]
        assert outboxes[0] == outboxes[1]
    picture = Subscriber(log, "ann", desk.world.pin).catch_up()
    found = verify_alerts(picture, Authority(log, desk.world.pin))
    assert found
    assert all(one.good and len(one.findings) > 2 for one in found.values())
    log.close()


def batched(values: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    return (values[start : start + size] for start in range(0, len(values), size))
