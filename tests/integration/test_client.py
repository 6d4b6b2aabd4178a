"""Publisher and subscriber on the embedded log: nothing doubled or lost, every signature found good or named bad."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from bus.client import (
    Authority,
    Outcome,
    Publisher,
    Subscriber,
    open_publisher,
    open_subscriber,
    verify_alert,
    verify_event,
)
from bus.client.opened import Opened, open_signed
from bus.client.publication import Act as Draft
from bus.client.subscriber import BrokenOutboxError, Head, first_chain
from bus.errors import Reason, TocsinError
from bus.home import Home, save_key
from bus.log.protocol import NewRecord, Record
from bus.log.sqlite import SqliteLog
from bus.log.topics import agency_topics, bus_topics, topic
from bus.stages.following import ControlFollower, ForeignControlError, follow
from bus.trust import frame
from bus.trust.keys import SigningKey
from bus.units import DAY_MS
from schemas.codec import encode, payload_type, to_wire
from schemas.delivery import encode_delivery, encode_middle, next_chain, without_chain
from schemas.models import (
    AcceptedEvent,
    AlertMessage,
    EventRef,
    PolicyMessage,
    Receipt,
    RosterMessage,
    Status,
    Verdict,
)
from schemas.registry import newest

NOW = 1_790_000_000_000
LABEL = "COALITION RESTRICTED//REL TO DEU, FRA"


def draft(name: str, headline: str = "", modified_at: int | None = None, status: Status = Status.ACTUAL) -> Draft:
    body = {
        "nature": "INCIDENT",
        "type": "violence.killing",
        "source": {"discipline": "OSINT"},
        "texts": [{"language": "en", "headline": headline or name}],
    }
    return Draft("event", f"test:{name}", status, body, modified_at)


@dataclass
class World:
    """One bus on a temporary log, with two agencies, the bus and the authority."""

    path: Path
    log: Any
    now: int = NOW
    keys: dict[str, SigningKey] = field(default_factory=dict)
    pin: bytes = b""
    control: int = 0

    def clock(self) -> int:
        self.now += 1
        return self.now

    def found(self) -> None:
        self.keys = {name: SigningKey.generate() for name in ("authority", "bus", "fra", "deu")}
        self.roster(1)
        text = (resources.files("schemas") / "policies" / "coalition.toml").read_text(encoding="utf-8")
        body = {"policy": "COALITION", "version": 1, "toml": text}
        message = PolicyMessage.model_validate({"header": self.header("policy", 1), "body": body})
        self.accept(frame.sign(payload_type("policy", "control"), to_wire(message), self.keys["authority"]))

    def header(self, record_id: str, revision: int) -> dict[str, Any]:
        return {
            "agency": "authority",
            "feed": "control",
            "id": record_id,
            "revision": revision,
            "sequence": revision,
            "created_at": self.now,
            "status": "ACTUAL",
            "label": "COALITION UNCLASSIFIED//PUBLIC",
        }

    def roster(self, version: int, compromised: dict[str, int] | None = None) -> None:
        root = self.keys["authority"].public
        agencies = [
            {
                "name": name,
                "clearance": {"subject": name},
                "keys": [
                    {
                        "key_id": key.public.key_id,
                        "public": key.public.raw,
                        "feeds": ["*"],
                        "valid_from": NOW - 1000,
                        "revoked_at": (compromised or {}).get(name) and self.now,
                        "compromised_since": (compromised or {}).get(name),
                    }
                ],
                "feeds": []
                if name in ("bus", "authority")
                else [{"name": "main", "floor": "COALITION UNCLASSIFIED//PUBLIC", "default_label": LABEL}],
            }
            for name, key in self.keys.items()
        ]
        body = {
            "version": version,
            "expires_at": NOW + 10**10,
            "roots": {"keys": [{"key_id": root.key_id, "public": root.raw}], "threshold": 1},
            "agencies": agencies,
        }
        message = RosterMessage.model_validate({"header": self.header("roster", version), "body": body})
        envelope = frame.sign(payload_type("roster", "control"), to_wire(message), self.keys["authority"])
        self.pin = self.pin or envelope.digest
        self.accept(envelope)

    def accept(self, envelope: frame.Envelope) -> None:
        self.control += 1
        at = self.clock()
        accepted = AcceptedEvent(accepted_at=at, first_at=at, control_version=self.control, envelope=envelope.encode())
        self.log.append("control", [NewRecord("control", b"c", encode(newest("accepted"), accepted.model_dump()))])

    def publisher(self, agency: str = "fra", **options: Any) -> Publisher:
        policies = Authority(self.log, self.pin).policies
        path = self.path / f"{agency}.db"
        return Publisher(self.log, agency, self.keys[agency], path, policies, clock_ms=self.clock, **options)

    def submitted(self, agency: str = "fra") -> list[Opened]:
        opened = [open_signed(record.value) for record in self.log.read(topic("submissions", agency))]
        assert all(isinstance(one, Opened) for one in opened)
        return [one for one in opened if isinstance(one, Opened)]

    def receipt(self, opened: Opened, verdict: Verdict, reason: Reason | None = None) -> None:
        header = opened.message.header
        receipt = Receipt(
            kind="event",
            feed=header.feed,
            id=header.id,
            digest=opened.envelope.digest.hex(),
            revision=header.revision,
            label=header.label,
            verdict=verdict,
            reason=reason,
            accepted_at=self.now,
            first_at=self.now,
            sequence=header.sequence,
        )
        name = topic("receipts", header.agency)
        self.log.append(name, [NewRecord(name, b"k", encode(newest("receipt"), receipt.model_dump()))])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, None)
    made.log = SqliteLog(tmp_path / "bus.db", made.clock)
    made.log.create([*bus_topics(), *(spec for name in ("fra", "deu") for spec in agency_topics(name))])
    made.found()
    yield made
    made.log.close()


def next_offset(world: World, name: str) -> int:
    offsets: list[int] = [record.offset for record in world.log.read(name)]
    return offsets[-1] + 1


def outcomes(publication: Any) -> list[Outcome]:
    return [line.outcome for line in publication.lines]


# --- publisher --------------------------------------------------------------------------------------------------------


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


# --- subscriber -------------------------------------------------------------------------------------------------------


class Outbox:
    """What correlate writes, for one reader."""

    def __init__(self, world: World, reader: str) -> None:
        """Begin the reader's chain."""
        self.world, self.name = world, topic("outbox", reader)
        self.sequence, self.chain = 0, first_chain(reader, world.pin)

    def deliver(
        self, kind: str, ref: str, body: bytes | None = None, change: str = "NEW", reason: str | None = None
    ) -> bytes:
        middle = encode_middle(change=change, reason=reason, kind=kind, ref=ref, body=body)
        self.sequence += 1
        self.chain = next_chain(self.chain, without_chain(self.sequence, 1, middle))
        data = encode_delivery(self.sequence, 1, middle, self.chain)
        self.append(data)
        return data

    def append(self, data: bytes) -> None:
        self.world.log.append(self.name, [NewRecord(self.name, b"k", data)])


