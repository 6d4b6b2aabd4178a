"""Fusion offline: events and readers in, pictures out."""

from typing import Any

import bus.fusion
from bus.fusion import Offered, fuse
from bus.labels import Clearance
from schemas.models import Clearance as ClearanceEntry
from schemas.models import EventMessage
from tests.node_sample import DAY_MS, HIGH, LOW, MONDAY, POLICY, event

POLICIES = {POLICY.id: POLICY}
LEVELS = sorted(POLICY.levels.values(), key=lambda level: level.rank)


def reader(name: str, audience: str, highest: str, not_after: int | None = None) -> Clearance:
    rank = POLICY.levels[highest].rank
    entry = ClearanceEntry.model_validate(
        {
            "subject": name,
            "policies": [
                {"policy": POLICY.id, "levels": [level.name for level in LEVELS if level.rank <= rank], "need": []}
            ],
            "audiences": [audience],
            "realms": ["REAL"],
            "not_after": not_after,
        }
    )
    found = Clearance.compile(entry, POLICIES)
    assert isinstance(found, Clearance), found
    return found


READERS = {"low": reader("low", "GEN", "UNCLASSIFIED"), "high": reader("high", "NYC", "SECRET")}


def offered(agency: str, number: int, **changes: Any) -> Offered:
    header, body = event(agency, number, **changes)
    return Offered(EventMessage.model_validate({"header": header, "body": body}), MONDAY + DAY_MS)


EVENTS = [offered("ngo-a", 1), offered("ngo-b", 2), offered("un-c", 3, label=HIGH)]


def test_each_reader_has_what_it_may_read_and_alerts_of_that_alone() -> None:
    pictures = fuse(EVENTS, READERS, POLICIES, MONDAY + 2 * DAY_MS)
    (low,), (high,) = pictures["low"].clusters, pictures["high"].clusters
    assert [node.key[0] for node in low] == ["ngo-a", "ngo-b"]
    assert [node.key[0] for node in high] == ["ngo-a", "ngo-b", "un-c"]
    assert [alert.label.text for alert in pictures["low"].alerts] == [LOW]
    assert [alert.label.level for alert in pictures["high"].alerts] == ["SECRET"]
    assert pictures["low"].alerts == fuse(EVENTS[:2], READERS, POLICIES, MONDAY)["low"].alerts


def test_order_makes_no_difference() -> None:
    assert fuse(EVENTS, READERS, POLICIES, MONDAY) == fuse(EVENTS[::-1], READERS, POLICIES, MONDAY)


def test_an_invalid_label_and_a_clearance_that_has_ended_give_nothing() -> None:
    unknown = offered("ngo-a", 4, label="NOWHERE SECRET//PUBLIC")
    assert fuse([unknown], READERS, POLICIES, MONDAY)["high"].clusters == ()
    ended = {"low": reader("low", "GEN", "UNCLASSIFIED", not_after=MONDAY)}
    assert fuse(EVENTS, ended, POLICIES, MONDAY)["low"].clusters == ()


def test_an_original_that_is_no_text_does_not_disturb() -> None:
    header, body = event("ngo-a", 1)
    body["original"] = {"format": "x", "sha256": "ab" * 32, "bytes": b"\xff\xfe"}
    message = EventMessage.model_validate({"header": header, "body": body})
    assert len(fuse([Offered(message, MONDAY)], READERS, POLICIES, MONDAY)["low"].clusters) == 1


def test_the_room_lists_what_it_offers() -> None:
    assert {name for name in bus.fusion.__all__ if hasattr(bus.fusion, name)} == {"Offered", "Picture", "fuse"}
    assert not hasattr(bus.fusion, "nothing")
