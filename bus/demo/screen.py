"""The one screen from which a reader understands Tocsin; or the same figures as JSON."""

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import zip_longest
from string import ascii_uppercase
from typing import Final, TextIO

from bus.demo.cast import POLICY
from bus.demo.incident import Incident, incident
from bus.demo.places import by_picture
from bus.demo.tally import Tally, Tried, figures
from bus.exercise import Result, StepResult
from bus.exercise.paint import Page, Part, bar, is_coloured
from schemas.models import Alert

BAR: Final = 16
_NAMES: Final = 15
_CLEARANCE: Final = 43
_TITLE: Final = 31
_REASON: Final = 18
_SCORE: Final = 12
_STEP: Final = 37
_MOST_LETTERS: Final = 6
_MOST_NAMES: Final = 2


def show(tally: Tally, out: TextIO, *, as_json: bool) -> None:
    """Write what happened."""
    if as_json:
        out.write(json.dumps(figures(tally), indent=2) + "\n")
    else:
        out.write(page(tally, coloured=is_coloured(out)))


def page(tally: Tally, *, coloured: bool) -> str:
    """The screen's text."""
    out = Page(coloured=coloured)
    out.line(
        Part("TOCSIN", "head"),
        Part("   agencies that do not fully trust each other share early warnings of mass atrocities", "dim"),
    )
    _published(out, tally)
    _seen(out, tally)
    _refused(out, tally)
    found = incident(tally.readings)
    if found is not None:
        _explained(out, found)
    _corrected(out, tally)
    if tally.exercise is not None:
        _exercise(out, tally.exercise)
    _verified(out, tally)
    return out.text()


def _published(out: Page, tally: Tally) -> None:
    records = sum(sent.records for sent in tally.sent)
    out.head("WHO PUBLISHED WHAT", f"{records:,} records, each signed by its author; roles and labels are made up")
    for sent in tally.sent:
        realm = f"//EXERCISE {tally.cast.exercise}" if sent.sheet.is_made_up else ""
        out.row(
            f"{sent.agency:<{_NAMES}}{sent.sheet.feed:<11}{sent.records:>5,}  ",
            Part(f"{sent.sheet.format:<10}", "dim"),
            f"{sent.sheet.label.removeprefix(f'{POLICY} ')}{realm}",
        )
    out.prose("Real: UCDP GED 23.1, and Insecurity Insight: one editor, so one origin, played by five agencies.", "dim")
    out.prose(f"Made up: what is of EXERCISE {tally.cast.exercise}, where several origins meet; never mixed.", "dim")


def _seen(out: Page, tally: Tally) -> None:
    out.head("WHO SEES WHAT, AND WHAT STAYS HIDDEN", "no agency learns what it does not see, nor how much")
    heads = f"{'':<{_NAMES}}{'cleared for':<{_CLEARANCE}}{'events':>6}{'hidden':>7}{'':<{BAR + 3}}{'alerts':>6}"
    out.row(Part(heads, "dim"))
    clearances = {player.name: player.clearance for player in tally.cast.agency}
    for one in sorted(tally.readings, key=lambda reading: (-len(reading.events), reading.agency)):
        hidden = tally.withheld(one)
        filled, rest = bar(len(one.events) / (len(one.events) + hidden or 1), BAR)
        out.row(
            f"{one.agency:<{_NAMES}}",
            Part(f"{clearances[one.agency]:<{_CLEARANCE}}", "dim"),
            f"{len(one.events):>6,}{hidden:>7,}  ",
            Part(filled, "good"),
            Part(rest, "dim"),
            f" {len(one.alerts):>6,}",
        )
    for place in tally.places[:1]:
        out.prose(f"One place, {place.place}: {'; '.join(_pictures(by_picture(place)))}.")


def _pictures(groups: list[tuple[tuple[str, ...], list[str]]]) -> Iterator[str]:
    """Who has which alerts, each alert by a letter."""
    letters = dict(zip(dict.fromkeys(one for ids, _ in groups for one in ids), ascii_uppercase, strict=False))
    for ids, agencies in groups:
        few = len(ids) <= _MOST_LETTERS and all(one in letters for one in ids)
        alerts = "alert" if len(ids) == 1 else "alerts"
        which = f"{alerts} {', '.join(letters[one] for one in ids)}" if few else f"{len(ids)} {alerts}"
        who = ", ".join(agencies) if len(agencies) <= _MOST_NAMES else f"{len(agencies)} others"
        yield f"{who} {which if ids else 'none'}"