def alert_of(world: World, members: list[Opened], accepted_at: int, signer: str = "bus", **changed: Any) -> bytes:
    body = {
        "alert_id": "ab" * 32,
        "parameters_version": 1,
        "members": [
            {
                "digest": m.envelope.digest.hex(),
                "agency": m.message.header.agency,
                "feed": m.message.header.feed,
                "id": m.message.header.id,
                "revision": m.message.header.revision,
                "accepted_at": accepted_at,
                "first_at": accepted_at,
                "claims": "SUPPORTS",
                "origin_group": 0,
                **changed,
            }
            for m in members
        ],
        "type": "violence.killing",
        "nature": "INCIDENT",
        "severity": {"level": 3, "harm": 3, "scale": 1, "vulnerable": False},
        "confidence": {"log_odds": 0.0, "probability": 0.5, "words": "roughly even chance", "cap": 0.9},
        "origins": len(members),
    }
    header = world.header("variant", 1) | {"agency": "bus", "feed": "alerts", "label": LABEL}
    message = AlertMessage.model_validate({"header": header, "body": body})
    return frame.sign(payload_type("alert", "alerts"), to_wire(message), world.keys[signer]).encode()


def delivered_world(world: World) -> tuple[Outbox, list[Opened]]:
    """Two agencies' events and an alert of both, delivered to deu."""
    world.publisher("fra").publish([draft("a")], "main", LABEL)
    world.publisher("deu").publish([draft("b")], "main", LABEL)
    members = world.submitted("fra") + world.submitted("deu")
    outbox = Outbox(world, "deu")
    for member in members:
        h = member.message.header
        outbox.deliver("event", f"{h.agency}/{h.feed}/{h.id}", member.envelope.encode())
    return outbox, members


