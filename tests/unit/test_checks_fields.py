"""Check 8 of ingest: the rules that no schema can say, each with its reason and place, and times to the millisecond."""

from typing import Any

import pytest

from bus.errors import REMEDY, Reason
from bus.stages.checks import Accepted, Memory, Rejected, Verdict, check
from bus.stages.control import Control
from tests.support.submissions import (
    DAY_MS,
    NOW,
    PROTECTED,
    PUBLIC,
    RESTRICTED,
    Office,
    after,
    event_body,
    feed,
    header,
    key_entry,
    sign,
)

OFFICE = Office()
CONTROL = OFFICE.control()
FRA = OFFICE.keys["fra"]
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
MIDNIGHT = NOW - NOW % DAY_MS + DAY_MS
DAY = {"start": MIDNIGHT, "end": MIDNIGHT + DAY_MS}


def judged(data: bytes, agency: str = "fra", at: int = NOW, control: Control = CONTROL) -> Verdict:
    return check(data, agency=agency, at=at, control=control, memory=Memory())


def outcome(verdict: Verdict) -> tuple[Reason, str] | None:
    """None where it was accepted, else reason and place; a refusal says what was expected and how to mend it."""
    if isinstance(verdict, Accepted):
        return None
    assert isinstance(verdict, Rejected)
    assert verdict.refusal.expected
    assert verdict.refusal.remedy == REMEDY[verdict.refusal.reason]
    return verdict.refusal.reason, verdict.refusal.place


def event(head: dict[str, Any] | None = None, control: Control = CONTROL, at: int = NOW, **body: Any) -> Any:
    """What becomes of an event of fra with these fields in header and body."""
    return outcome(judged(OFFICE.event(body=event_body(**body), **(head or {})), control=control, at=at))


# who


def test_an_agency_speaks_for_itself_only() -> None:
    as_deu = sign("event", header("deu", "main", "test:a"), event_body(), FRA)
    expected = (Reason.AGENCY_MISMATCH, "header.agency")
    assert outcome(judged(as_deu)) == expected
    assert outcome(judged(as_deu, agency="deu")) == expected
    assert outcome(judged(OFFICE.event(), agency="deu")) == expected
    assert outcome(judged(OFFICE.event(agency="deu"), agency="deu")) is None


def test_a_feed_is_the_one_of_the_payload_type_and_one_of_the_rosters() -> None:
    expected = (Reason.FEED_MISMATCH, "header.feed")
    crossed = sign("event", header("fra", "main", "test:a"), event_body(), FRA, feed="analysis")
    assert outcome(judged(crossed)) == expected
    unknown = sign("event", header("fra", "none-such", "test:a"), event_body(), FRA)
    assert outcome(judged(unknown)) == expected


def test_the_authority_publishes_no_event_on_its_feed_control() -> None:
    data = sign("event", header("authority", "control", "test:a"), event_body(), OFFICE.keys["authority"])
    listed = after(CONTROL, OFFICE.varied("authority", feeds=[feed("control")]).roster())
    for control in (CONTROL, listed):
        assert outcome(judged(data, "authority", control=control)) == (Reason.FEED_MISMATCH, "header.feed")


# label


@pytest.mark.parametrize(
    ("label", "place"),
    [
        ("", "header.label"),
        ("coalition restricted", "header.label"),
        ("NONE-SUCH SECRET//PUBLIC", "header.label"),
        ("COALITION TOP-SECRET//REL TO FRA", "header.label"),
        ("COALITION RESTRICTED", "header.label"),
        ("COALITION RESTRICTED//REL TO FRA, DEU", "header.label"),
        ("COALITION RESTRICTED//PUBLIC", "header.label"),
        ("COALITION SECRET//REL TO ECOWAS", "header.label//REL TO"),
        ("COALITION SECRET//NEED NONE-SUCH//REL TO FRA", "header.label//NEED"),
    ],
)
def test_a_label_is_valid_now_and_spelled_the_one_way(label: str, place: str) -> None:
    assert event({"label": label}) == (Reason.BAD_LABEL, place)


@pytest.mark.parametrize(
    ("label", "good"),
    [
        (RESTRICTED, True),
        ("COALITION SECRET//REL TO DEU, FRA", True),
        ("COALITION RESTRICTED//REL TO FRA", True),
        ("COALITION RESTRICTED//REL TO DEU, FRA, ITA", False),
        (PUBLIC, False),
        ("COALITION UNCLASSIFIED//REL TO DEU, FRA", False),
    ],
)
def test_a_label_admits_nobody_whom_the_floor_does_not(label: str, good: bool) -> None:
    control = after(CONTROL, OFFICE.varied("fra", feeds=[feed("main", floor=RESTRICTED)]).roster())
    assert event({"label": label}, control) == (None if good else (Reason.LABEL_BELOW_FLOOR, "header.label"))


