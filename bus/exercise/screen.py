"""An exercise as it was played, for a terminal; or as JSON under stable names."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from bus.exercise.paint import Page, Part
from bus.exercise.score import Finding, Result, StepResult
from bus.exercise.story import Story

MET: Final = "✓ met      "
NOT_MET: Final = "✗ NOT MET  "
_BESIDE: Final = " " * len(MET)


def page(result: Result, *, coloured: bool) -> str:
    """The screen's text: every step, every expectation, and what was seen where it is not met."""
    out = Page(coloured=coloured)
    where = "in a home and with a clock of its own" if result.home is None else f"in the home {result.home}"
    banner(out, result, f"{result.story.title}; played {where}")
    if result.story.tells:
        out.prose(" ".join(result.story.tells.split()), "dim")
    _cast(out, result.story)
    for step in result.steps:
        moment = f"{datetime.fromtimestamp(step.at / 1000, UTC):%Y-%m-%d %H:%M}Z"
        out.head(f"{step.number}  {step.title}", moment)
        if step.tells:
            out.prose(" ".join(step.tells.split()), "dim")
        _findings(out, step.findings)
    out.head("IN THE WHOLE EXERCISE")
    _findings(out, result.whole)
    if result.unplayed:
        out.head(f"{result.unplayed} MORE STEPS NOT PLAYED", "as asked for with --until")
    verdict(out, result)
    return out.text()


def banner(out: Page, result: Result, note: str) -> None:
    """The head of everything that is told of an exercise: nobody takes it for the real world."""
    out.head(f"EXERCISE {result.story.exercise}", note)


def verdict(out: Page, result: Result) -> None:
    """The score, as the last thing that is said."""
    missed = len(result.findings) - result.met
    out.head(f"EXERCISE {result.story.exercise}", "this was an exercise")
    mark, colour = (NOT_MET, "bad") if missed else (MET, "good")
    counted = f"{result.met} of {len(result.findings)} expectations met"
    out.item(Part(mark, colour), f"{counted}{f', {missed} not' if missed else ''}; {result.seconds:.0f} s")


def figures(result: Result) -> dict[str, Any]:
    """The same under stable names."""
    return {
        "exercise": result.story.exercise,
        "title": result.story.title,
        "home": result.home,
        "good": result.is_good,
        "expectations": len(result.findings),
        "met": result.met,
        "steps": [_step(step) for step in result.steps],
        "whole": [_finding(one) for one in result.whole],
        "unplayed": result.unplayed,
        "seconds": round(result.seconds, 2),
    }


def _step(step: StepResult) -> dict[str, Any]:
    return {
        "step": step.number,
        "title": step.title,
        "at": step.at,
        "expectations": len(step.findings),
        "met": sum(one.met for one in step.findings),
        "findings": [_finding(one) for one in step.findings],
    }


def _finding(one: Finding) -> dict[str, Any]:
    return {name: value for name, value in one._asdict().items() if name != "step"}


def _cast(out: Page, story: Story) -> None:
    out.head("WHO TAKES PART", "and is cleared for what")
    wide = max(len(agency.name) for agency in story.agency)
    for agency in story.agency:
        clearance = " ".join((*agency.levels, *agency.need))
        audiences = f" as {', '.join(agency.audiences)}" if agency.audiences else ""
        out.item(Part(f"{agency.name:<{wide}}  "), f"{clearance}{audiences}. {agency.about or ''}")


def _findings(out: Page, findings: Iterable[Finding]) -> None:
    for agencies, one in _grouped(findings):
        told = f"{', '.join(agencies)}: {one.what}"
        if one.met:
            out.item(Part(MET, "good"), told)
            continue
        out.item(Part(NOT_MET, "bad"), told)
        out.item(Part(f"{_BESIDE}expected  ", "dim"), one.expected)
        out.item(Part(f"{_BESIDE}seen      ", "dim"), one.seen)


def _grouped(findings: Iterable[Finding]) -> Iterator[tuple[list[str], Finding]]:
    """What is the same of several agencies in one line, in the order of the story."""
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for one in findings:
        groups.setdefault((one.kind, one.what, one.expected, one.seen), []).append(one)
    for group in groups.values():
        yield [one.agency for one in group], group[0]