def test_a_reader_has_its_picture_and_every_signature_down_to_the_authors(world: World) -> None:
    outbox, members = delivered_world(world)
    outbox.deliver("alert", "ab" * 32, alert_of(world, members, world.now))
    subscriber = Subscriber(world.log, "deu", world.pin)
    assert [received.delivery.sequence for received in subscriber.poll()] == [1, 2, 3]
    picture = subscriber.picture
    assert set(picture.events()) == {"fra/main/test:a", "deu/main/test:b"}
    assert set(picture.alerts()) == {"ab" * 32}
    event = picture.event("fra/main/test:a")
    assert event is not None
    assert event.body.texts[0].headline == "a"
    found = verify_alert(picture, Authority(world.log, world.pin), "ab" * 32)
    assert found.good, found
    assert [(f.checked.value, f.signer) for f in found.findings] == [
        ("alert", "bus"),
        ("member", "fra"),
        ("member", "deu"),
    ]
    assert verify_event(picture, Authority(world.log, world.pin), "fra/main/test:a").good


def test_a_closed_alert_is_verified_by_its_members_as_they_were(world: World) -> None:
    outbox, members = delivered_world(world)
    outbox.deliver("alert", "ab" * 32, alert_of(world, members, world.now))
    outbox.deliver("alert", "ab" * 32, change="CLOSED", reason="QUIET")
    world.publisher("fra").publish([draft("a", "changed")], "main", LABEL)
    outbox.deliver("event", "fra/main/test:a", world.submitted("fra")[-1].envelope.encode(), change="UPDATE")
    outbox.deliver("event", "deu/main/test:b", change="RETRACTED", reason="EXPIRED")
    subscriber = Subscriber(world.log, "deu", world.pin)
    picture = subscriber.catch_up()
    assert set(picture.events()) == {"fra/main/test:a"}
    assert verify_alert(picture, Authority(world.log, world.pin), "ab" * 32).good
    outbox.deliver("event", "fra/main/test:a", change="RETRACTED", reason="RIGHT_LOST")
    assert set(subscriber.catch_up().past) == {"deu/main/test:b"}


def test_an_alert_of_thousands_of_reports_is_larger_than_an_author_may_send_and_is_read_all_the_same(
    world: World,
) -> None:
    outbox, members = delivered_world(world)
    outbox.deliver("alert", "ab" * 32, alert_of(world, members * 1500, world.now))
    picture = Subscriber(world.log, "deu", world.pin).catch_up()
    assert len(picture.alerts()["ab" * 32].body) > frame.MAX_ENVELOPE_BYTES
    alert = picture.alert("ab" * 32)
    assert alert is not None
    assert len(alert.body.members) == 3000