def _refused(out: Page, tally: Tally) -> None:
    tried = tally.ledger.tried
    refused = sum(one.reason is not None for one in tried)
    target = ", ".join(sorted({one.attack.agency for one in tried}))
    out.head(
        "WHAT WAS REFUSED, AND WHY",
        f"{refused} of {len(tried)} attacks on {target}, whose own reports still arrive",
    )
    half = (len(tried) + 1) // 2
    for left, right in zip_longest(tried[:half], tried[half:]):
        out.row(*_attack(left), *(() if right is None else _attack(right)))


def _attack(one: Tried) -> tuple[Part, Part]:
    colour, text = ("good", "ACCEPTED") if one.reason is None else ("bad", one.reason)
    return Part(f"{one.attack.title:<{_TITLE}}"), Part(f"{text:<{_REASON}}", colour)


def _explained(out: Page, found: Incident) -> None:
    alert = found.alert
    out.head("ONE ALERT, EXPLAINED", f"{_what(alert)}; as {found.agency} has it")
    out.row(Part(f"labelled {found.label}", "dim"))
    out.row(Part("signed figures are log-odds; A1 to F6 grade source and report", "dim"))
    for term in alert.explanation:
        out.prose(term.reason)
    seen: dict[str, list[str]] = defaultdict(list)
    for agency, other in found.others.items():
        seen[_short(other)].append(agency)
    others = "; ".join(f"{', '.join(names)}: {text}" for text, names in seen.items())
    out.prose(f"The same incident for others. {others}.")


def _what(alert: Alert) -> str:
    day = "" if alert.when is None else f", {datetime.fromtimestamp(alert.when.start / 1000, UTC):%Y-%m-%d}"
    return f"{alert.type}{'' if alert.where.name is None else f' at {alert.where.name}'}{day}"


def _short(alert: Alert | None) -> str:
    if alert is None:
        return "nothing"
    origins = "1 origin" if alert.origins == 1 else f"{alert.origins} origins"
    return f"{len(alert.members)} reports of {origins}, {alert.confidence.probability:.2f}"


def _corrected(out: Page, tally: Tally) -> None:
    author = tally.amended.ref.partition("/")[0]
    out.head("CORRECTED, AND TAKEN BACK", f"by {author}, afterwards")
    out.prose(
        f"One report was amended: the {len(tally.amended.told)} agencies that had it have the new one. Another was "
        f"withdrawn: it left the pictures of the {len(tally.withdrawn.told)} agencies that had it."
    )


def _exercise(out: Page, result: Result) -> None:
    """The exercise's steps in two columns, each with how many of its expectations are met."""
    colour, told = ("good", "all met") if result.is_good else ("bad", "NOT all met")
    out.head(f"EXERCISE {result.story.exercise}", f"{result.story.title}: made up; a story that scores itself")
    half = (len(result.steps) + 1) // 2
    for left, right in zip_longest(result.steps[:half], result.steps[half:]):
        out.row(*_step(left), *(() if right is None else _step(right)))
    out.row(
        f"{result.met} of {len(result.findings)} expectations: ",
        Part(told, colour),
        Part("   tocsin exercise run shows each; write your own for a drill", "dim"),
    )


def _step(step: StepResult) -> tuple[Part, Part]:
    met = sum(one.met for one in step.findings)
    mark, colour = ("✓", "good") if met == len(step.findings) else ("✗", "bad")
    score = f"{mark} {met} of {len(step.findings)}"
    return Part(f"{score:<{_SCORE}}", colour), Part(f"{step.title:<{_STEP}}")


def _verified(out: Page, tally: Tally) -> None:
    alerts = sum(len(one.alerts) for one in tally.readings)
    colour, verdict = ("bad", f"{tally.failed:,} do NOT hold") if tally.failed else ("good", "all good")
    out.head("VERIFIED", f"by {len(tally.readings)} readers, from each alert down to the bytes that its authors signed")
    out.row(
        f"{alerts:,} alerts, {tally.signatures:,} signatures: ",
        Part(verdict, colour),
        Part(f"   {tally.seconds:.0f} s, engine {tally.engine}", "dim"),
    )
    out.row(Part("Next, a bus of your own: README.md, by hand", "dim"))
