"""What an alert says, to whom, and under which id."""

from typing import Any

from bus.fusion.alert import AlertDraft, Related, alert_id, build, message, payload, variant
from bus.fusion.node import Node
from bus.labels import Label
from schemas.codec import decode, encode, encode_fields
from schemas.models import AlertMessage
from schemas.registry import newest
from tests.node_sample import DAY_MS, HIGH, LOW, MONDAY, PARAMETERS, join_labels, label, report


def draft(*members: Node, related: tuple[Related, ...] = (), frozen_id: str | None = None) -> AlertDraft:
    found = build(members, related, PARAMETERS, join_labels, frozen_id=frozen_id)
    assert found is not None
    return found


def reasons(alert: AlertDraft, term: str) -> list[str]:
    return [entry["reason"] for entry in alert.body["explanation"] if entry["term"] == term]


def killed(best: int) -> list[dict[str, Any]]:
    return [{"what": "KILLED", "unit": "PERSON", "basis": "NEW", "best": best}]


A = report("ngo-a", 1)
B = report("ngo-b", 2, at=MONDAY + 2 * DAY_MS)


def test_two_origins_make_an_alert_and_two_reports_of_one_do_not() -> None:
    same = [report(agency, origin="public:radio") for agency in ("ngo-a", "ngo-b")]
    assert draft(A, B).body["origins"] == 2
    assert build([A], (), PARAMETERS, join_labels) is None
    assert build(same, (), PARAMETERS, join_labels) is None


def test_a_grave_report_is_an_alert_alone() -> None:
    assert build([report(counts=killed(4))], (), PARAMETERS, join_labels) is None
    assert draft(report(counts=killed(5))).body["severity"]["level"] == 3


def test_the_founder_is_the_earliest_and_names_the_alert_through_amendments() -> None:
    found = draft(B, A)
    assert found.founder_key == A.key
    assert found.alert_id == alert_id(A) == alert_id(report("ngo-a", 1, revision=2, credibility=5))
    assert alert_id(A) != alert_id(report("ngo-a", 1, at=MONDAY))
    assert found.created_at == B.accepted_at


def test_a_closed_alert_keeps_its_id() -> None:
    assert draft(A, B, frozen_id="f" * 64).body["alert_id"] == "f" * 64


def test_the_label_joins_the_members() -> None:
    assert draft(A, report("ngo-b", 2, label=HIGH)).label == join_labels(label(LOW), label(HIGH))


def test_no_alert_where_the_labels_have_no_join() -> None:
    assert (
        build(
            [A, report("ngo-b", 2, label="COALITION SECRET//REL TO NYC//TEST", status="TEST")],
            (),
            PARAMETERS,
            join_labels,
        )
        is None
    )


def test_what_is_related_raises_the_label_or_is_left_out() -> None:
    other = label("COALITION SECRET//REL TO NYC//TEST")
    found = draft(A, B, related=(Related("ngo-c/reports/table:9", (label(HIGH),)), Related("ngo-d/x/y:1", (other,))))
    assert found.body["related"] == ["ngo-c/reports/table:9"]
    assert found.label == join_labels(label(LOW), label(HIGH))


def test_umbrellas_of_the_members_are_related() -> None:
    assert draft(A, report("ngo-b", 2, part_of=["idmc:31260"])).body["related"] == ["idmc:31260"]


def test_the_members_show_their_origin_and_an_echo_has_none() -> None:
    echo = report("ngo-c", 3, derived_from=["bus/alerts/" + "0" * 64], reliability="A")
    found = draft(A, B, echo)
    assert [member["origin_group"] > 0 for member in found.body["members"]] == [True, True, False]
    assert found.body["confidence"] == draft(A, B).body["confidence"]
    assert reasons(found, "echo") == [
        "ngo-c/reports/table:3: rests on an alert of this bus, so it adds nothing of its own"
    ]


def test_who_denies_tells_no_figures() -> None:
    found = draft(report("ngo-a", 1, counts=killed(3)), report("ngo-b", 2, claims="DENIES", counts=killed(0)))
    assert [(c["low"], c["best"], c["high"]) for c in found.body["counts"]] == [(None, 3, None)]
    assert [member["claims"] for member in found.body["members"]] == ["SUPPORTS", "DENIES"]