def test_what_is_not_there_verifies_as_nothing(world: World) -> None:
    found = verify_alert(Subscriber(world.log, "deu", world.pin).catch_up(), Authority(world.log, world.pin), "ab" * 32)
    assert not found.good
    assert found.findings == ()


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        ({"signer": "fra"}, Reason.AGENCY_MISMATCH),
        ({"digest": "00" * 32}, Reason.BAD_FIELD),
        ({"agency": "deu"}, Reason.AGENCY_MISMATCH),
        ({"revision": 7}, Reason.BAD_FIELD),
        ({"id": "test:z"}, Reason.BAD_FIELD),
        ({"accepted_at": NOW - 10_000}, Reason.UNKNOWN_KEY),
    ],
)
def test_an_alert_that_lies_about_its_members_or_signer_is_found_out(
    world: World, lie: dict[str, Any], reason: Reason
) -> None:
    outbox, members = delivered_world(world)
    options = {"accepted_at": world.now, **lie}
    outbox.deliver("alert", "ab" * 32, alert_of(world, members[:1], **options))
    picture = Subscriber(world.log, "deu", world.pin).catch_up()
    found = verify_alert(picture, Authority(world.log, world.pin), "ab" * 32)
    assert not found.good
    assert [f.refusal.reason for f in found.findings if f.refusal] == [reason]


def test_a_forged_signature_is_found_out(world: World) -> None:
    outbox, members = delivered_world(world)
    honest = members[0].envelope
    signature = honest.signatures[0]
    forged = signature._replace(value=members[1].envelope.signatures[0].value)
    body = frame.Envelope(honest.payload_type, honest.payload, (forged,)).encode()
    outbox.deliver("event", "fra/main/test:a", body, change="UPDATE")
    subscriber = Subscriber(world.log, "deu", world.pin)
    found = verify_event(subscriber.catch_up(), Authority(world.log, world.pin), "fra/main/test:a")
    assert [f.refusal.reason for f in found.findings if f.refusal] == [Reason.BAD_SIGNATURE]


@pytest.mark.parametrize(("signer", "reason"), [("nobody", Reason.UNKNOWN_KEY), ("deu", Reason.AGENCY_MISMATCH)])
def test_who_signed_is_judged_before_what_is_signed_is_decoded(world: World, signer: str, reason: Reason) -> None:
    outbox, members = delivered_world(world)
    key = world.keys.get(signer, SigningKey.generate())
    rubbish = frame.sign(payload_type("event", "main"), b"rubbish", key)
    outbox.deliver("event", "fra/main/test:a", rubbish.encode(), change="UPDATE")
    forged = rubbish.signatures[0]._replace(key_id=world.keys["fra"].public.key_id)
    outbox.deliver("event", "fra/main/test:b", frame.Envelope(rubbish.payload_type, b"rubbish", (forged,)).encode())
    own = frame.sign(payload_type("event", "main"), b"rubbish", world.keys["fra"])
    outbox.deliver("event", "fra/main/test:c", own.encode())
    outbox.deliver("event", "fra/main/test:d", members[0].envelope.encode())
    picture = Subscriber(world.log, "deu", world.pin).catch_up()
    authority = Authority(world.log, world.pin)
    found = [verify_event(picture, authority, f"fra/main/test:{name}").findings[0].refusal for name in "abcd"]
    expected = [reason, Reason.BAD_SIGNATURE, Reason.UNDECODABLE, Reason.BAD_FIELD]
    assert [one.reason if one else None for one in found] == expected


def test_an_alert_under_anothers_id_is_found_out(world: World) -> None:
    outbox, members = delivered_world(world)
    outbox.deliver("alert", "cd" * 32, alert_of(world, members, world.now))
    outbox.deliver("alert", "ef" * 32, members[0].envelope.encode())
    picture, authority = Subscriber(world.log, "deu", world.pin).catch_up(), Authority(world.log, world.pin)
    found = [verify_alert(picture, authority, name * 32).findings for name in ("cd", "ef")]
    assert [[one.refusal and one.refusal.reason for one in each] for each in found] == [
        [Reason.BAD_FIELD],
        [Reason.AGENCY_MISMATCH],
    ]