def test_the_floor_holds_in_an_exercise_too() -> None:
    control = after(CONTROL, OFFICE.varied("fra", feeds=[feed("main", floor=RESTRICTED)]).roster())
    realm = {"status": "EXERCISE", "exercise": "VIGIL"}
    assert event({"label": RESTRICTED + "//EXERCISE VIGIL", **realm}, control) is None
    found = event({"label": PUBLIC + "//EXERCISE VIGIL", **realm}, control)
    assert found == (Reason.LABEL_BELOW_FLOOR, "header.label")


def test_a_floor_that_nobody_can_read_admits_nothing() -> None:
    office = Office()
    office.entries["fra"]["feeds"] = [feed("main", floor="OTHER SECRET//PUBLIC")]
    control = office.control()
    assert outcome(judged(office.event(), control=control)) == (Reason.LABEL_BELOW_FLOOR, "header.label")


# fields


@pytest.mark.parametrize(
    ("head", "body", "place"),
    [
        ({"revision": 0}, {}, "header.revision"),
        ({"sequence": 0}, {}, "header.sequence"),
        ({"created_at": -(2**62)}, {}, "header.created_at"),
        ({"status": "EXERCISE"}, {}, "header"),
        ({}, {"type": "violence.none-such"}, "body.type"),
        ({}, {"texts": [{"language": "en", "headline": "x" * 70_000}]}, "body"),
        ({}, {"where": {"lat": float("nan"), "lon": 1.0}}, "body.where.lat"),
        ({}, {"when": {"start": 2, "end": 2}}, "body.when"),
    ],
)
def test_fields_are_within_their_ranges(head: dict[str, Any], body: dict[str, Any], place: str) -> None:
    raw = event_body()
    for name, value in body.items():
        raw[name] = raw[name] | value if isinstance(raw[name], dict) else value
    if "texts" in body:
        raw["texts"] = [{"description": None, "instruction": None, **body["texts"][0]}]
    verdict = judged(OFFICE.event(body=raw, **head))
    assert outcome(verdict) == (Reason.BAD_FIELD, place)
    known = verdict.receipt["id"]
    assert known == (None if head else "test:a"), "a header of another form names nothing"


@pytest.mark.parametrize(
    ("relation", "feed_name", "good"),
    [
        ("RELATED", "main", True),
        ("SAME", "main", False),
        ("DIFFERENT", "main", False),
        ("SAME", "analysis", True),
        ("DIFFERENT", "analysis", True),
        ("VERSION_OF", "analysis", False),
    ],
)
def test_same_and_different_come_from_analysts_and_versions_from_nobody_yet(
    relation: str, feed_name: str, good: bool
) -> None:
    refs = [{"agency": name, "feed": "main", "id": "test:a"} for name in ("deu", "fra")]
    body = {"relation": relation, "events": refs, "note": None}
    data = sign("link", header("fra", feed_name, "test:link"), body, FRA)
    assert outcome(judged(data)) == (None if good else (Reason.BAD_FIELD, "body.relation"))


def test_a_key_takes_records_away_only_from_feeds_in_its_scope() -> None:
    scoped = key_entry(FRA, feeds=["main"])
    control = after(CONTROL, OFFICE.varied("fra", keys=[scoped]).roster())
    for name, good in (("main", True), ("analysis", False)):
        target = {"kind": "event", "feed": name, "id": "test:z", "up_to_revision": 1}
        body = {"retracts": [{**target, "feed": "main"}, target], "reason": "ERROR", "note": None}
        verdict = judged(sign("retraction", header("fra", "main", "test:r"), body, FRA), control=control)
        assert outcome(verdict) == (None if good else (Reason.KEY_OUT_OF_SCOPE, "body.retracts[1].feed"))
        found = event(control=control, replaces=[{"feed": name, "id": "test:z"}])
        assert found == (None if good else (Reason.KEY_OUT_OF_SCOPE, "body.replaces[0].feed"))


def test_an_event_does_not_replace_itself() -> None:
    others = [{"feed": "main", "id": "test:z"}, {"feed": "analysis", "id": "test:a"}]
    assert event(replaces=others) is None
    found = event(replaces=[*others, {"feed": "main", "id": "test:a"}])
    assert found == (Reason.BAD_FIELD, "body.replaces[2]")


# times, all against the log's


@pytest.mark.parametrize(("ahead_ms", "good"), [(10 * MINUTE_MS, True), (10 * MINUTE_MS + 1, False)])
def test_created_and_reported_at_lie_at_most_ten_minutes_ahead(ahead_ms: int, good: bool) -> None:
    found = event({"created_at": NOW + ahead_ms})
    assert found == (None if good else (Reason.FROM_THE_FUTURE, "header.created_at"))
    found = event(source={"reported_at": NOW + ahead_ms})
    assert found == (None if good else (Reason.FROM_THE_FUTURE, "body.source.reported_at"))


