"""Checks 1 to 7 of ingest: size, frame, payload type, key, signature, schema, strict decode; each with its place."""

from dataclasses import replace

import pytest

from bus.errors import REMEDY, Reason
from bus.stages.checks import Accepted, Memory, Rejected, Verdict, check
from bus.stages.control import Control
from bus.trust import frame
from bus.trust.keys import SigningKey
from schemas.codec import encode, payload_type
from schemas.registry import newest
from tests.support.submissions import DAY_MS, NOW, POLICY, PUBLIC, Office, after, event_body, header, key_entry, sign

OFFICE = Office()
CONTROL = OFFICE.control()
FRA = OFFICE.keys["fra"]


def judged(data: bytes, agency: str = "fra", at: int = NOW, control: Control = CONTROL) -> Verdict:
    return check(data, agency=agency, at=at, control=control, memory=Memory())


def refused(verdict: Verdict) -> tuple[Reason, str]:
    """The reason and the place of a refusal, whose receipt says the same and holds a remedy."""
    assert isinstance(verdict, Rejected), verdict
    refusal = verdict.refusal
    assert refusal.remedy == REMEDY[refusal.reason]
    assert refusal.expected
    said = {name: verdict.receipt[name] for name in ("verdict", "reason", "place", "expected")}
    assert said == {
        "verdict": "REJECTED",
        "reason": refusal.reason.value,
        "place": refusal.place,
        "expected": refusal.expected,
    }
    return refusal.reason, refusal.place


def envelope(data: bytes) -> frame.Envelope:
    parsed = frame.parse(data)
    assert isinstance(parsed, frame.Envelope)
    return parsed


def retyped(kind: str, version: int, fingerprint: str, feed: str = "main", payload: bytes | None = None) -> bytes:
    """An event's payload, signed as another type."""
    named = f"application/vnd.tocsin.{kind}.v{version}+avro; schema={fingerprint}; feed={feed}"
    return frame.sign(named, envelope(OFFICE.event()).payload if payload is None else payload, FRA).encode()


def of_payload(payload: bytes) -> bytes:
    return frame.sign(payload_type("event", "main"), payload, FRA).encode()


def test_a_good_submission_is_accepted_with_its_bytes_unchanged() -> None:
    data = OFFICE.event(sequence=7)
    verdict = judged(data)
    assert isinstance(verdict, Accepted)
    assert verdict.event.envelope == data
    assert (verdict.event.accepted_at, verdict.event.first_at, verdict.event.control_version) == (NOW, NOW, 2)
    assert verdict.claim.envelope.digest == envelope(data).digest
    receipt = verdict.receipt
    assert (receipt["kind"], receipt["feed"], receipt["id"], receipt["revision"]) == ("event", "main", "test:a", 1)
    assert (receipt["verdict"], receipt["sequence"], receipt["key_id"]) == ("ACCEPTED", 7, FRA.public.key_id)
    assert verdict.control is CONTROL


@pytest.mark.parametrize("kind", ["event", "retraction", "link", "heartbeat"])
def test_every_authors_kind_passes(kind: str) -> None:
    bodies = {
        "event": event_body(),
        "retraction": {
            "retracts": [{"kind": "event", "feed": "main", "id": "test:z", "up_to_revision": 1}],
            "reason": "ERROR",
            "note": None,
        },
        "link": {
            "relation": "RELATED",
            "events": [{"agency": "fra", "feed": "main", "id": x} for x in ("test:a", "test:b")],
            "note": None,
        },
        "heartbeat": {"interval_s": 60},
    }
    data = sign(kind, header("fra", "main", "test:it"), bodies[kind], FRA)
    verdict = judged(data)
    assert isinstance(verdict, Accepted), verdict
    assert verdict.claim.type.kind == kind


# 1 size


@pytest.mark.parametrize(("size", "reason"), [(262_145, Reason.TOO_LARGE), (262_144, Reason.BAD_FRAME)])
def test_1_a_submission_above_256_kib_is_refused_unread(size: int, reason: Reason) -> None:
    verdict = judged(b"T" * size)
    assert refused(verdict)[0] is reason
    if reason is Reason.TOO_LARGE:
        assert refused(verdict)[1] == "envelope"


# 2 frame


@pytest.mark.parametrize("harm", ["empty", "magic", "cut", "longer"])
def test_2_what_is_no_frame_is_refused(harm: str) -> None:
    good = OFFICE.event()
    data = {"empty": b"", "magic": b"X" + good[1:], "cut": good[:-1], "longer": good + b"\0"}[harm]
    reason, place = refused(judged(data))
    assert reason is Reason.BAD_FRAME
    assert place.startswith("frame.")