def test_what_the_authority_did_not_sign_is_not_decoded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = SigningKey.generate()
    policy = frame.sign(payload_type("policy", "control"), b"rubbish", stranger)
    roster = frame.sign(payload_type("roster", "control"), b"rubbish", stranger)
    control = ControlFollower(world.log, world.pin).read()
    monkeypatch.setattr("bus.stages.following.read_message", lambda _: pytest.fail("decoded"))
    for envelope in (policy, roster):
        accepted = {"accepted_at": NOW, "first_at": NOW, "control_version": 3, "envelope": envelope.encode()}
        record = Record("control", 9, NOW, b"c", encode(newest("accepted"), accepted))
        with pytest.raises(ForeignControlError):
            follow(control, record)


def test_a_payload_signed_as_another_feeds_is_found_out(world: World) -> None:
    outbox, members = delivered_world(world)
    crossed = frame.sign(payload_type("event", "other"), members[0].envelope.payload, world.keys["fra"])
    outbox.deliver("event", "fra/main/test:a", crossed.encode(), change="UPDATE")
    picture = Subscriber(world.log, "deu", world.pin).catch_up()
    found = verify_event(picture, Authority(world.log, world.pin), "fra/main/test:a")
    assert [f.refusal.reason for f in found.findings if f.refusal] == [Reason.FEED_MISMATCH]
    assert picture.event("fra/main/test:a") is None


@pytest.mark.parametrize("kind", ["tick", "receipt"])
def test_what_is_no_message_of_anybody_is_found_out(world: World, kind: str) -> None:
    outbox, _ = delivered_world(world)
    body = frame.sign(payload_type(kind, "main"), newest(kind).prefix + b"\2", world.keys["fra"]).encode()
    outbox.deliver("event", "fra/main/test:a", body, change="UPDATE")
    picture = Subscriber(world.log, "deu", world.pin).catch_up()
    found = verify_event(picture, Authority(world.log, world.pin), "fra/main/test:a")
    assert [f.refusal.reason for f in found.findings if f.refusal] == [Reason.UNKNOWN_TYPE]


def test_a_key_found_compromised_later_taints_what_it_signed_since(world: World) -> None:
    outbox, members = delivered_world(world)
    outbox.deliver("alert", "ab" * 32, alert_of(world, members, world.now))
    picture = Subscriber(world.log, "deu", world.pin).catch_up()
    world.roster(2, {"fra": NOW})
    found = verify_alert(picture, Authority(world.log, world.pin), "ab" * 32)
    assert [f.refusal.reason if f.refusal else None for f in found.findings] == [None, Reason.KEY_REVOKED, None]


def test_what_waited_for_the_roster_that_knows_its_key_is_good_at_its_own_time(world: World) -> None:
    world.log.create(agency_topics("ita"))
    world.keys["ita"] = SigningKey.generate()
    world.publisher("ita").publish([draft("c")], "main", LABEL)
    member, waited_since = world.submitted("ita")[-1], world.now
    outbox = Outbox(world, "deu")
    outbox.deliver("event", "ita/main/test:c", member.envelope.encode())
    outbox.deliver("alert", "ab" * 32, alert_of(world, [member], waited_since))
    picture = Subscriber(world.log, "deu", world.pin).catch_up()
    before = verify_alert(picture, Authority(world.log, world.pin), "ab" * 32)
    assert [f.refusal.reason for f in before.findings if f.refusal] == [Reason.UNKNOWN_KEY]
    world.roster(2)
    assert verify_alert(picture, Authority(world.log, world.pin), "ab" * 32).good


