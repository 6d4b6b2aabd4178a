"""VIGIL, the shipped exercise, on the whole bus: all is met; a change of the story fails exactly what rests on it."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from bus.exercise import Result, Story, play_apart, read_story, shipped
from bus.exercise.sense import faults_in
from bus.operate.founding import shipped_policies

POLICIES = {policy.id: policy for policy, _ in shipped_policies()}
EVERYBODY = ("newsroom", "ministry", "relief", "observers", "listeners", "fusion-cell")
PUBLIC = "COALITION UNCLASSIFIED//PUBLIC"

Told: TypeAlias = dict[str, Any]
Missed: TypeAlias = set[tuple[int, str, str]]


def vigil() -> Told:
    return tomllib.loads(shipped().decode())


def agency(told: Told, name: str) -> Told:
    found: Told = next(one for one in told["agency"] if one["name"] == name)
    return found


def each(step: int, agencies: str, *kinds: str) -> Missed:
    return {(step, name, kind) for name in agencies.split() for kind in kinds}


def each_of(steps: tuple[int, ...], agencies: str, *kinds: str) -> Missed:
    return {one for step in steps for one in each(step, agencies, *kinds)}


def missed(result: Result) -> Missed:
    return {(one.step, one.agency, one.kind) for one in result.findings if not one.met}


def played(told: Told, *, sense: bool = True) -> Result:
    story = Story.model_validate(told)
    if sense:
        assert faults_in(story, POLICIES) == []
    return play_apart(story)


@pytest.fixture(scope="module")
def result() -> Result:
    story = read_story(shipped())
    assert isinstance(story, Story)
    return play_apart(story)


def test_every_expectation_of_vigil_is_met(result: Result) -> None:
    assert missed(result) == set()
    assert result.is_good
    assert result.met > 100
    assert result.unplayed == 0


def test_vigil_asks_for_each_thing_that_it_is_to_show(result: Result) -> None:
    kinds = {one.kind for one in result.findings}
    assert kinds == {"receipt", "has", "never", "gone", "alerts", "silent", "verified", "unseen"}
    acts = {act["do"] for step in vigil()["step"] for act in step.get("act", ())}
    assert acts == {"publish", "amend", "retract", "heartbeat", "clearance", "wait"}
    reasons = {reason for step in vigil()["step"] for one in step["expect"] for reason in one.get("gone", {}).values()}
    assert reasons == {"AUTHOR_RETRACTED", "RIGHT_LOST", "EXPIRED"}
    assert any(one["claims"] == "DENIES" for one in _sources(vigil()) if "claims" in one)
    assert [one["origin"] for one in _sources(vigil()) if "origin" in one] == ["public:radio-amberley"] * 3


def test_time_passes_as_the_story_tells_and_not_by_the_clock(result: Result) -> None:
    assert result.steps[-1].at - result.steps[0].at > 15 * 86_400_000
    assert result.seconds < 60


def _sources(told: Told) -> list[Told]:
    acts = [act for step in told["step"] for act in step.get("act", ())]
    return [act["event"]["source"] for act in acts if "source" in act.get("event", {})]


def no_audience(told: Told) -> None:
    agency(told, "relief")["audiences"] = []


def lower_level(told: Told) -> None:
    agency(told, "listeners")["levels"] = ["COALITION RESTRICTED"]


def no_need(told: Told) -> None:
    agency(told, "fusion-cell")["need"] = []


def another_realm(told: Told) -> None:
    agency(told, "ministry")["realms"] = ["REAL"]


def public_patrols(told: Told) -> None:
    agency(told, "observers")["feed"][1] |= {"floor": PUBLIC}


def lower_intercepts(told: Told) -> None:
    agency(told, "listeners")["feed"][0] |= {"default_label": "COALITION RESTRICTED//REL TO UN"}


def no_retraction(told: Told) -> None:
    del told["step"][5]["act"]


def no_relay(told: Told) -> None:
    del told["step"][0]["act"][2]


def own_origin(told: Told) -> None:
    del told["step"][0]["act"][2]["event"]["source"]["origin"]


def no_amendment(told: Told) -> None:
    del told["step"][3]["act"]


def no_higher_clearance(told: Told) -> None:
    del told["step"][6]["act"]


def no_heartbeat(told: Told) -> None:
    del told["step"][1]["act"][3]


def short_wait(told: Told) -> None:
    told["step"][8]["act"][0]["for"] = "1h"


def no_two_weeks(told: Told) -> None:
    told["step"][9]["act"][0]["for"] = "12d"


OTHERS = "relief observers listeners fusion-cell"
ALL = " ".join(EVERYBODY)
EACH_ALERT_FROM_2 = (
    each_of((2, 5), OTHERS, "alerts") | each_of((3, 4, 6, 10), ALL, "alerts") | each_of((7, 8), "observers", "alerts")
)
CHANGES: list[tuple[Callable[[Told], None], Missed]] = [
    (
        no_audience,
        each_of((2, 4, 9), "relief", "has")
        | each_of((2, 3, 4, 5, 6, 10), "relief", "alerts")
        | each(9, "relief", "gone"),
    ),
    (lower_level, each(5, "listeners", "has") | each_of((5, 6, 10), "listeners", "alerts")),
    (no_need, each(5, "fusion-cell", "has") | each_of((5, 6, 10), "fusion-cell", "alerts")),
    (
        another_realm,
        each_of((1, 3), "ministry", "has")
        | each_of((3, 4, 6, 10), "ministry", "alerts")
        | each(6, "ministry", "gone"),
    ),
    (
        public_patrols,
        each_of((2, 4), "newsroom ministry", "never") | each_of((2, 3, 4, 6, 10), "newsroom ministry", "alerts"),
    ),
    (
        lower_intercepts,
        each(5, "observers", "never") | each(8, "observers", "gone") | each_of((5, 6, 8, 10), "observers", "alerts"),
    ),
    (no_retraction, each(6, ALL, "gone") | each_of((6, 10), ALL, "alerts") | each_of((7, 8), "observers", "alerts")),
    (no_relay, each(1, ALL, "has") | EACH_ALERT_FROM_2),
    (own_origin, each(1, ALL, "alerts") | each(2, "newsroom ministry", "alerts") | EACH_ALERT_FROM_2),
    (no_amendment, each(4, OTHERS, "alerts")),
    (no_higher_clearance, each(7, "observers", "has", "alerts") | each(8, "observers", "gone")),
    (no_heartbeat, each(9, "operator", "silent")),
    (short_wait, each(9, OTHERS, "gone") | each(9, "operator", "silent")),
    (no_two_weeks, each(10, ALL, "alerts")),
]  # fmt: skip


@pytest.mark.parametrize(("change", "fails"), CHANGES, ids=[change.__name__ for change, _ in CHANGES])
def test_one_change_fails_exactly_what_rests_on_it(change: Callable[[Told], None], fails: Missed) -> None:
    told = vigil()
    del told["unseen"]
    change(told)
    assert missed(played(told, sense=change is not no_relay)) == fails


def test_who_must_not_notice_a_report_notices_one_that_is_public() -> None:
    told = vigil()
    agency(told, "listeners")["feed"][0] |= {"default_label": PUBLIC}
    told["step"] = told["step"][:5]
    result = played(told)
    assert {one for one in missed(result) if one[2] == "unseen"} == each(0, "newsroom ministry relief", "unseen")
    seen = [one.seen for one in result.whole if one.kind == "unseen"]
    assert all(text.startswith("another from delivery ") for text in seen)


def test_what_must_be_refused_is_and_what_is_refused_unasked_is_missed() -> None:
    told = vigil()
    del told["unseen"]
    report = told["step"][1]["act"][1] | {"label": PUBLIC}
    told["step"] = [
        {"title": "below the floor", "act": [report | {"id": "low", "refused": "LABEL_BELOW_FLOOR"}]},
        {"title": "suspended", "act": [{"do": "suspend", "agency": "observers"}, report | {"id": "late"}]},
        {"title": "back", "act": [{"do": "suspend", "agency": "observers", "end": True}, report | {"id": "back"}]},
    ]
    result = played(told, sense=False)
    receipts = [(one.step, one.agency, one.expected, one.seen) for one in result.findings if one.kind == "receipt"]
    assert receipts == [
        (1, "observers", "LABEL_BELOW_FLOOR", "LABEL_BELOW_FLOOR"),
        (2, "authority", "ACCEPTED", "ACCEPTED"),
        (2, "observers", "ACCEPTED", "KEY_NOT_VALID"),
        (3, "authority", "ACCEPTED", "ACCEPTED"),
        (3, "observers", "ACCEPTED", "LABEL_BELOW_FLOOR"),
    ]
    assert missed(result) == {(2, "observers", "receipt"), (3, "observers", "receipt")}


def test_links_and_replacements_are_told_too() -> None:
    told = vigil()
    del told["unseen"]
    agency(told, "observers")["feed"][1]["analyst"] = True
    first = told["step"][1]["act"][1]
    link = {"do": "link", "by": "observers", "feed": "patrols", "id": "link-1", "relation": "DIFFERENT"}
    told["step"] = [
        {
            "title": "two reports",
            "act": [
                told["step"][0]["act"][0],
                first,
                link | {"events": ["radio-1", "patrol-17"]},
                first | {"id": "patrol-18", "event": first["event"] | {"replaces": ["patrol-17"]}},
            ],
            "expect": [{"agencies": ["relief"], "has": ["patrol-18", "link-1"], "gone": {"patrol-17": "REPLACED"}}],
        },
        {
            "title": "the link is taken back",
            "act": [{"do": "retract", "ids": ["link-1"], "reason": "ERROR"}],
            "expect": [{"agencies": ["relief"], "gone": {"link-1": "AUTHOR_RETRACTED"}}],
        },
    ]
    assert missed(played(told)) == set()


def test_an_author_may_amend_a_report_back_to_what_it_said_and_after_taking_it_back() -> None:
    told = vigil()
    del told["unseen"]
    patrol, again = told["step"][1]["act"][1], told["step"][3]["act"][0]
    back = again | {"event": {"counts": patrol["event"]["counts"]}}
    has = [{"agencies": ["relief"], "has": ["patrol-17"]}]
    gone = [{"agencies": ["relief"], "gone": {"patrol-17": "AUTHOR_RETRACTED"}}]
    retraction = {"do": "retract", "ids": ["patrol-17"], "reason": "ERROR"}
    told["step"] = [
        {"title": "there and back", "act": [patrol, again, back], "expect": has},
        {"title": "taken back", "act": [retraction], "expect": gone},
        {"title": "and there again", "act": [back], "expect": has},
    ]
    assert missed(played(told)) == set()


def test_the_home_is_kept_where_it_is_asked_for_and_nothing_else_is_left(tmp_path: Path) -> None:
    story = read_story(shipped())
    assert isinstance(story, Story)
    result = play_apart(story, keep=tmp_path / "home", until=1)
    assert result.is_good
    assert (len(result.steps), result.unplayed) == (1, 9)
    assert result.home == str(tmp_path / "home")
    assert (tmp_path / "home" / "version").exists()
