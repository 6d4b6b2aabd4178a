"""The static rules of events.md stand in the models, and a refusal names the place and never the content."""

from collections.abc import Callable

import pytest

from bus.errors import Reason, Refusal
from schemas.models import MAX_TEXT_BYTES, EventMessage, Link, LinkMessage, Retraction, validate
from tests.event_sample import event, with_value

CANARY = "canary7f3a"
BYTES_64_KIB = MAX_TEXT_BYTES


def test_a_valid_event_is_a_model_with_the_names_of_the_contract() -> None:
    message = validate(EventMessage, event())
    assert isinstance(message, EventMessage)
    assert message.model_dump()["body"]["actors"][0]["class"] == "ARMED_GROUP"
    assert "bytes" in message.model_dump()["body"]["original"]


BROKEN: list[tuple[str, object, str]] = [
    ("body/when/end", 1_700_000_000_000, "body.when"),
    ("body/when/start", -2_208_988_800_001, "body.when.start"),
    ("header/created_at", 253_402_300_800_000, "header.created_at"),
    ("header/created_at", True, "header.created_at"),
    ("header/created_at", 1.0, "header.created_at"),
    ("header/id", "a b", "header.id"),
    ("header/id", "x\n", "header.id"),
    ("header/agency", "A-b", "header.agency"),
    ("header/revision", 0, "header.revision"),
    ("header/revision", 2**63, "header.revision"),
    ("header/status", CANARY, "header.status"),
    ("header/exercise", CANARY, "header"),
    ("header/status", "EXERCISE", "header"),
    ("body/type", f"violence.{CANARY}", "body.type"),
    ("body/also", ["looting", CANARY], "body.also[1]"),
    ("body/indicators", ["15.1"], "body.indicators[0]"),
    ("body/where/lat", None, "body.where"),
    ("body/where/lat", 90.1, "body.where.lat"),
    ("body/where/lon", float("nan"), "body.where.lon"),
    ("body/where/uncertainty_km", float("inf"), "body.where.uncertainty_km"),
    ("body/where/countries", ["XXX"], "body.where.countries[0]"),
    ("body/where/geometry", "[" * 60_000, "body.where.geometry"),
    ("body/where/geometry", '{"type":"Point","coordinates":[NaN,1]}', "body.where.geometry"),
    ("body/counts/0/low", 3, "body.counts[0]"),
    ("body/counts/0/low", -1, "body.counts[0].low"),
    ("body/source/credibility", 7, "body.source.credibility"),
    ("body/source/origin", f"person:{CANARY}", "body.source.origin"),
    ("body/source/at_risk", "yes", "body.source.at_risk"),
    ("body/part_of", [CANARY], "body.part_of[0]"),
    ("body/texts", [{"language": "en_US", "headline": CANARY}], "body.texts[0].language"),
    ("body/texts", [{"language": "en", "headline": "é" * 20_000}] * 2, "body"),
    ("body/attributes", {CANARY: "1"}, "body.attributes.*"),
    (f"body/{CANARY}", 1, "body.*"),
    ("body/actors/0/class", CANARY, "body.actors[0].class"),
]


@pytest.mark.parametrize(("path", "value", "place"), BROKEN)
def test_what_breaks_a_rule_is_refused_at_its_place_without_its_content(path: str, value: object, place: str) -> None:
    refusal = validate(EventMessage, with_value(path, value))
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.place) == (Reason.BAD_FIELD, place)
    assert CANARY not in str(refusal)
    assert refusal.expected


ALLOWED: list[tuple[str, object]] = [
    ("body/when", None),
    ("body/when/end", None),
    ("body/counts/0/best", None),
    ("body/indicators", ["7.3", "14.10"]),
    ("body/where/countries", ["XKX", "PSE"]),
    ("body/where/geometry", '{"type":"Point","coordinates":[25.3,13.6]}'),
    ("body/texts", [{"language": "zh-Hans-HK"}, {"language": "und"}, {"language": "en-AU", "headline": ""}]),
    ("body/texts", [{"language": "en", "description": "x" * BYTES_64_KIB}]),
    ("body/source/origin", "person:" + "0" * 64),
    ("header/created_at", 253_402_300_799_999),
]


@pytest.mark.parametrize(("path", "value"), ALLOWED)
def test_what_the_contract_allows_is_accepted(path: str, value: object) -> None:
    assert isinstance(validate(EventMessage, with_value(path, value)), EventMessage)


def _refs(count: int) -> list[dict[str, str]]:
    return [{"agency": "ngo-a", "feed": "reports", "id": f"x:{number}"} for number in range(count)]


@pytest.mark.parametrize(
    ("relation", "events", "good"),
    [
        ("VERSION_OF", _refs(2), True),
        ("VERSION_OF", _refs(3), False),
        ("SAME", _refs(3), True),
        ("SAME", _refs(1), False),
        ("SAME", _refs(1) * 2, False),
    ],
)
def test_a_link_names_two_or_more_and_version_of_exactly_two(
    relation: str, events: list[dict[str, str]], *, good: bool
) -> None:
    message = {"header": event()["header"], "body": {"relation": relation, "events": events}}
    assert isinstance(validate(LinkMessage, message), LinkMessage) is good
    body = validate(Link, message["body"])
    assert isinstance(body, Refusal) is not good


def test_a_retraction_takes_something_back() -> None:
    assert isinstance(validate(Retraction, {"retracts": [], "reason": "ERROR"}), Refusal)


def test_values_are_frozen_down_to_their_lists() -> None:
    message = EventMessage.model_validate(event())
    attempts: list[Callable[[], object]] = [
        lambda: setattr(message.body, "nature", "SPAN"),
        lambda: setattr(message.body.counts[0], "best", 0),
    ]
    for attempt in attempts:
        with pytest.raises((ValueError, AttributeError)):
            attempt()
