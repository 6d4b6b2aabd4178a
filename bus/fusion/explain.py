"""Why: the terms of the arithmetic in their order, each with a reason in plain words.

It is made from the same numbers as the result, and says nothing that the members themselves do not say.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from bus.fusion.confidence import Belief, Voice, grade, in_words, prior_log_odds, rounded, without
from bus.fusion.node import Node
from bus.fusion.origins import bonds, is_echo
from bus.fusion.severity import Gravity
from schemas.models.parameters import ConfidenceTable, SeverityTable

MOST_NAMED: Final = 5
"""Reports named in one sentence; a reader finds all of them, with their origin, among the members."""

Term = dict[str, Any]


def explain(
    members: Sequence[Node], belief: Belief, grave: Gravity, confidence: ConfidenceTable, severity: SeverityTable
) -> list[Term]:
    """All terms of an alert's confidence and severity."""
    return [
        *_reports(members, belief),
        *_arithmetic(belief, confidence),
        *_rests_on(members, belief, confidence),
        _severity(grave, severity),
    ]


def name(node: Node) -> str:
    """A report as references spell it."""
    return "/".join(node.key)


def _term(term: str, value: float, reason: str) -> Term:
    return {"term": term, "value": rounded(value), "reason": reason}


def _reports(members: Sequence[Node], belief: Belief) -> Iterator[Term]:
    """How many reports there are, and which of them repeat another."""
    origins = len(belief.origins)
    yield _term("reports", len(members), f"{_plural(len(members), 'report')}, {_plural(origins, 'independent origin')}")
    for number, group in enumerate(belief.origins, 1):
        if len(group) > 1:
            yield _term("origin", len(group), f"Origin {number}: {_repeats(group)}")
    echoes = [node for node in members if is_echo(node)]
    if echoes:
        yield _term("echo", 0.0, f"{_listed(echoes)}: rests on an alert of this bus, so it adds nothing of its own")


def _repeats(group: Sequence[Node]) -> str:
    """Who repeats whom, and by what one knows."""
    first, *others = sorted(group, key=lambda node: (node.first_at, node.key))
    heard: dict[tuple[str, object], None] = dict.fromkeys(bonds(first))
    shared: dict[str, None] = {}
    for node in others:
        own = list(bonds(node))
        shared.update((bond[0], None) for bond in own if bond in heard)
        heard.update(dict.fromkeys(own))
    verb = "repeats" if len(others) == 1 else "repeat"
    return f"{_listed(others)} {verb} {name(first)} ({', '.join(sorted(shared))})"


def _arithmetic(belief: Belief, table: ConfidenceTable) -> Iterator[Term]:
    """From the prior over each origin to the probability; support and denial stand apart, never only the net."""
    yield _term("prior", prior_log_odds(table), f"Before any report: {table.prior:.2f}")
    for voice in belief.supports:
        yield _term("support", voice.value, _said(voice, table))
    for voice in belief.denials:
        yield _term("denial", voice.value, _said(voice, table))
    if belief.supports and belief.denials:
        support = sum(voice.value for voice in belief.supports)
        denial = sum(voice.value for voice in belief.denials)
        reason = f"Supports make {support:+.2f}, denials {denial:+.2f}: the reports contradict each other"
        yield _term("conflict", min(abs(support), abs(denial)), reason)
    if belief.probability == belief.cap:
        yield _term("cap", belief.cap, f"At most {belief.cap:.2f} on this much independence")
    if belief.probability == table.floor:
        yield _term("floor", table.floor, f"At least {table.floor:.2f}: nothing reported is impossible")
    yield _term("confidence", belief.probability, f"From {table.prior:.2f} to {belief.probability:.2f}: {belief.words}")


def _said(voice: Voice, table: ConfidenceTable) -> str:
    node = voice.node
    reliability, credibility = grade(node, table)
    graded = f"{reliability}{credibility}" + (
        "" if node.source.reliability and node.source.credibility else " (in part ungraded)"
    )
    text = f"Origin {voice.origin}: {name(node)}, {node.source.discipline}, {graded}: {voice.term:+.2f}"
    if voice.is_new_discipline:
        return f"{text} x {voice.multiplier:g} as a new discipline"
    return text if voice.multiplier == 1.0 else f"{text} x {voice.multiplier:g} as one more origin"


def _rests_on(members: Sequence[Node], belief: Belief, table: ConfidenceTable) -> Iterator[Term]:
    """The agency whose silence would cost the most belief."""
    agencies = {node.key[0] for node in members}
    probability, agency = min([(without(belief, agency, table), agency) for agency in agencies])
    if probability < belief.probability:
        words = in_words(probability, table.words)
        only = ", the only one" if len(agencies) == 1 else ""
        yield _term("without", probability, f"Would fall to {probability:.2f} ({words}) without agency {agency}{only}")


def _severity(grave: Gravity, table: SeverityTable) -> Term:
    parts = [f"harm {grave.harm} ({grave.harm_code})"]
    if grave.scale_figure is not None:
        figure = grave.scale_figure
        of = "" if figure.of is None else f" {figure.of}"
        parts.append(f"scale {grave.scale} ({figure.what}{of} {figure.likely})")
    else:
        parts.append("scale 0 (no figure reaches a step)")
    if grave.vulnerable is not None:
        parts.append(f"+{table.vulnerable_adds} ({grave.vulnerable} among those hit)")
    return _term("severity", grave.level, f"Severity {grave.level} of {table.most}: {', '.join(parts)}")


def _listed(nodes: Iterable[Node]) -> str:
    names = sorted(name(node) for node in nodes)
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
