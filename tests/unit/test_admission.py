"""From an operator's words to a roster's entry: completed by the policies, never widened, refused with a reason."""

from importlib.resources import files
from typing import Any

import pytest

from bus.errors import Reason, Refusal
from bus.labels import Policy
from bus.operate.admission import (
    LEAST,
    OPEN_LABEL,
    REPORTS,
    ClearanceTerms,
    FeedTerms,
    agency_name,
    clearance_entry,
    feed_entry,
)
from schemas.models import Clearance, FeedEntry

NOW = 1_790_000_000_000


def shipped() -> dict[str, Policy]:
    texts = [file.read_text("utf-8") for file in (files("schemas") / "policies").iterdir()]
    found = [policy for text in texts if isinstance(policy := Policy.from_toml(text), Policy)]
    return {policy.id: policy for policy in sorted(found, key=lambda one: one.id)}


POLICIES = shipped()


def feed(**fields: Any) -> FeedEntry | Refusal:
    return feed_entry("alpha", REPORTS._replace(**fields), POLICIES, NOW)


def clearance(**fields: Any) -> Clearance | Refusal:
    return clearance_entry("alpha", LEAST._replace(**fields), POLICIES)


@pytest.mark.parametrize("name", ["authority", "bus", "root", "a", "-a", "Alpha", "a" * 33, "a b", "é", ""])
def test_names_that_no_agency_may_have(name: str) -> None:
    refusal = agency_name(name)
    assert isinstance(refusal, Refusal)
    assert refusal.place == "agency.name"


def test_nothing_said_of_a_feed_is_public_and_nothing_said_of_a_clearance_is_the_least() -> None:
    entry = feed()
    assert isinstance(entry, FeedEntry)
    assert (entry.name, entry.default_label, entry.floor) == ("reports", OPEN_LABEL, OPEN_LABEL)
    assert (entry.curated, entry.analyst, entry.protected_floor) == (False, False, None)
    held = clearance()
    assert isinstance(held, Clearance)
    assert {one.policy: tuple(one.levels) for one in held.policies} == {
        "COALITION": ("UNCLASSIFIED",),
        "TLP": ("CLEAR",),
    }
    assert all(not one.need for one in held.policies)
    assert (held.audiences, held.realms, held.not_after) == (("ALPHA",), ("REAL",), None)


def test_a_floor_is_the_default_label_unless_another_is_said() -> None:
    entry = feed(floor="COALITION SECRET//REL TO ALPHA, BETA")
    assert isinstance(entry, FeedEntry)
    assert entry.default_label == entry.floor == "COALITION SECRET//REL TO ALPHA, BETA"


def test_a_default_label_of_another_policy_brings_its_own_lowest_floor() -> None:
    entry = feed(default_label="TLP AMBER//REL TO ALPHA")
    assert isinstance(entry, FeedEntry)
    assert entry.floor == "TLP CLEAR//PUBLIC"


def test_labels_are_spelled_as_they_are_signed() -> None:
    entry = feed(default_label="COALITION SECRET//REL TO FVEY", protected_floor="COALITION SECRET//NEED PROTECTION")
    assert isinstance(entry, FeedEntry)
    assert entry.default_label == "COALITION SECRET//REL TO AUS, CAN, GBR, NZL, USA"
    assert entry.protected_floor == "COALITION SECRET//NEED PROTECTION//REL TO ALPHA"


@pytest.mark.parametrize(
    ("fields", "reason", "place"),
    [
        (
            {"floor": "COALITION SECRET//REL TO ALPHA", "default_label": OPEN_LABEL},
            Reason.LABEL_BELOW_FLOOR,
            "feeds.reports.default_label",
        ),
        ({"default_label": "SECRET"}, Reason.BAD_LABEL, "default_label"),
        ({"default_label": "NATO SECRET"}, Reason.BAD_LABEL, "default_label"),
        ({"floor": "COALITION TOP"}, Reason.BAD_LABEL, "floor"),
        ({"protected_floor": "COALITION SECRET//NEED NOTHING"}, Reason.BAD_LABEL, "protected_floor"),
        ({"name": "Reports!"}, Reason.BAD_FIELD, "name"),
    ],
)
def test_a_feed_that_makes_no_sense_is_refused_by_its_place(
    fields: dict[str, object], reason: Reason, place: str
) -> None:
    refusal = feed(**fields)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.place) == (reason, place)
    assert refusal.expected
    assert refusal.remedy


def test_a_level_stands_for_all_below_and_only_what_is_said_holds() -> None:
    held = clearance(levels=("COALITION CONFIDENTIAL",), need=("HUMINT",), audiences=("UN",), realms=("REAL", "TEST"))
    assert isinstance(held, Clearance)
    (one,) = held.policies
    assert (one.policy, one.levels) == ("COALITION", ("UNCLASSIFIED", "RESTRICTED", "CONFIDENTIAL"))
    assert one.need == ("HUMINT",)
    assert held.audiences == ("ALPHA", "UN")


@pytest.mark.parametrize(
    ("terms", "place"),
    [
        (LEAST._replace(levels=("COALITION",)), "clearance.level"),
        (LEAST._replace(levels=("COALITION COSMIC",)), "clearance.level"),
        (LEAST._replace(levels=("COALITION SECRET", "COALITION SECRET")), "clearance.policies"),
        (LEAST._replace(levels=("TLP RED",), need=("HUMINT",)), "clearance.need"),
        (LEAST._replace(need=("NONSENSE",)), "clearance.need"),
        (LEAST._replace(audiences=("FVEY",)), "clearance.audiences"),
    ],
)
def test_a_clearance_that_makes_no_sense_is_refused_by_its_place(terms: ClearanceTerms, place: str) -> None:
    refusal = clearance_entry("alpha", terms, POLICIES)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.place) == (Reason.BAD_FIELD, place)


def test_terms_hold_for_the_agency_that_signs() -> None:
    """What says nothing of release stays with its author."""
    entry = feed_entry("gamma", FeedTerms(default_label="COALITION RESTRICTED"), POLICIES, NOW)
    assert isinstance(entry, FeedEntry)
    assert entry.default_label == "COALITION RESTRICTED//REL TO GAMMA"
