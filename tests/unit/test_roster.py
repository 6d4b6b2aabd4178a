"""The roster: who may sign what at what time, which roster may follow, and nothing decoded before it is vouched for."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from bus.errors import Reason, Refusal
from bus.trust import frame
from bus.trust.keys import SigningKey
from bus.trust.roster import Key, Trust
from schemas.codec import payload_type
from schemas.models import Roster
from tests.roster_sample import DAY, NOW, agency_of, entry_of, key_of, root_of, roster_of, signed, trusting

ROOM = Path(__file__).resolve().parents[2] / "bus" / "trust"
LATER = NOW + DAY
Fields = dict[str, Any]


def step(trust: Trust, fields: Fields, signers: str = "r", at: int = NOW) -> Trust | Refusal:
    roster = Roster.model_validate(fields)
    return trust.accept(signed(roster, *signers), roster, at)


def refusal_of(found: object) -> Reason | None:
    return found.reason if isinstance(found, Refusal) else None


def judged(trust: Trust, name: str, feed: str = "main", at: int = NOW) -> Reason | None:
    return refusal_of(trust.judge_key(key_of(name).public.key_id, feed, at))


# --- who may sign -----------------------------------------------------------------------------------------------------


def test_before_the_first_roster_nobody_may_sign_anything() -> None:
    trust = Trust.pinned(bytes(32))
    assert (trust.version, trust.roster, trust.agencies) == (0, None, ())
    assert trust.agency("fra") is None
    assert trust.feed("fra", "main") is None
    assert judged(trust, "fra") is Reason.UNKNOWN_KEY
    assert trust.expired(0)
    assert not trust.is_tainted(key_of("fra").public.key_id, NOW)


def test_the_roster_in_force_answers_what_it_says() -> None:
    trust = trusting()
    assert trust.version == 1
    assert [agency.name for agency in trust.agencies] == ["fra", "deu"]
    fra = trust.agency("fra")
    assert fra is not None
    assert trust.feed("fra", "main") is fra.feeds[0]
    assert trust.feed("fra", "side") is None
    assert trust.feed("ita", "main") is None
    key = key_of("fra").public
    assert trust.judge_key(key.key_id, "main", NOW) == Key(key.key_id, "fra", key)
    assert judged(trust, "ita") is Reason.UNKNOWN_KEY
    assert judged(trust, "r") is Reason.UNKNOWN_KEY  # a root is no agency's key


def test_validity_is_half_open() -> None:
    trust = trusting(roster_of(1, agency_of("fra", entry_of("fra", valid_from=NOW, valid_until=LATER))))
    found = [judged(trust, "fra", at=at) for at in (NOW - 1, NOW, LATER - 1, LATER)]
    assert found == [Reason.KEY_NOT_VALID, None, None, Reason.KEY_NOT_VALID]


def test_scope_is_feeds_or_all_feeds() -> None:
    trust = trusting(roster_of(1, agency_of("fra", entry_of("fra", feeds=["main", "side"]), entry_of("all"))))
    assert [judged(trust, "fra", feed) for feed in ("main", "side", "mai")] == [None, None, Reason.KEY_OUT_OF_SCOPE]
    assert judged(trust, "all", "anything") is None


def test_a_suspended_agency_may_sign_nothing_and_is_still_there() -> None:
    trust = trusting(roster_of(1, agency_of("fra", suspended=True), agency_of("deu")))
    assert (judged(trust, "fra"), judged(trust, "deu")) == (Reason.KEY_NOT_VALID, None)
    assert trust.agency("fra") is not None


def test_a_revoked_key_signs_nothing_from_then_on_and_what_it_signed_before_stands() -> None:
    trust = trusting(roster_of(1, agency_of("fra", entry_of("fra", revoked_at=LATER))))
    assert [judged(trust, "fra", at=at) for at in (LATER - 1, LATER, LATER + DAY)] == [None, *[Reason.KEY_REVOKED] * 2]
    assert not trust.is_tainted(key_of("fra").public.key_id, LATER + DAY)


def test_what_a_compromised_key_signed_since_is_tainted() -> None:
    since = LATER - 1000
    key = entry_of("fra", revoked_at=LATER, compromised_since=since)
    trust = trusting(roster_of(1, agency_of("fra", key), agency_of("deu")))
    assert [judged(trust, "fra", at=at) for at in (since - 1, since)] == [None, Reason.KEY_REVOKED]
    assert [trust.is_tainted(key["key_id"], at) for at in (since - 1, since, LATER)] == [False, True, True]
    assert not trust.is_tainted(key_of("deu").public.key_id, LATER)
    assert not trust.is_tainted("00" * 16, LATER)


def test_a_revoked_key_is_called_revoked_whatever_else_is_wrong_with_it() -> None:
    key = entry_of("fra", revoked_at=NOW, valid_until=NOW, feeds=["other"])
    assert judged(trusting(roster_of(1, agency_of("fra", key))), "fra") is Reason.KEY_REVOKED


def test_a_roster_expires_at_its_time_and_still_says_who_signs_the_next() -> None:
    trust = trusting(roster_of() | {"expires_at": LATER})
    assert trust.expires_at == LATER
    assert [trust.expired(at) for at in (LATER - 1, LATER)] == [False, True]
    after = step(trust, roster_of(2), at=LATER + DAY)
    assert isinstance(after, Trust)
    assert not after.expired(LATER + DAY)


# --- which roster may follow ------------------------------------------------------------------------------------------


def test_the_first_roster_is_the_pinned_one_and_no_other() -> None:
    roster = Roster.model_validate(roster_of())
    envelope = signed(roster, "r")
    assert refusal_of(Trust.pinned(bytes(32)).judge_roster(envelope)) is Reason.NOT_AUTHORITY
    assert refusal_of(Trust.pinned(bytes(32)).accept(envelope, roster, NOW)) is Reason.NOT_AUTHORITY
    pinned = Trust.pinned(envelope.digest)
    assert pinned.judge_roster(envelope) is None
    # The pin covers what is signed, not who signed it: its own roots must have.
    assert refusal_of(pinned.accept(signed(roster, "x"), roster, NOW)) is Reason.THRESHOLD_NOT_MET
    assert isinstance(pinned.accept(envelope, roster, NOW), Trust)


def test_a_bus_begins_with_version_one() -> None:
    roster = Roster.model_validate(roster_of(2))
    envelope = signed(roster, "r")
    assert refusal_of(Trust.pinned(envelope.digest).accept(envelope, roster, NOW)) is Reason.VERSION_GAP


@pytest.mark.parametrize("version", [1, 2, 4, 2**40])
def test_rollback_repeat_and_gap_are_refused(version: int) -> None:
    trust = step(trusting(), roster_of(2))
    assert isinstance(trust, Trust)
    assert refusal_of(step(trust, roster_of(version))) is Reason.VERSION_GAP
    assert isinstance(step(trust, roster_of(3)), Trust)


@pytest.mark.parametrize(
    ("signers", "reason"),
    [
        ("abcd", None),
        ("abc", None),
        ("abd", None),
        ("bcd", None),
        ("acd", None),
        ("ab", Reason.THRESHOLD_NOT_MET),  # two of the old roots, one of the new
        ("cd", Reason.THRESHOLD_NOT_MET),
        ("d", Reason.THRESHOLD_NOT_MET),
        ("wxyz", Reason.THRESHOLD_NOT_MET),
        ("abcx", Reason.BAD_SIGNATURE),  # nobody can lengthen a roster by a signature that says nothing
    ],
)
def test_new_roots_need_the_thresholds_of_the_old_and_of_the_new(signers: str, reason: Reason | None) -> None:
    trust = trusting(roster_of(1, roots="abc", threshold=2), signers="ab")
    after = step(trust, roster_of(2, roots="bcd", threshold=2), signers)
    assert refusal_of(after) is reason
    if isinstance(after, Trust):
        assert refusal_of(step(after, roster_of(3, roots="bcd", threshold=2), "ab")) is Reason.THRESHOLD_NOT_MET
        assert isinstance(step(after, roster_of(3, roots="bcd", threshold=2), "cd"), Trust)


def test_a_root_counts_once_however_often_it_signs() -> None:
    trust = trusting(roster_of(1, roots="ab", threshold=2), signers="ab")
    roster = Roster.model_validate(roster_of(2, roots="ab", threshold=2))
    one = signed(roster, "a").signatures[0]
    twice = frame.Envelope(signed(roster, "a").payload_type, signed(roster, "a").payload, (one, one))
    assert refusal_of(trust.judge_roster(twice)) is Reason.THRESHOLD_NOT_MET


def test_a_signature_of_other_bytes_does_not_count() -> None:
    trust = trusting()
    roster, other = Roster.model_validate(roster_of(2)), Roster.model_validate(roster_of(2, agency_of("ita")))
    good, stolen = signed(roster, "r"), signed(other, "r").signatures
    forged = frame.Envelope(good.payload_type, good.payload, stolen)
    assert refusal_of(trust.accept(forged, roster, NOW)) is Reason.THRESHOLD_NOT_MET
    # A good signature does not carry a bad one of another root with it.
    both = trusting(roster_of(1, roots="ab"), signers="a")
    body = Roster.model_validate(roster_of(2, roots="ab"))
    bad = signed(body, "b").signatures[0]._replace(value=bytes(64))
    mixed = frame.Envelope(good.payload_type, signed(body, "a").payload, (*signed(body, "a").signatures, bad))
    assert refusal_of(both.accept(mixed, body, NOW)) is Reason.BAD_SIGNATURE


def test_a_root_signs_no_roster_by_signing_something_else() -> None:
    trust = trusting()
    payload = signed(Roster.model_validate(roster_of(2)), "r").payload
    for named in (payload_type("policy", "control"), payload_type("event", "control"), "roster", ""):
        assert refusal_of(trust.judge_roster(frame.sign(named, payload, key_of("r")))) is Reason.UNKNOWN_TYPE


def test_a_roster_that_is_expired_already_is_refused() -> None:
    assert refusal_of(step(trusting(), roster_of(2) | {"expires_at": NOW})) is Reason.EXPIRED
    assert isinstance(step(trusting(), roster_of(2) | {"expires_at": NOW + 1}), Trust)


SMALL = {"key_id": "00" * 16, "public": bytes(32)}
FLAWS: dict[str, Fields] = {
    "roots.keys[1].key_id": roster_of(2, roots="rr"),
    "roots.keys[0].key_id": roster_of(2)
    | {"roots": {"keys": [{**root_of("r"), "key_id": root_of("x")["key_id"]}], "threshold": 1}},
    "roots.keys[0].public": roster_of(2) | {"roots": {"keys": [SMALL], "threshold": 1}},
    "roots.threshold": roster_of(2, threshold=2),
    "agencies[1].name": roster_of(2, agency_of("fra"), agency_of("fra", entry_of("y"))),
    "agencies[0].clearance.subject": roster_of(2, agency_of("fra", clearance={"subject": "deu"})),
    "agencies[0].feeds[1].name": roster_of(2, agency_of("fra", feeds=agency_of("fra")["feeds"] * 2)),
    "agencies[1].keys[0].key_id": roster_of(2, agency_of("fra"), agency_of("deu", entry_of("fra"))),
    "agencies[0].keys[1].key_id": roster_of(2, agency_of("fra", entry_of("fra"), entry_of("fra"))),
    "agencies[0].keys[0].key_id": roster_of(2, agency_of("fra", entry_of("x", key_id=entry_of("y")["key_id"]))),
    "agencies[0].keys[0].public": roster_of(2, agency_of("fra", entry_of("x", **SMALL))),
    "agencies[0].keys[0].valid_until": roster_of(2, agency_of("fra", entry_of("fra", valid_until=NOW - DAY))),
    "agencies[0].keys[0].revoked_at": roster_of(2, agency_of("fra", entry_of("fra", compromised_since=NOW))),
    "agencies[0].keys[0].compromised_since": roster_of(
        2, agency_of("fra", entry_of("fra", revoked_at=NOW, compromised_since=NOW + 1))
    ),
    "agencies.keys": roster_of(2, agency_of("deu", entry_of("fra"))),
}


@pytest.mark.parametrize("place", FLAWS)
def test_an_inconsistent_roster_is_refused_even_from_the_roots(place: str) -> None:
    trust = trusting()
    found = step(trust, FLAWS[place])
    assert isinstance(found, Refusal)
    assert (found.reason, found.place) == (Reason.BAD_FIELD, f"body.{place}")
    assert isinstance(step(trust, roster_of(2)), Trust)


@pytest.mark.parametrize(
    ("changed", "fits"),
    [
        ({"revoked_at": NOW, "compromised_since": NOW - 50}, True),
        ({"revoked_at": NOW - 1, "compromised_since": NOW - 51}, True),
        ({"revoked_at": NOW + 1, "compromised_since": NOW - 50}, False),
        ({"revoked_at": NOW, "compromised_since": NOW - 49}, False),
        ({"revoked_at": NOW}, False),
        ({}, False),
        (None, False),
    ],
)
def test_a_revocation_is_never_undone_and_compromise_only_moves_earlier(changed: Fields | None, fits: bool) -> None:
    key = entry_of("old", revoked_at=NOW, compromised_since=NOW - 50)
    trust = trusting(roster_of(1, agency_of("fra", key, entry_of("fra"))))
    keys = [entry_of("fra")] if changed is None else [entry_of("old", **changed), entry_of("fra")]
    assert refusal_of(step(trust, roster_of(2, agency_of("fra", *keys)))) is (None if fits else Reason.BAD_FIELD)


@pytest.mark.parametrize(
    "agencies",
    [
        (agency_of("deu"),),  # the agency gone, and its key with it
        (agency_of("fra", entry_of("new")), agency_of("deu")),
        (agency_of("fra", keys=[]), agency_of("deu")),
        (agency_of("fra", entry_of("new")), agency_of("deu", entry_of("deu"), entry_of("fra"))),
    ],
)
def test_a_key_is_never_left_out_and_so_never_comes_back_as_anothers(agencies: tuple[Fields, ...]) -> None:
    found = step(trusting(), roster_of(2, *agencies))
    assert isinstance(found, Refusal)
    assert (found.reason, found.place) == (Reason.BAD_FIELD, "body.agencies.keys")
    assert key_of("fra").public.key_id in found.expected


def test_a_key_ends_by_its_date_or_by_revocation_and_an_agency_without_keys_may_go() -> None:
    trust = trusting(roster_of(1, agency_of("fra"), agency_of("deu"), agency_of("ita", keys=[])))
    ended, revoked = entry_of("fra", valid_until=NOW), entry_of("deu", revoked_at=NOW)
    after = step(trust, roster_of(2, agency_of("fra", ended, entry_of("new")), agency_of("deu", revoked)))
    assert isinstance(after, Trust)
    assert judged(after, "fra") is Reason.KEY_NOT_VALID
    assert judged(after, "deu") is Reason.KEY_REVOKED
    assert after.agency("ita") is None


# --- nothing is decoded before it is vouched for ----------------------------------------------------------------------


class Tripwire:
    """A roster that may not be looked at."""

    def __getattribute__(self, name: str) -> NoReturn:
        pytest.fail(f"{name} was read of a roster that nobody vouched for")


@pytest.mark.parametrize("make", [trusting, lambda: Trust.pinned(bytes(32))])
def test_an_unverified_roster_is_not_looked_at(make: Callable[[], Trust]) -> None:
    trust: Trust = make()
    garbage = frame.sign(payload_type("roster", "control"), b"\xff" * 100, SigningKey.generate())
    unread: Any = Tripwire()
    assert refusal_of(trust.accept(garbage, unread, NOW)) in {Reason.THRESHOLD_NOT_MET, Reason.NOT_AUTHORITY}


def test_a_judgement_is_of_the_signatures_and_not_of_what_the_payload_says() -> None:
    """Garbage that a root signed passes: that it is none is found out by the decoder, after."""
    trust = trusting()
    for payload in (b"", b"\xff" * 100, bytes(1000)):
        assert trust.judge_roster(frame.sign(payload_type("roster", "control"), payload, key_of("r"))) is None
    assert refusal_of(trust.judge_roster(signed(Roster.model_validate(roster_of(2)), "x"))) is not None


DECODERS = {"decode", "decode_value", "decode_trusted", "validate", "model_validate", "loads", "load", "read"}
KNOWN = {"schemas.models", "schemas.models.control", "schemas.payload"}


@pytest.mark.parametrize("path", sorted(ROOM.glob("*.py")), ids=lambda path: path.name)
def test_the_room_has_nothing_to_decode_a_payload_with(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name for name in modules if name.startswith("schemas")} <= KNOWN
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in DECODERS:
            # The frame's own text: a payload type in ASCII.
            assert (node.func.attr, [ast.unparse(one) for one in node.args]) == ("decode", ["'ascii'", "'replace'"])
