"""What kind of event an info tells of, and whether it happened or is expected (tables/types.toml)."""

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, NamedTuple

from adapters.cap.markup import Element, first, moment, pairs, texts
from schemas.taxonomy import gravest

NATURAL: Final = frozenset({"Geo", "Met", "Env", "Health", "Fire"})
"""Categories of what nature does: a "heat attack" is none."""
CREDIBILITY: Final = MappingProxyType(
    {"Observed": 2, "Very Likely": 3, "Likely": 3, "Possible": 4, "Unlikely": 5, "Unknown": 6}
)
"""Certainty on the Admiralty scale; "Very Likely" of CAP 1.0 is to be read as Likely (CAP 1.2, 3.2.2). Never 1: CAP has
no word for what others confirm."""


class Words(NamedTuple):
    """Words for a type."""

    type: str
    human: bool
    pattern: re.Pattern[str]


class Known(NamedTuple):
    """The table."""

    category: MappingProxyType[str, str]
    same: MappingProxyType[str, str]
    happened: frozenset[str]
    words: tuple[Words, ...]


@cache
def known() -> Known:
    """Read the table."""
    data = tomllib.loads(files("adapters.cap").joinpath("tables", "types.toml").read_text("utf-8"))
    return Known(
        MappingProxyType(data["category"]),
        MappingProxyType({code: fields["type"] for code, fields in data["same"].items()}),
        frozenset(code for code, fields in data["same"].items() if fields.get("happened")),
        tuple(Words(each["type"], each.get("human", False), _pattern(each["words"])) for each in data["word"]),
    )


def types_of(infos: Sequence[Element]) -> list[str]:
    """All types that the infos speak of, the event's own first."""
    table = known()
    categories = list(dict.fromkeys(category for info in infos for category in texts(info, "category")))
    is_human = not categories or not NATURAL.issuperset(categories)
    by_code = [table.same[code] for code in _same(infos) if code in table.same]
    events = [first(info, "event") for info in infos]
    by_word = [
        each.type
        for each in table.words
        if (is_human or not each.human) and any(each.pattern.search(event) for event in events)
    ]
    by_category = [table.category.get(category, "other") for category in categories] or ["other"]
    best = by_code or by_word or by_category
    own = gravest(best)
    rest = [code for code in (*by_code, *by_word, *by_category) if code not in {own, "other"}]
    return list(dict.fromkeys([own, *rest]))


def nature_of(infos: Sequence[Element], sent: int) -> str:
    """EXPECTED or INCIDENT.

    1 what begins after it was sent is expected 2 what is past, observed, or of a code that says so happened 3 anything
    else a sender holds for likely or possible only: a warning, and expected.
    """
    if not infos:
        return "INCIDENT"
    info = infos[0]
    onset = moment(first(info, "onset"))
    if onset is not None and onset > sent:
        return "EXPECTED"
    if first(info, "urgency") == "Past" or first(info, "certainty") == "Observed":
        return "INCIDENT"
    return "INCIDENT" if any(code in known().happened for code in _same(infos)) else "EXPECTED"


def _same(infos: Sequence[Element]) -> list[str]:
    return [pair.value for info in infos for pair in pairs(info, "eventCode") if pair.name.upper() == "SAME"]


def _pattern(words: Sequence[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(re.escape(word) for word in words)})", re.IGNORECASE)
