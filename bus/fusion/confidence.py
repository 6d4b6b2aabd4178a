"""How sure: log-odds per origin, damped, because independence is never complete.

Each origin speaks once on each side, by its strongest report. Supports and denials are damped apart and shown apart.
All numbers come from the parameter record (fusion.md, starting values).
"""

from collections.abc import Sequence
from math import exp, log
from typing import Final, NamedTuple

from bus.fusion.node import Node
from bus.fusion.origins import origin_groups
from schemas.models.parameters import Caps, ConfidenceTable, Words

CONFIRMED: Final = 1
PROBABLY_TRUE: Final = 2
DENIES: Final = "DENIES"

_Graded = tuple[float, bytes, tuple[str, str, str], float, Node]
"""A report in the order of the arithmetic: (-|term|, digest, key), then its term and itself."""
_Ranked = tuple[list[_Graded], tuple[Node, ...]]


class Voice(NamedTuple):
    """One origin's strongest report on one side; `value` = term x multiplier is what it adds to the log-odds."""

    origin: int
    node: Node
    term: float
    multiplier: float
    value: float
    is_new_discipline: bool


class Belief(NamedTuple):
    """The result, with everything that it was made of; origins are numbered from 1, the strongest first."""

    origins: tuple[tuple[Node, ...], ...]
    supports: tuple[Voice, ...]
    denials: tuple[Voice, ...]
    log_odds: float
    probability: float
    words: str
    cap: float


def weigh(origins: Sequence[tuple[Node, ...]], table: ConfidenceTable) -> Belief:
    """Weigh reports that are grouped by origin."""
    ranked = [(sorted([_graded(node, table) for node in group]), group) for group in origins]
    ranked.sort()
    supports = _side(ranked, table, denies=False)
    denials = _side(ranked, table, denies=True)
    cap = _cap(supports, table.caps)
    log_odds = _log_odds(supports, denials, table)
    probability = _probability(log_odds, cap, table)
    return Belief(
        tuple([group for _, group in ranked]),
        supports,
        denials,
        rounded(log_odds),
        probability,
        in_words(probability, table.words),
        cap,
    )


def without(belief: Belief, agency: str, table: ConfidenceTable) -> float:
    """The probability that would be left if one agency's reports were not there."""
    gone = set()
    for number, group in enumerate(belief.origins, 1):
        left = [node for node in group if node.key[0] != agency]
        if not left:
            gone.add(number)
        elif len(left) < len(group):
            # What is left may fall apart into several origins, or speak by another report.
            kept = [node for origin in belief.origins for node in origin if node.key[0] != agency]
            return weigh(origin_groups(kept), table).probability
    supports = _damped([(v.term, v.node, v.origin) for v in belief.supports if v.origin not in gone], table)
    denials = _damped([(v.term, v.node, v.origin) for v in belief.denials if v.origin not in gone], table)
    return _probability(_log_odds(supports, denials, table), _cap(supports, table.caps), table)


def prior_log_odds(table: ConfidenceTable) -> float:
    """What is believed before any report."""
    return log(table.prior / (1.0 - table.prior))


def grade(node: Node, table: ConfidenceTable) -> tuple[str, int]:
    """Reliability and credibility as they count; an incoming "confirmed" is not one, since confirming is our task."""
    reliability = node.source.reliability or table.ungraded_reliability
    credibility = node.source.credibility or table.ungraded_credibility
    return reliability, PROBABLY_TRUE if credibility == CONFIRMED else credibility


def in_words(probability: float, scale: Sequence[Words]) -> str:
    """The words for a probability on an ascending scale: those of the highest bound that it reaches."""
    reached = scale[0]
    for step in scale:
        if step.from_probability > probability:
            break
        reached = step
    return reached.words


def rounded(value: float) -> float:
    """As many places as anybody reads; the last bits of a logarithm differ between machines. Never -0.0."""
    return round(value, 4) + 0.0


def _graded(node: Node, table: ConfidenceTable) -> _Graded:
    reliability, credibility = grade(node, table)
    term = table.reliability_factor[reliability] * table.credibility_log_odds[str(credibility)]
    return -abs(term), node.digest, node.key, -term if node.source.claims == DENIES else term, node


def _side(ranked: list[_Ranked], table: ConfidenceTable, *, denies: bool) -> tuple[Voice, ...]:
    """The origins that speak on one side, strongest first."""
    speaking = []
    for number, (graded, _) in enumerate(ranked, 1):
        for entry in graded:
            if (entry[4].source.claims == DENIES) is denies:
                speaking.append((entry, number))
                break
    # An origin that speaks on both sides may be ranked by the other one.
    speaking.sort()
    return _damped([(entry[3], entry[4], number) for entry, number in speaking], table)


def _damped(speaking: Sequence[tuple[float, Node, int]], table: ConfidenceTable) -> tuple[Voice, ...]:
    """Terms with their node and origin, strongest first, each damped by those before it."""
    voices: list[Voice] = []
    heard: set[str] = set()
    for rank, (term, node, number) in enumerate(speaking):
        multiplier = table.damping**rank
        is_new = rank > 0 and node.source.discipline not in heard and table.new_discipline > multiplier
        if is_new:
            multiplier = table.new_discipline
        voices.append(Voice(number, node, term, multiplier, term * multiplier, is_new))
        heard.add(node.source.discipline)
    return tuple(voices)


def _log_odds(supports: tuple[Voice, ...], denials: tuple[Voice, ...], table: ConfidenceTable) -> float:
    return prior_log_odds(table) + sum([voice.value for voice in supports]) + sum([voice.value for voice in denials])


def _probability(log_odds: float, cap: float, table: ConfidenceTable) -> float:
    """Rounded before it is put in words or compared, so that every machine says the same."""
    return rounded(min(cap, max(table.floor, 1.0 / (1.0 + exp(-log_odds)))))


def _cap(supports: tuple[Voice, ...], caps: Caps) -> float:
    """What so much independence allows at most; an origin that says nothing lifts no cap."""
    telling = [voice for voice in supports if voice.term > 0.0]
    if len(telling) <= 1:
        return caps.one_origin
    return caps.two_disciplines if len({voice.node.source.discipline for voice in telling}) > 1 else caps.two_origins