def test_2_a_second_signature_makes_no_different_event() -> None:
    twice = sign("event", header("fra", "main", "test:a"), event_body(), FRA, OFFICE.keys["deu"])
    assert refused(judged(twice)) == (Reason.BAD_FRAME, "frame.signatures")


# 3 payload type


def test_3_only_authors_kinds_in_their_one_spelling_pass() -> None:
    for named in ("text/plain", payload_type("event", "main").upper(), payload_type("event", "main") + " "):
        data = frame.sign(named, b"x", FRA).encode()
        assert refused(judged(data)) == (Reason.UNKNOWN_TYPE, "payload type")
    for kind in ("alert", "accepted", "tick", "receipt", "delivery"):
        data = retyped(kind, 1, newest(kind).fingerprint_hex)
        assert refused(judged(data)) == (Reason.UNKNOWN_TYPE, "payload type")


# 4 key, its validity and scope


def with_key(**changed: object) -> Control:
    """What holds under the next roster, with other dates or another scope of fra's key."""
    return after(CONTROL, OFFICE.varied("fra", keys=[key_entry(FRA, **changed)]).roster())


def test_4_a_key_that_the_roster_does_not_hold_is_unknown() -> None:
    data = sign("event", header("fra", "main", "test:a"), event_body(), SigningKey.generate())
    assert refused(judged(data)) == (Reason.UNKNOWN_KEY, "signatures[0].key_id")


@pytest.mark.parametrize(("at", "good"), [(NOW - 1, False), (NOW, True), (NOW + 99, True), (NOW + 100, False)])
def test_4_a_key_is_valid_from_and_until_half_open_by_the_logs_time(at: int, good: bool) -> None:
    verdict = judged(OFFICE.event(), at=at, control=with_key(valid_from=NOW, valid_until=NOW + 100))
    if good:
        assert isinstance(verdict, Accepted)
    else:
        assert refused(verdict) == (Reason.KEY_NOT_VALID, "signatures[0].key_id")


@pytest.mark.parametrize(("at", "good"), [(NOW + 9, True), (NOW + 10, False)])
def test_4_a_revoked_key_signs_nothing_that_arrives_later_whatever_its_date(at: int, good: bool) -> None:
    verdict = judged(OFFICE.event(created_at=NOW - DAY_MS), at=at, control=with_key(revoked_at=NOW + 10))
    if good:
        assert isinstance(verdict, Accepted)
    else:
        assert refused(verdict) == (Reason.KEY_REVOKED, "signatures[0].key_id")


def test_4_a_key_signs_only_for_feeds_in_its_scope() -> None:
    verdict = judged(OFFICE.event(), control=with_key(feeds=["analysis"]))
    assert refused(verdict) == (Reason.KEY_OUT_OF_SCOPE, "signatures[0].key_id")


def test_4_a_suspended_agency_signs_nothing() -> None:
    control = after(CONTROL, OFFICE.varied("fra", suspended=True).roster())
    assert refused(judged(OFFICE.event(), control=control)) == (Reason.KEY_NOT_VALID, "signatures[0].key_id")


@pytest.mark.parametrize(("at", "good"), [(OFFICE.expires_at - 1, True), (OFFICE.expires_at, False)])
def test_4_under_an_expired_roster_nothing_passes_but_the_next_roster(at: int, good: bool) -> None:
    verdict = judged(OFFICE.event(created_at=at), at=at)
    if good:
        assert isinstance(verdict, Accepted)
        return
    assert refused(verdict) == (Reason.KEY_NOT_VALID, "signatures[0].key_id")
    office = OFFICE.varied()
    office.now, office.expires_at = at, at + DAY_MS
    assert refused(judged(office.policy(2), agency="authority", at=at))[0] is Reason.KEY_NOT_VALID
    renewed = after(CONTROL, office.roster(), at)
    assert isinstance(judged(OFFICE.event(created_at=at), at=at, control=renewed), Accepted)


@pytest.mark.parametrize("kind", ["roster", "policy", "parameters"])
def test_4_control_records_are_the_authoritys_own(kind: str) -> None:
    submitted = retyped(kind, 1, newest(kind).fingerprint_hex, "control")
    assert refused(judged(submitted)) == (Reason.NOT_AUTHORITY, "payload type")
    elsewhere = retyped(kind, 1, newest(kind).fingerprint_hex, "main")
    assert refused(judged(elsewhere, agency="authority")) == (Reason.NOT_AUTHORITY, "payload type")