@pytest.mark.parametrize(
    ("nature", "length_ms", "ahead_ms"),
    [
        ("INCIDENT", HOUR_MS, 10 * MINUTE_MS),
        ("INCIDENT", DAY_MS - 1, 10 * MINUTE_MS),
        ("INCIDENT", DAY_MS, 14 * HOUR_MS),
        ("SPAN", 7 * DAY_MS, 14 * HOUR_MS),
        ("SPAN", None, 10 * MINUTE_MS),
        ("EXPECTED", HOUR_MS, 366 * DAY_MS),
        ("EXPECTED", None, 366 * DAY_MS),
    ],
)
def test_an_event_begins_no_further_ahead_than_its_precision_and_nature_allow(
    nature: str, length_ms: int | None, ahead_ms: int
) -> None:
    for more_ms, good in ((0, True), (1, False)):
        start = NOW + 1 + ahead_ms + more_ms  # no midnight
        when = {"start": start, "end": None if length_ms is None else start + length_ms}
        found = event({"created_at": NOW}, at=NOW + 1, nature=nature, when=when)
        assert found == (None if good else (Reason.FROM_THE_FUTURE, "body.when.start"))


@pytest.mark.parametrize(("early_ms", "good"), [(14 * HOUR_MS, True), (14 * HOUR_MS + 1, False)])
def test_a_mere_date_may_lie_a_time_zone_ahead(early_ms: int, good: bool) -> None:
    at = MIDNIGHT - early_ms
    for end in (None, DAY["end"]):
        found = event({"created_at": at}, at=at, when={"start": MIDNIGHT, "end": end})
        assert found == (None if good else (Reason.FROM_THE_FUTURE, "body.when.start"))


def test_the_end_is_never_compared_with_a_clock() -> None:
    assert event(when={"start": NOW, "end": NOW + 3000 * DAY_MS}) is None


@pytest.mark.parametrize(("age_ms", "good"), [(60 * DAY_MS, True), (60 * DAY_MS + 1, False)])
def test_a_submission_is_at_most_sixty_days_old(age_ms: int, good: bool) -> None:
    found = event({"created_at": NOW - age_ms})
    assert found == (None if good else (Reason.TOO_OLD, "header.created_at"))


@pytest.mark.parametrize(("expires_at", "good"), [(NOW, False), (NOW + 1, True)])
def test_what_has_expired_is_not_accepted(expires_at: int, good: bool) -> None:
    found = event({"expires_at": expires_at})
    assert found == (None if good else (Reason.EXPIRED, "header.expires_at"))


# realm


@pytest.mark.parametrize(
    ("status", "exercise", "realm", "place"),
    [
        ("ACTUAL", None, "", None),
        ("TEST", None, "//TEST", None),
        ("EXERCISE", "VIGIL", "//EXERCISE VIGIL", None),
        ("TEST", None, "", "header.status"),
        ("ACTUAL", None, "//TEST", "header.status"),
        ("EXERCISE", "VIGIL", "", "header.status"),
        ("ACTUAL", None, "//EXERCISE VIGIL", "header.status"),
        ("TEST", None, "//EXERCISE VIGIL", "header.status"),
        ("EXERCISE", "OTHER", "//EXERCISE VIGIL", "header.exercise"),
        ("EXERCISE", "TEST", "//TEST", "header.status"),
    ],
)
def test_status_exercise_and_label_agree_on_the_realm(
    status: str, exercise: str | None, realm: str, place: str | None
) -> None:
    found = event({"status": status, "exercise": exercise, "label": RESTRICTED + realm})
    assert found == (None if place is None else (Reason.REALM_MISMATCH, place))


# consent


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ({"consent": "REFUSED"}, "body.source.consent"),
        ({"consent": "LIMITED"}, "body.source.consent"),
        ({"at_risk": True}, "body.source.at_risk"),
        ({"consent": "GIVEN", "at_risk": True}, "body.source.at_risk"),
    ],
)
def test_what_a_source_did_not_agree_to_stays_out_or_stands_above_the_protected_floor(
    source: dict[str, Any], place: str
) -> None:
    assert event(source=source) == (Reason.NO_CONSENT, place)
    above = event({"label": PROTECTED}, source=source)
    assert above == ((Reason.NO_CONSENT, place) if source.get("consent") == "REFUSED" else None)
    control = after(CONTROL, OFFICE.varied("fra", feeds=[feed("main", protected_floor=None)]).roster())
    assert event({"label": PROTECTED}, control, source=source) == (Reason.NO_CONSENT, place)


@pytest.mark.parametrize("consent", ["GIVEN", "NOT_NEEDED", "UNKNOWN"])
def test_other_consent_asks_for_nothing(consent: str) -> None:
    assert event(source={"consent": consent}) is None


def test_what_must_not_be_passed_on_says_so_in_its_label() -> None:
    source = {"onward": "NONE"}
    assert event(source=source) == (Reason.BAD_LABEL, "header.label")
    assert event({"label": RESTRICTED + "//CONTROL NO-ONWARD"}, source=source) is None


def test_every_reason_is_of_the_closed_list_and_no_content_is_in_a_refusal() -> None:
    canary = "test:canary-7f3a"
    verdict = judged(OFFICE.event(canary, label="CANARY 7F3A", body=event_body()))
    assert isinstance(verdict, Rejected)
    assert "CANARY" not in str(verdict.refusal).upper()
    assert set(REMEDY) == set(Reason)
