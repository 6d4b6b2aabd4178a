"""Elements of a message by their CAP names, whatever their version, namespace prefix or place.

CAP 1.0 writes codes as "NAME=value" where later versions have `valueName` and `value`.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from types import MappingProxyType
from typing import Final, NamedTuple

from lxml import etree

from adapters.days import FIRST_YEAR, LAST_YEAR

Element = etree._Element  # noqa: SLF001 - the public name of lxml's element type is a factory

VERSIONS: Final = MappingProxyType(
    {
        "http://www.incident.com/cap/1.0": "1.0",
        "urn:oasis:names:tc:emergency:cap:1.0": "1.0",
        "urn:oasis:names:tc:emergency:cap:1.1": "1.1",
        "urn:oasis:names:tc:emergency:cap:1.2": "1.2",
    }
)
"""The version that each namespace stands for."""
DSIG: Final = "http://www.w3.org/2000/09/xmldsig#"
PAIRS: Final = frozenset({"eventCode", "parameter", "geocode"})
MAX_PATH_CHARS: Final = 128
MAX_COUNTED: Final = 256

_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?"
)
_SPACE: Final = re.compile(r"\s+")


class Pair(NamedTuple):
    """A code with the name of its list."""

    name: str
    value: str


def namespace(element: Element) -> str:
    """The element's namespace, empty where it has none."""
    return str(element.tag).rpartition("}")[0].removeprefix("{")


def name(element: Element) -> str:
    """The element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def version(alert: Element) -> str | None:
    """The CAP version of an `alert` element; None where it is none."""
    return VERSIONS.get(namespace(alert)) if name(alert) == "alert" else None


def children(element: Element) -> Iterator[Element]:
    """The child elements, without comments and instructions."""
    return (child for child in element if isinstance(child.tag, str))


def kids(element: Element, named: str) -> list[Element]:
    """The child elements of this name, in the parent's own namespace."""
    return list(element.iterchildren(_tag(namespace(element), named)))


def text(element: Element | None) -> str:
    """The text of an element without the blanks around it; comments within cut nothing."""
    if element is None:
        return ""
    if not len(element):
        return (element.text or "").strip()
    tails = (child.tail or "" for child in element if not isinstance(child.tag, str))
    return "".join([element.text or "", *tails]).strip()


def texts(element: Element, named: str) -> list[str]:
    """What the child elements of this name say, empty ones left out."""
    return list(_said(element, named))


def first(element: Element, named: str) -> str:
    """What the first child element of this name says, or nothing."""
    return next(_said(element, named), "")


def pairs(element: Element, named: str) -> list[Pair]:
    """Codes with the names of their lists, of which one is given."""
    return [found for child in kids(element, named) if any(found := pair(child))]


def pair(element: Element) -> Pair:
    """The name and value of an `eventCode`, `parameter` or `geocode`."""
    if VERSIONS.get(namespace(element)) == "1.0":
        before, _, after = text(element).partition("=")
        return Pair(line(before), after.strip())
    return Pair(line(first(element, "valueName")), first(element, "value"))


def line(words: str) -> str:
    """Text as one line."""
    return _SPACE.sub(" ", words).strip()


def path(element: Element) -> str:
    """Where an element stands, from the document's root: `/alert/info[1]/area[2]/polygon[1]`."""
    steps = []
    at: Element | None = element
    while at is not None:
        above = at.getparent()
        steps.append(f"/{name(at)}{'' if above is None else _number(at)}")
        at = above
    return "".join(reversed(steps))[-MAX_PATH_CHARS:]


def row(element: Element) -> int:
    """The line on which an element begins."""
    return element.sourceline or 0


@lru_cache(maxsize=4096)
def moment(when: str) -> int | None:
    """UTC ms of a time that has an offset; None where it is no such time."""
    found = _TIME.fullmatch(when)
    if found is None or found["zone"] is None or not FIRST_YEAR <= int(when[:4]) <= LAST_YEAR:
        return None
    try:
        return (datetime.fromisoformat(when) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    except ValueError:
        return None


def _said(element: Element, named: str) -> Iterator[str]:
    return (found for child in element.iterchildren(_tag(namespace(element), named)) if (found := text(child)))


def _number(element: Element) -> str:
    """Which of its kind it is under its parent, if it is not the only one; beyond a bound the line must do."""
    tag = etree.QName(element)
    before = len(list(islice(element.itersiblings(tag, preceding=True), MAX_COUNTED)))
    if before == MAX_COUNTED or (before == 0 and next(element.itersiblings(tag), None) is None):
        return ""
    return f"[{before + 1}]"


def _tag(of: str, named: str) -> str:
    return f"{{{of}}}{named}" if of else named