def test_4_the_feed_control_is_the_authoritys_own() -> None:
    data = sign("event", header("fra", "control", "test:a"), event_body(), FRA)
    assert refused(judged(data)) == (Reason.NOT_AUTHORITY, "payload type")


def test_4_a_roster_needs_the_roots() -> None:
    office = OFFICE.varied()
    assert refused(judged(office.roster(FRA), agency="authority")) == (Reason.THRESHOLD_NOT_MET, "signatures")
    first = check(office.roster(), agency="authority", at=NOW, control=Control.start(bytes(32)), memory=Memory())
    assert refused(first) == (Reason.NOT_AUTHORITY, "envelope")


# 5 signature


@pytest.mark.parametrize("where", ["payload", "type", "signature"])
def test_5_one_flipped_bit_anywhere_is_a_bad_signature(where: str) -> None:
    good = envelope(OFFICE.event())
    signature = good.signatures[0]
    if where == "payload":
        harmed = replace(good, payload=good.payload[:-1] + bytes([good.payload[-1] ^ 1]))
    elif where == "type":
        harmed = replace(good, payload_type=payload_type("event", "analysis"))
    else:
        value = bytes([signature.value[0] ^ 1]) + signature.value[1:]
        harmed = replace(good, signatures=(signature._replace(value=value),))
    verdict = judged(harmed.encode())
    assert refused(verdict) == (Reason.BAD_SIGNATURE, "signatures[0]")
    assert verdict.receipt["id"] is None


def test_5_nothing_is_decoded_before_its_signature_is_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    good = envelope(OFFICE.event())
    forged = replace(good, payload=b"\xc3\x01 poison")

    def never(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr("bus.stages.checks.content.decode", never)
    assert refused(judged(forged.encode()))[0] is Reason.BAD_SIGNATURE
    with pytest.raises(AssertionError):
        judged(OFFICE.event())


# 6 schema


def test_6_only_released_schemas_are_read() -> None:
    for kind, version, fingerprint in (
        ("event", 1, "0" * 64),
        ("event", 2, newest("event").fingerprint_hex),
        ("link", 1, newest("event").fingerprint_hex),
    ):
        assert refused(judged(retyped(kind, version, fingerprint))) == (Reason.UNKNOWN_SCHEMA, "payload type")


# 7 strict decode


def test_7_the_payload_is_of_the_schema_that_its_type_names() -> None:
    assert refused(judged(of_payload(b"")))[0] is Reason.UNDECODABLE
    beat = encode(newest("heartbeat"), {"header": header("fra", "main", "x"), "body": {"interval_s": 1}})
    assert refused(judged(of_payload(beat))) == (Reason.UNDECODABLE, "payload[0:10]")
    cut = envelope(OFFICE.event()).payload[:-1]
    assert refused(judged(of_payload(cut))) == (Reason.UNDECODABLE, "payload")


def test_7_the_payload_has_one_spelling() -> None:
    longer = envelope(OFFICE.event()).payload + b"\0"
    assert refused(judged(of_payload(longer))) == (Reason.NOT_CANONICAL, "payload")


def test_what_was_not_read_is_not_in_the_receipt() -> None:
    verdict = judged(b"poison")
    assert {verdict.receipt[name] for name in ("kind", "feed", "id", "revision", "label", "sequence", "key_id")} == {
        None
    }
    assert len(verdict.receipt["digest"]) == 64
    undecoded = judged(of_payload(b""))
    assert (undecoded.receipt["kind"], undecoded.receipt["feed"], undecoded.receipt["id"]) == ("event", "main", None)
    assert undecoded.receipt["digest"] == envelope(of_payload(b"")).digest.hex()


def test_a_control_record_is_public_before_any_policy_can_say_so() -> None:
    office = Office()
    first = office.roster()
    verdict = check(first, agency="authority", at=NOW, control=Control.start(office.pin), memory=Memory())
    assert isinstance(verdict, Accepted)
    assert (verdict.control.roster_version, verdict.event.control_version) == (1, 1)
    for label, expected in (
        ("COALITION SECRET//REL TO FRA", (Reason.BAD_LABEL, "header.label")),
        ("COALITION UNCLASSIFIED//PUBLIC//FOR deu", (Reason.BAD_LABEL, "header.label")),
        ("no label at all", (Reason.BAD_LABEL, "header.label")),
        (PUBLIC + "//TEST", (Reason.REALM_MISMATCH, "header.status")),
    ):
        body = {"policy": "COALITION", "version": 1, "toml": POLICY}
        data = sign("policy", office.header("p") | {"label": label}, body, office.keys["authority"])
        assert refused(judged(data, agency="authority", control=verdict.control)) == expected
