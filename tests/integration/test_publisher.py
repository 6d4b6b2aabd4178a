"""The publisher on the embedded log: each change sent once, nothing doubled or lost whatever interrupts it."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bus.client import (
    Outcome,
    open_publisher,
    open_subscriber,
)
from bus.client.publication import Act as Draft
from bus.errors import Reason, TocsinError
from bus.home import Home, save_key
from bus.log.protocol import NewRecord
from bus.log.topics import topic
from bus.trust import frame
from bus.trust.keys import SigningKey
from schemas.models import (
    EventRef,
    Status,
    Verdict,
)
from tests.support.client_world import LABEL, World, draft, make_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    yield made
    made.log.close()


def next_offset(world: World, name: str) -> int:
    offsets: list[int] = [record.offset for record in world.log.read(name)]
    return offsets[-1] + 1


def outcomes(publication: Any) -> list[Outcome]:
    return [line.outcome for line in publication.lines]


def test_publishing_a_file_twice_sends_nothing_and_a_changed_record_becomes_revision_two(world: World) -> None:
    publisher = world.publisher()
    first = publisher.publish([draft("a"), draft("b")], "main", LABEL)
    assert outcomes(first) == [Outcome.NEW, Outcome.NEW]
    assert outcomes(publisher.publish([draft("a"), draft("b")], "main", LABEL)) == [Outcome.UNCHANGED] * 2
    changed = publisher.publish([draft("a"), draft("b", "more is known")], "main", LABEL)
    assert outcomes(changed) == [Outcome.UNCHANGED, Outcome.AMENDED]
    sent = [opened.message.header for opened in world.submitted()]
    assert [(h.id, h.revision, h.sequence) for h in sent] == [("test:a", 1, 1), ("test:b", 1, 2), ("test:b", 2, 3)]
    assert {h.label for h in sent} == {LABEL}
    assert [line.digest for line in first.lines] == [o.envelope.digest.hex() for o in world.submitted()[:2]]


def test_what_is_remembered_survives_the_publisher(world: World) -> None:
    first = world.publisher()
    first.publish([draft("a")], "main", LABEL)
    first.close()
    assert outcomes(world.publisher().publish([draft("a")], "main", LABEL)) == [Outcome.UNCHANGED]
    assert len(world.submitted()) == 1


def test_sequences_count_per_feed_and_label_over_all_kinds(world: World) -> None:
    publisher = world.publisher()
    other = "COALITION SECRET//REL TO FRA"
    publisher.publish([draft("a")], "main", LABEL)
    publisher.publish([draft("b")], "main", other)
    publisher.publish([draft("c")], "second", LABEL)
    publisher.heartbeat("main", 3600, LABEL)
    publisher.retract("event", "main", ["test:a"], "ERROR")
    headers = [o.message.header for o in world.submitted()]
    assert [(h.feed, h.label == LABEL, h.sequence) for h in headers] == [
        ("main", True, 1),
        ("main", False, 1),
        ("second", True, 1),
        ("main", True, 2),
        ("main", True, 3),
    ]


def test_an_older_version_never_replaces_a_newer_one(world: World) -> None:
    publisher = world.publisher()
    publisher.publish([draft("a", "new", modified_at=20)], "main", LABEL)
    assert outcomes(publisher.publish([draft("a", "old", modified_at=10)], "main", LABEL)) == [Outcome.OLDER]
    assert outcomes(publisher.publish([draft("a", "newer", modified_at=21)], "main", LABEL)) == [Outcome.AMENDED]
    assert outcomes(publisher.publish([draft("a", "no news", modified_at=21)], "main", LABEL)) == [Outcome.AMENDED]
    assert len(world.submitted()) == 3


def test_a_change_of_label_is_no_amendment(world: World) -> None:
    publisher = world.publisher()
    publisher.publish([draft("a")], "main", LABEL)
    done = publisher.publish([draft("a", "changed")], "main", "COALITION SECRET//REL TO FRA")
    assert [line.refusal.reason for line in done.refused if line.refusal] == [Reason.LABEL_CHANGED]
    assert len(world.submitted()) == 1


def test_one_bad_draft_leaves_the_others_and_costs_no_sequence(world: World) -> None:
    bad = Draft("event", "test:bad", Status.ACTUAL, {"nature": "INCIDENT"})
    long = Draft("event", "no such id!", Status.ACTUAL, draft("x").body)
    alert = Draft("alert", "test:alert", Status.ACTUAL, {})
    done = world.publisher().publish([draft("a"), bad, long, alert, draft("b")], "main", LABEL)
    assert outcomes(done) == [Outcome.NEW, Outcome.REFUSED, Outcome.REFUSED, Outcome.REFUSED, Outcome.NEW]
    assert [o.message.header.sequence for o in world.submitted()] == [1, 2]
    assert all(line.refusal and line.refusal.remedy for line in done.refused)


def test_labels_are_completed_and_realms_agree(world: World) -> None:
    publisher = world.publisher()
    publisher.publish([draft("a")], "main", "COALITION SECRET//REL TO FVEY")
    publisher.publish([draft("b")], "main", "COALITION SECRET")
    publisher.publish([draft("c", status=Status.TEST)], "main", LABEL)
    publisher.publish([draft("d")], "main", LABEL, exercise="VIGIL")
    assert [o.message.header.label for o in world.submitted()] == [
        "COALITION SECRET//REL TO AUS, CAN, GBR, NZL, USA",
        "COALITION SECRET//REL TO FRA",
        f"{LABEL}//TEST",
        f"{LABEL}//EXERCISE VIGIL",
    ]
    headers = [o.message.header for o in world.submitted()]
    assert [(h.status, h.exercise) for h in headers[2:]] == [(Status.TEST, None), (Status.EXERCISE, "VIGIL")]
    for wrong in (
        publisher.publish([draft("e", status=Status.EXERCISE)], "main", LABEL),
        publisher.publish([draft("e", status=Status.TEST)], "main", LABEL, exercise="VIGIL"),
        publisher.publish([draft("e")], "main", "COALITION SECRET//PUBLIC"),
        publisher.publish([draft("e")], "main", "TLP RED//FOR fra"),
    ):
        assert outcomes(wrong) == [Outcome.REFUSED]


class Interrupted(Exception):  # noqa: N818
    """The plug is pulled."""


@pytest.mark.parametrize("moment", ["before the append", "after the append"])
def test_an_interrupted_publish_goes_on_with_the_same_bytes(world: World, moment: str) -> None:
    publisher = world.publisher(batch_records=2)
    real = world.log.append

    def pulled(name: str, records: Sequence[NewRecord]) -> list[int]:
        if moment == "after the append":
            real(name, records)
        raise Interrupted

    world.log.append = pulled
    with pytest.raises(Interrupted):
        publisher.publish([draft(name) for name in "abcde"], "main", LABEL)
    publisher.close()
    world.log.append = real
    again = world.publisher(batch_records=2)
    kept = [row.envelope for row in again.memory.spooled(10)]
    again.resume()
    assert again.memory.spooled(10) == []
    done = again.publish([draft(name) for name in "abcde"], "main", LABEL)
    assert outcomes(done) == [Outcome.UNCHANGED] * 2 + [Outcome.NEW] * 3
    sent = [record.value for record in world.log.read(topic("submissions", "fra"))]
    assert [o.message.header.id for o in world.submitted()] == (
        ["test:a", "test:b"] * (2 if moment == "after the append" else 1) + ["test:c", "test:d", "test:e"]
    )
    assert sent[-5:-3] == kept
    assert len({hashlib.sha256(value).digest() for value in sent}) == 5
    assert again.memory.spooled(10) == []


def test_a_fault_while_signing_leaves_no_half_batch(world: World) -> None:
    def drafts() -> Iterator[Draft]:
        yield draft("a")
        raise Interrupted

    publisher = world.publisher()
    with pytest.raises(Interrupted):
        publisher.publish(drafts(), "main", LABEL)
    assert world.submitted() == []
    assert outcomes(publisher.publish([draft("a")], "main", LABEL)) == [Outcome.NEW]


def test_a_record_that_the_bus_refused_is_sent_again_under_the_same_revision(world: World) -> None:
    publisher = world.publisher()
    publisher.publish([draft("a"), draft("b")], "main", LABEL)
    a, b = world.submitted()
    world.receipt(a, Verdict.REJECTED, Reason.KEY_OUT_OF_SCOPE)
    world.receipt(b, Verdict.ACCEPTED)
    assert outcomes(publisher.publish([draft("a"), draft("b")], "main", LABEL)) == [Outcome.NEW, Outcome.UNCHANGED]
    assert world.submitted()[-1].message.header.revision == 1
    world.receipt(world.submitted()[-1], Verdict.REJECTED, Reason.ID_CONFLICT)
    publisher.publish([draft("a")], "main", LABEL)
    assert world.submitted()[-1].message.header.revision == 2
    publisher.settle()
    assert publisher.memory.cursor(topic("receipts", "fra")) == next_offset(world, topic("receipts", "fra"))


def test_only_a_record_that_was_never_accepted_may_change_its_label(world: World) -> None:
    publisher, other = world.publisher(), "COALITION SECRET//REL TO FRA"
    publisher.publish([draft("a"), draft("b")], "main", LABEL)
    a, b = world.submitted()
    world.receipt(a, Verdict.REJECTED, Reason.LABEL_BELOW_FLOOR)
    world.receipt(b, Verdict.ACCEPTED)
    publisher.publish([draft("b", "changed")], "main", LABEL)
    world.receipt(world.submitted()[-1], Verdict.REJECTED, Reason.LABEL_BELOW_FLOOR)
    done = publisher.publish([draft("a"), draft("b", "changed")], "main", other)
    assert outcomes(done) == [Outcome.NEW, Outcome.REFUSED]


def test_receipts_of_old_records_never_turn_a_sequence_back(world: World) -> None:
    publisher = world.publisher()
    publisher.publish([draft("a"), draft("b")], "main", LABEL)
    world.receipt(world.submitted()[0], Verdict.ACCEPTED)
    publisher.publish([draft("c")], "main", LABEL)
    assert world.submitted()[-1].message.header.sequence == 3


def test_a_record_above_the_size_of_an_envelope_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = world.publisher()
    monkeypatch.setattr(frame, "MAX_ENVELOPE_BYTES", 900)
    done = publisher.publish([draft("a", "x" * 900), draft("b")], "main", LABEL)
    assert [line.refusal.reason for line in done.refused if line.refusal] == [Reason.TOO_LARGE]
    assert [o.message.header.sequence for o in world.submitted()] == [1]


def test_a_publisher_that_lost_its_memory_learns_from_the_receipts(world: World) -> None:
    publisher = world.publisher()
    publisher.publish([draft("a")], "main", LABEL)
    world.receipt(world.submitted()[0], Verdict.ACCEPTED)
    publisher.close()
    for file in world.path.glob("fra.db*"):
        file.unlink()
    world.publisher().publish([draft("a", "changed"), draft("b")], "main", LABEL)
    headers = [o.message.header for o in world.submitted()[1:]]
    assert [(h.id, h.revision, h.sequence) for h in headers] == [("test:a", 2, 2), ("test:b", 1, 3)]


def test_a_retracted_record_stays_so_until_it_changes_or_is_reinstated(world: World) -> None:
    publisher = world.publisher()
    publisher.publish([draft("a"), draft("b")], "main", LABEL)
    done = publisher.retract("event", "main", ["test:a", "test:b", "test:c"], "SOURCE_AT_RISK", "why")
    assert outcomes(done) == [Outcome.NEW, Outcome.NEW, Outcome.REFUSED]
    assert outcomes(publisher.retract("event", "main", ["test:a"], "SOURCE_AT_RISK", "why")) == [Outcome.UNCHANGED]
    taken = world.submitted()[2].message
    assert taken.header.label == LABEL
    assert taken.body.model_dump()["retracts"] == (
        {"kind": "event", "feed": "main", "id": "test:a", "up_to_revision": 1},
    )
    assert outcomes(publisher.publish([draft("a")], "main", LABEL)) == [Outcome.WITHDRAWN]
    assert outcomes(publisher.publish([draft("b", "x")], "main", LABEL)) == [Outcome.AMENDED]
    assert outcomes(publisher.publish([draft("a")], "main", LABEL, reinstate=True)) == [Outcome.AMENDED]
    assert world.submitted()[-1].message.header.revision == 2


def test_a_draft_of_no_known_realm_is_refused_and_the_others_go(world: World) -> None:
    done = world.publisher().publish([draft("a")._replace(status="LIVE"), draft("b")], "main", LABEL)
    assert outcomes(done) == [Outcome.REFUSED, Outcome.NEW]
    assert [(line.refusal.reason, line.refusal.place) for line in done.refused if line.refusal] == [
        (Reason.BAD_FIELD, "status")
    ]


def test_links_and_heartbeats(world: World) -> None:
    publisher = world.publisher()
    refs = [EventRef(agency="fra", feed="main", id="test:a"), EventRef(agency="deu", feed="main", id="test:b")]
    assert outcomes(publisher.link("SAME", refs, "main", LABEL)) == [Outcome.NEW]
    assert outcomes(publisher.link("SAME", refs[::-1], "main", LABEL)) == [Outcome.UNCHANGED]
    assert outcomes(publisher.link("SAME", refs[:1], "main", LABEL)) == [Outcome.REFUSED]
    for _ in range(2):
        publisher.heartbeat("main", 60, LABEL)
    beats = [o.message.header for o in world.submitted()][1:]
    assert [h.revision for h in beats] == [1, 2]
    assert len({h.id for h in beats}) == 1


def test_a_home_gives_the_key_in_force_and_the_default_label(world: World, tmp_path: Path) -> None:
    home = Home.create(tmp_path / "home", "")
    home.log.touch()
    home.seal(world.pin)
    with pytest.raises(TocsinError, match="no key"):
        open_publisher(home, world.log, "fra", "main", clock_ms=world.clock)
    save_key(home, "fra", world.keys["fra"])
    save_key(home, "fra", SigningKey.generate())
    publisher = open_publisher(home, world.log, "fra", "main", clock_ms=world.clock)
    assert outcomes(publisher.publish([draft("a")], "main")) == [Outcome.NEW]
    assert outcomes(publisher.publish([draft("a")], "side")) == [Outcome.REFUSED]
    (sent,) = world.submitted()
    assert sent.message.header.label == LABEL
    assert sent.envelope.signatures[0].key_id == world.keys["fra"].public.key_id
    with pytest.raises(TocsinError, match="no agency"):
        open_publisher(home, world.log, "ita", "main")
    assert open_subscriber(home, world.log, "deu").catch_up().events() == {}