def test_changes_fold_into_the_picture(world: World) -> None:
    outbox, members = delivered_world(world)
    outbox.deliver("alert", "ab" * 32, alert_of(world, members, world.now))
    outbox.deliver("alert", "ab" * 32, change="CLOSED", reason="QUIET")
    subscriber = Subscriber(world.log, "deu", world.pin)
    assert subscriber.catch_up().alerts()["ab" * 32].closed
    outbox.deliver("event", "fra/main/test:a", change="RETRACTED", reason="AUTHOR_RETRACTED")
    outbox.deliver("alert", "ab" * 32, change="RETRACTED", reason="BELOW_THRESHOLD")
    picture = subscriber.catch_up()
    assert set(picture.events()) == {"deu/main/test:b"}
    assert picture.alerts() == {}
    assert {gone.reason for gone in picture.gone.values()} == {"AUTHOR_RETRACTED", "BELOW_THRESHOLD"}


def test_a_repeat_is_dropped_and_a_later_start_goes_on_from_its_head(world: World) -> None:
    outbox, _ = delivered_world(world)
    last = outbox.deliver("event", "fra/main/test:a", change="RETRACTED", reason="EXPIRED")
    outbox.append(last)
    subscriber = Subscriber(world.log, "deu", world.pin)
    assert len(list(subscriber.poll())) == 3
    assert list(subscriber.poll()) == []
    outbox.deliver("event", "deu/main/test:b", change="RETRACTED", reason="EXPIRED")
    later = Subscriber(world.log, "deu", world.pin, Head(*subscriber.head))
    assert [received.delivery.sequence for received in later.poll()] == [4]


def test_a_reader_that_begins_late_finds_its_chain_unbroken(world: World) -> None:
    delivered_world(world)
    world.log.retain(world.now + 2000 * DAY_MS)
    assert len(Subscriber(world.log, "deu", world.pin).catch_up().events()) == 2


@pytest.mark.parametrize("harm", ["gap", "changed", "forked", "other reader", "other pin", "garbage"])
def test_a_broken_outbox_stops_the_reader_with_its_picture_as_before(world: World, harm: str) -> None:
    outbox, _ = delivered_world(world)
    subscriber = Subscriber(world.log, "deu", world.pin)
    if harm == "gap":
        outbox.sequence += 1
    elif harm == "changed":
        outbox.chain = bytes(32)
    elif harm == "forked":
        outbox.sequence -= 1
    elif harm == "other reader":
        subscriber = Subscriber(world.log, "deu", world.pin)
        subscriber.head = Head(0, first_chain("fra", world.pin))
    elif harm == "other pin":
        subscriber = Subscriber(world.log, "deu", bytes(32))
    if harm == "garbage":
        outbox.append(b"\xc3\x01 garbage")
    else:
        outbox.deliver("event", "fra/main/test:a", change="RETRACTED", reason="EXPIRED")
    for _ in range(2):
        with pytest.raises(BrokenOutboxError) as error:
            subscriber.catch_up()
    assert error.value.advice
    assert set(subscriber.picture.events()) == (
        set() if harm in ("other reader", "other pin") else {"fra/main/test:a", "deu/main/test:b"}
    )


def test_a_control_topic_that_the_pin_did_not_sign_is_refused(world: World) -> None:
    with pytest.raises(ForeignControlError):
        Authority(world.log, bytes(32))
    text = (resources.files("schemas") / "policies" / "tlp-2.0.toml").read_text(encoding="utf-8")
    body = {"policy": "TLP", "version": 1, "toml": text}
    message = PolicyMessage.model_validate({"header": world.header("policy", 2), "body": body})
    world.accept(frame.sign(payload_type("policy", "control"), to_wire(message), world.keys["fra"]))
    with pytest.raises(ForeignControlError):
        Authority(world.log, world.pin)


def test_an_old_policy_that_is_said_again_is_no_policy_in_force(world: World) -> None:
    first = list(world.log.read("control"))[-1]
    world.log.append("control", [NewRecord("control", first.key, first.value)])
    with pytest.raises(ForeignControlError):
        Authority(world.log, world.pin)
