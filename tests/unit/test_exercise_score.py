"""Each kind of expectation is met where it is so, and fails where it is not."""

from typing import Any

import pytest

from bus.exercise.paint import WIDTH
from bus.exercise.score import Finding, Result, SeenAlert, StepResult, View, judge, judge_silence
from bus.exercise.screen import figures, page
from bus.exercise.story import Expect, Story

ALERT = SeenAlert(frozenset({"a", "b"}), 2, "likely", 3, closed=False)
VIEW = View({"a": True, "b": True, "old": False}, {"gone": "EXPIRED"}, frozenset({"a", "b", "old", "gone"}), (ALERT,))
TWO = VIEW._replace(alerts=(ALERT, ALERT._replace(of=frozenset({"old"}))))
OF: dict[str, Any] = {"of": ["b", "a"]}


def found(view: View, **expected: Any) -> list[Finding]:
    told = Expect.model_validate({"agencies": ["reader"], **expected})
    return list(judge(3, told, "reader", view))


@pytest.mark.parametrize(
    "expected",
    [
        {"has": ["a", "b"]},
        {"has": []},
        {"never": ["secret"]},
        {"gone": {"gone": "EXPIRED"}},
        {"alerts": [OF]},
        {"alerts": [{**OF, "origins": 2, "confidence": "likely", "severity": 3}]},
    ],
)
def test_what_is_so_is_met(expected: dict[str, Any]) -> None:
    (one,) = found(VIEW, **expected)
    assert one.met
    assert (one.step, one.agency, one.kind) == (3, "reader", next(iter(expected)))


@pytest.mark.parametrize(
    ("expected", "view", "seen"),
    [
        ({"has": ["a", "secret"]}, VIEW, "secret missing"),
        ({"has": ["old"]}, VIEW, "old in an older wording"),
        ({"has": ["gone"]}, VIEW, "gone missing"),
        ({"never": ["a"]}, VIEW, "told of a"),
        ({"never": ["gone"]}, VIEW, "told of gone"),
        ({"never": ["x"]}, VIEW._replace(held={"x": True}), "told of x"),
        ({"gone": {"gone": "AUTHOR_RETRACTED"}}, VIEW, "gone EXPIRED"),
        ({"gone": {"a": "EXPIRED"}}, VIEW, "a still there"),
        ({"gone": {"secret": "EXPIRED"}}, VIEW, "secret never there"),
        ({"gone": {"b": "EXPIRED"}}, VIEW._replace(gone={"b": "EXPIRED"}), "b still there"),
        ({"alerts": []}, VIEW, "a + b"),
        ({"alerts": [OF]}, VIEW._replace(alerts=()), "no alert"),
        ({"alerts": [OF]}, TWO, "old"),
        ({"alerts": [OF, OF]}, VIEW, "a + b"),
        ({"alerts": [{"of": ["a"]}]}, VIEW, "a + b"),
        ({"alerts": [{"of": ["a", "b", "old"]}]}, VIEW, "a + b"),
        ({"alerts": [{**OF, "origins": 1}]}, VIEW, "2 origins"),
        ({"alerts": [{**OF, "origins": 0}]}, VIEW, "2 origins"),
        ({"alerts": [{**OF, "confidence": "unlikely"}]}, VIEW, "likely"),
        ({"alerts": [{**OF, "severity": 2}]}, VIEW, "severity 3"),
        ({"alerts": [{**OF, "severity": 0}]}, VIEW, "severity 3"),
        ({"alerts": [{**OF, "closed": True}]}, VIEW, "a + b"),
        ({"alerts": [OF]}, VIEW._replace(alerts=(ALERT._replace(closed=True),)), "closed"),
    ],
)
def test_what_is_not_so_is_not_met_and_what_is_seen_is_said(expected: dict[str, Any], view: View, seen: str) -> None:
    (one,) = found(view, **expected)
    assert not one.met
    assert seen in one.seen


def test_two_alerts_of_the_same_reports_need_two() -> None:
    assert found(VIEW._replace(alerts=(ALERT, ALERT)), alerts=[OF, OF])[0].met


def test_each_kind_is_judged_for_itself() -> None:
    kinds = {one.kind: one.met for one in found(VIEW, has=["secret"], never=["secret"], alerts=[OF])}
    assert kinds == {"has": False, "never": True, "alerts": True}


@pytest.mark.parametrize(("expected", "late", "met"), [
    ([], [], True),
    (["a/f"], ["a/f"], True),
    (["a/f", "b/f"], ["b/f", "a/f"], True),
    (["a/f"], [], False),
    ([], ["a/f"], False),
    (["a/f"], ["a/f", "b/f"], False),
])  # fmt: skip
def test_exactly_the_silent_feeds_are_expected(expected: list[str], late: list[str], met: bool) -> None:
    assert judge_silence(1, expected, late).met is met


def result(*findings: Finding) -> Result:
    story = Story.model_validate({
        "exercise": "LANTERN",
        "title": "A title",
        "starts_at": "2030-01-01T00:00:00Z",
        "agency": [{"name": "reader", "about": "somebody\x1b[2J"}],
        "step": [{"title": "first"}],
    }, strict=False)  # fmt: skip
    return Result(story, None, (StepResult(1, "first", None, 0, findings),), (), 0, 0.1)


MET = Finding(1, "reader", "has", "has a", "a", "a", met=True)
MISSED = Finding(1, "reader", "has", "has b", "b", "b missing", met=False)


def test_an_exercise_is_good_where_all_is_met_and_something_was_expected() -> None:
    assert result(MET).is_good
    assert not result(MET, MISSED).is_good
    assert not result().is_good


def test_the_screen_says_in_words_what_is_not_met_and_that_it_is_an_exercise() -> None:
    text = page(result(MET, MISSED), coloured=False)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[0].startswith("EXERCISE LANTERN")
    assert lines[-2].startswith("EXERCISE LANTERN")
    assert "✓ met reader: has a" in lines
    at = lines.index("✗ NOT MET reader: has b")
    assert lines[at + 1 : at + 3] == ["expected b", "seen b missing"]
    assert "✗ NOT MET 1 of 2 expectations met, 1 not; 0 s" in lines
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "\x1b" not in text
    assert "\x1b[32m" in page(result(MET), coloured=True)


def test_the_figures_have_stable_names() -> None:
    told = figures(result(MET, MISSED))
    assert set(told) == {
        *("exercise", "title", "home", "good", "expectations", "met", "steps", "whole", "unplayed", "seconds"),
    }
    assert (told["good"], told["expectations"], told["met"]) == (False, 2, 1)
    (step,) = told["steps"]
    assert set(step) == {"step", "title", "at", "expectations", "met", "findings"}
    assert step["findings"][1] == {
        "agency": "reader",
        "kind": "has",
        "what": "has b",
        "expected": "b",
        "seen": "b missing",
        "met": False,
    }
