"""The subscriber on the embedded log: an unbroken chain, and every signature found good or named bad."""

from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from bus.client import (
    Authority,
    Subscriber,
    verify_alert,
    verify_event,
)
from bus.client.subscriber import BrokenOutboxError, Head, first_chain
from bus.errors import Reason
from bus.log.protocol import NewRecord, Record
from bus.log.topics import agency_topics
from bus.stages.following import ControlFollower, ForeignControlError, follow
from bus.trust import frame
from bus.trust.keys import SigningKey
from bus.units import DAY_MS
from schemas.codec import encode, payload_type, to_wire
from schemas.models import (
    PolicyMessage,
)
from schemas.registry import newest
from tests.support.client_world import LABEL, NOW, Outbox, World, alert_of, delivered_world, draft, make_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    yield made
    made.log.close()


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


def test_a_reader_that_begins_months_late_finds_its_chain_unbroken(world: World) -> None:
    delivered_world(world)
    world.log.retain(world.now + 119 * DAY_MS)
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
