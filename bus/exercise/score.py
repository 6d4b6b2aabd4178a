"""The score: each expectation held against what is there. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from bus.exercise.story import AlertSeen, Expect, Story

OPERATOR: Final = "operator"
"""Who sees which feeds are late; the bus admits no agency of this name to a story that says so."""
NOTHING: Final = "nothing"


class SeenAlert(NamedTuple):
    """An alert as an agency has it; `of`: its reports by their ids in the story, others by `agency/feed/id`."""

    of: frozenset[str]
    origins: int
    confidence: str
    severity: int
    closed: bool


class View(NamedTuple):
    """What one agency has of a story, by the ids of the story.

    `held`: whether in the latest wording. `named`: in anything that was ever delivered to it.
    """

    held: Mapping[str, bool]
    gone: Mapping[str, str]
    named: frozenset[str]
    alerts: tuple[SeenAlert, ...]


class Finding(NamedTuple):
    """One expectation, and whether it is met. `step` 0: of the whole exercise."""

    step: int
    agency: str
    kind: str
    what: str
    expected: str
    seen: str
    met: bool


class StepResult(NamedTuple):
    """One step as it was played; `at` is UTC ms."""

    number: int
    title: str
    tells: str | None
    at: int
    findings: tuple[Finding, ...]


class Result(NamedTuple):
    """An exercise as it was played. `home` None: in one of its own. `unplayed`: steps after the last one asked for."""

    story: Story
    home: str | None
    steps: tuple[StepResult, ...]
    whole: tuple[Finding, ...]
    unplayed: int
    seconds: float

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All of them, in order."""
        return (*(one for step in self.steps for one in step.findings), *self.whole)

    @property
    def met(self) -> int:
        """How many expectations are met."""
        return sum(one.met for one in self.findings)

    @property
    def is_good(self) -> bool:
        """Whether all are, and there are any."""
        return 0 < self.met == len(self.findings)


Judgement: TypeAlias = tuple[str, str, bool]
"""What was expected, what is seen, and whether that is the same."""


def judge(step: int, expect: Expect, agency: str, view: View) -> Iterator[Finding]:
    """Hold everything that is expected of this agency against what it has."""
    judged: Mapping[str, tuple[object, str, Callable[[], Judgement]]] = {
        "has": (expect.has, f"has {_listed(expect.has)}", lambda: _has(expect.has or (), view)),
        "never": (expect.never, f"never heard of {_listed(expect.never)}", lambda: _never(expect.never or (), view)),
        "gone": (expect.gone, f"lost {_listed(expect.gone)}", lambda: _gone(expect.gone or {}, view)),
        "alerts": (expect.alerts, _count(expect.alerts or ()), lambda: _alerts(expect.alerts or (), view)),
    }
    for kind, (told, what, judgement) in judged.items():
        if told is not None:
            yield Finding(step, agency, kind, what, *judgement())


def judge_silence(step: int, expected: Iterable[str], late: Iterable[str]) -> Finding:
    """Which feeds the bus calls late."""
    wanted, found = sorted(expected), sorted(late)
    what = f"is told that {_listed(wanted)} fell silent" if wanted else "is told of no silent feed"
    return Finding(step, OPERATOR, "silent", what, _listed(wanted), _listed(found), wanted == found)


def _has(expected: Iterable[str], view: View) -> Judgement:
    seen = {one: {None: "missing", False: "in an older wording", True: ""}[view.held.get(one)] for one in expected}
    told = ", ".join(f"{one} {how}".rstrip() for one, how in seen.items())
    return _listed(expected), told or NOTHING, not any(seen.values())


def _never(expected: Iterable[str], view: View) -> Judgement:
    heard = [one for one in expected if one in view.named or one in view.held]
    return f"no word of {_listed(expected)}", f"told of {_listed(heard)}" if heard else NOTHING, not heard


def _gone(expected: Mapping[str, str], view: View) -> Judgement:
    seen = {one: "still there" if one in view.held else view.gone.get(one, "never there") for one in expected}
    wanted = {one: str(reason) for one, reason in expected.items()}
    return _reasons(wanted), _reasons(seen), wanted == seen


def _alerts(expected: Iterable[AlertSeen], view: View) -> Judgement:
    """Exactly these: each one that is expected has its own, and none is left over."""
    left = list(view.alerts)
    wanted = list(expected)
    for one in wanted:
        found = next((seen for seen in left if _is_met(one, seen)), None)
        if found is not None:
            left.remove(found)
    is_met = not left and len(view.alerts) == len(wanted)
    return _all(_told(one) for one in wanted), _all(sorted(_shown(one) for one in view.alerts)), is_met


def _is_met(expected: AlertSeen, seen: SeenAlert) -> bool:
    pairs = (
        (expected.origins, seen.origins),
        (expected.confidence, seen.confidence),
        (expected.severity, seen.severity),
    )
    same = all(wanted is None or wanted == found for wanted, found in pairs)
    return same and frozenset(expected.of) == seen.of and expected.closed is seen.closed


def _told(alert: AlertSeen) -> str:
    return _alert(alert.of, alert.origins, alert.confidence, alert.severity, closed=alert.closed)


def _shown(alert: SeenAlert) -> str:
    return _alert(alert.of, alert.origins, alert.confidence, alert.severity, closed=alert.closed)


def _alert(
    of: Iterable[str], origins: int | None, confidence: str | None, severity: int | None, *, closed: bool
) -> str:
    parts = [
        None if origins is None else f"{origins} origin{'' if origins == 1 else 's'}",
        confidence,
        None if severity is None else f"severity {severity}",
        "closed" if closed else None,
    ]
    told = ", ".join(part for part in parts if part is not None)
    return " + ".join(sorted(of)) + (f" ({told})" if told else "")


def _count(alerts: tuple[AlertSeen, ...]) -> str:
    if not alerts:
        return "has no alert"
    few = "; ".join(_told(one) for one in alerts)
    return f"has {'this alert' if len(alerts) == 1 else f'these {len(alerts)} alerts'}: {few}"


def _reasons(of: Mapping[str, str]) -> str:
    return ", ".join(f"{one} {reason}" for one, reason in of.items())


def _listed(names: Iterable[str] | None) -> str:
    return ", ".join(names or ()) or NOTHING


def _all(alerts: Iterable[str]) -> str:
    return "; ".join(alerts) or "no alert"