def test_the_story_is_the_most_precise_that_all_agree_on() -> None:
    vague = report(
        "ngo-b",
        2,
        when={"start": MONDAY - DAY_MS, "end": MONDAY + 1000},
        lat=13.5,
        uncertainty_km=50.0,
        countries=["TCD"],
    )
    where, when = draft(A, vague).body["where"], draft(A, vague).body["when"]
    assert (where["lat"], where["uncertainty_km"], where["countries"]) == (13.6, 2.0, ["SDN", "TCD"])
    assert when == {"start": MONDAY, "end": MONDAY + 1000}


def test_disjoint_times_span_both_and_a_span_spans_all() -> None:
    later = report("ngo-b", 2, when={"start": MONDAY + 2 * DAY_MS, "end": MONDAY + 3 * DAY_MS})
    assert draft(A, later).body["when"] == {"start": MONDAY, "end": MONDAY + 3 * DAY_MS}
    spans = [
        report("ngo-a", 1, nature="SPAN"),
        report("ngo-b", 2, nature="SPAN", when={"start": MONDAY - 5, "end": None}),
    ]
    assert draft(*spans).body["when"] == {"start": MONDAY - 5, "end": None}


def test_the_explanation_adds_up_and_names_the_agency_that_carries_it() -> None:
    found = draft(A, B, report("ngo-c", 3, claims="DENIES", reliability="D"))
    terms = found.body["explanation"]
    total = sum(entry["value"] for entry in terms if entry["term"] in {"prior", "support", "denial"})
    assert abs(total - found.body["confidence"]["log_odds"]) < 1e-3
    assert reasons(found, "conflict") == ["Supports make +2.64, denials -0.77: the reports contradict each other"]
    assert reasons(found, "without") == ["Would fall to 0.54 (roughly even chance) without agency ngo-a"]
    assert reasons(found, "reports") == ["3 reports, 3 independent origins"]
    assert reasons(found, "severity") == [
        "Severity 1 of 4: harm 1 (violence.attack.armed), scale 0 (no figure reaches a step)"
    ]


def test_the_explanation_says_who_repeats_whom() -> None:
    text = [{"language": "en", "headline": "Two were shot at the well"}]
    relay = report("ngo-c", 3, at=MONDAY + 5 * DAY_MS, texts=text)
    found = draft(report("ngo-a", 1, texts=text), B, relay)
    (reason,) = reasons(found, "origin")
    assert reason.endswith("ngo-c/reports/table:3 repeats ngo-a/reports/table:1 (same text)")


def test_the_signed_bytes_are_the_message_and_the_id_is_the_variant() -> None:
    found = draft(A, B)
    header, body = message(found)
    named, data = payload(found)
    schema = newest("alert")
    assert data == encode(schema, {"header": header, "body": body})
    assert header["id"] == named == variant(found.label, encode_fields(schema, {"body": body}))
    assert variant(label(HIGH), encode_fields(schema, {"body": body})) != named
    decoded = decode(schema, data)
    assert isinstance(decoded, dict)
    assert AlertMessage.model_validate(decoded).body.alert_id == found.alert_id


def test_an_exercise_stays_one() -> None:
    drill = "COALITION UNCLASSIFIED//REL TO GEN, NYC//EXERCISE DRILL"
    nodes = [
        report(agency, i, label=drill, status="EXERCISE", exercise="DRILL")
        for i, agency in enumerate(("ngo-a", "ngo-b"))
    ]
    header, _ = message(draft(*nodes))
    assert (header["status"], header["exercise"], header["label"]) == ("EXERCISE", "DRILL", drill)
    test = "COALITION UNCLASSIFIED//REL TO GEN, NYC//TEST"
    header, _ = message(draft(*[report(a, i, label=test, status="TEST") for i, a in enumerate(("ngo-a", "ngo-b"))]))
    assert (header["status"], header["exercise"]) == ("TEST", None)


def test_the_label_join_is_asked_only_for_labels_that_differ() -> None:
    def never(a: Label, b: Label) -> Label | None:
        raise AssertionError

    assert build([A, B], (), PARAMETERS, never) is not None
