"""What carries alerts: Atom, RSS 2.0, EDXL-DE 1.0, and the plain list `<alerts>` that SMHI made up.

A fault of the carrier itself refuses the file, a fault of an entry refuses that entry. An alert is one only where its
carrier has a place for it: elsewhere it is foreign markup, and whoever reads it there reads what others overlook. Links
are not followed.
"""

from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Final, NamedTuple

from adapters.cap.markup import Element, children, first, kids, name, namespace, text, version
from adapters.cap.rules import Broken, Rule, broken
from adapters.cap.schema import check_envelope

ATOM: Final = "http://www.w3.org/2005/Atom"
EDXL: Final = "urn:oasis:names:tc:emergency:EDXL:DE:1.0"
LINKED: Final = "an entry without an alert in it: fetch what it links to, and translate that"
FOREIGN: Final = "an element beside the alerts that is none"
CONFIDENTIAL: Final = "the envelope states a confidentiality: choose the label by it"
NO_CAP: Final = "an XML attachment that is no CAP"

_ATOM_FEED: Final = frozenset(
    {"author", "category", "contributor", "entry", "generator", "icon", "id", "link", "logo", "rights", "subtitle"}
    | {"title", "updated"}
)
_ATOM_ENTRY: Final = frozenset(
    {"author", "category", "content", "contributor", "id", "link", "published", "rights", "source", "summary", "title"}
    | {"updated"}
)
_REPORTS: Final = frozenset({"Report", "Update", "Dispatch", "SensorDetection", "SensorStatus"})


class Found(NamedTuple):
    """An alert as its carrier holds it, or the entry that is none and why."""

    item: Element | Broken
    confidentiality: str = ""
    """As the envelope states it."""


class Opened(NamedTuple):
    """A carrier's records, in order, and what was left out on the way."""

    found: list[Found]
    notes: list[str]


def open_carrier(root: Element) -> Opened | Broken:
    """Find the alerts of a document, or say what is wrong with it as a whole."""
    if version(root) is not None:
        return Opened([Found(root)], [])
    opener = _OPENERS.get((namespace(root), name(root)))
    if opener is None and name(root) == "alerts":
        opener = _list
    if opener is None:
        return broken(
            Rule.NO_CAP, root, "an alert of CAP 1.0 to 1.2, or Atom, RSS 2.0 or EDXL-DE 1.0 with alerts in it"
        )
    return opener(root)


def _list(root: Element) -> Opened | Broken:
    alerts = [child for child in children(root) if version(child) is not None]
    if not alerts:
        return broken(Rule.NO_CAP, root, "alerts of CAP 1.0 to 1.2")
    others = sum(1 for _ in children(root)) - len(alerts)
    return Opened([Found(alert) for alert in alerts], [FOREIGN] * others)


def _atom(root: Element) -> Opened | Broken:
    for child in children(root):
        if namespace(child) == ATOM and name(child) not in _ATOM_FEED:
            return broken(Rule.ATOM_ELEMENT, child, "an element of Atom, or one of another namespace")
        if version(child) is not None:
            return broken(Rule.ALERT_MISPLACED, child, "alerts in the content of entries, not beside them")
    for named, rule in (("id", Rule.ATOM_ID), ("title", Rule.ATOM_TITLE), ("updated", Rule.ATOM_UPDATED)):
        if not kids(root, named) or (named == "id" and not first(root, named)):
            return broken(rule, root, f"a feed's {named}")
    found: list[Found] = []
    notes: list[str] = []
    for entry in kids(root, "entry"):
        item = _atom_entry(entry)
        if item is None:
            notes.append(LINKED)
        else:
            found.append(Found(item))
    return Opened(found, notes)


def _atom_entry(entry: Element) -> Element | Broken | None:
    """The entry's alert, its fault, or None where it only links to one."""
    if (fault := _atom_fault(entry)) is not None:
        return fault
    inside = [child for content in kids(entry, "content") for child in children(content)]
    alerts = [child for child in inside if version(child) is not None]
    if alerts:
        return alerts[0] if len(alerts) == 1 else broken(Rule.SEVERAL_ALERTS, alerts[1], "one alert in an entry")
    for child in entry.iterdescendants():
        if isinstance(child.tag, str) and version(child) is not None:
            return broken(Rule.ALERT_MISPLACED, child, "the alert as the entry's content itself")
    if any(link.get("href") for link in kids(entry, "link")) or any(c.get("src") for c in kids(entry, "content")):
        return None
    return broken(Rule.ATOM_ENTRY_LINK, entry, "an alert as content, or a link to one")


def _atom_fault(entry: Element) -> Broken | None:
    """What Atom itself asks of an entry."""
    for child in children(entry):
        if namespace(child) == ATOM and name(child) not in _ATOM_ENTRY:
            return broken(Rule.ATOM_ELEMENT, child, "an element of Atom, or one of another namespace")
    needed = (("id", Rule.ATOM_ENTRY_ID), ("title", Rule.ATOM_ENTRY_TITLE), ("updated", Rule.ATOM_ENTRY_UPDATED))
    for named, rule in needed:
        if not kids(entry, named) or (named == "id" and not first(entry, named)):
            return broken(rule, entry, f"an entry's {named}")
    return None


def _rss(root: Element) -> Opened | Broken:
    channels = kids(root, "channel")
    if len(channels) != 1:
        return broken(Rule.RSS_CHANNEL, root, "one channel")
    for child in children(channels[0]):
        if version(child) is not None:
            return broken(Rule.ALERT_MISPLACED, child, "alerts in items, not beside them")
    found: list[Found] = []
    notes: list[str] = []
    for item in kids(channels[0], "item"):
        entry = _rss_item(item)
        if entry is None:
            notes.append(LINKED)
        else:
            found.append(Found(entry))
    return Opened(found, notes)


def _rss_item(item: Element) -> Element | Broken | None:
    """The item's alert, its fault, or None where it only links to one."""
    if not first(item, "title") and not first(item, "description"):
        return broken(Rule.RSS_ITEM_TITLE, item, "a title or a description")
    alerts = [child for child in children(item) if version(child) is not None]
    if len(alerts) > 1:
        return broken(Rule.SEVERAL_ALERTS, alerts[1], "one alert in an item")
    if alerts:
        return alerts[0]
    return None if first(item, "link") else broken(Rule.RSS_ITEM_LINK, item, "a link to the alert")


def _edxl(root: Element) -> Opened | Broken:
    fault = next(check_envelope(root), None)
    if fault is not None:
        return fault._replace(rule=Rule.EDXL_SCHEMA)
    if first(root, "distributionType") not in _REPORTS:
        wanted = "a distribution of reports or updates; to take alerts back, their own Cancel messages"
        return broken(Rule.EDXL_TYPE, kids(root, "distributionType")[0], wanted)
    confidentiality = first(root, "combinedConfidentiality")
    notes = [CONFIDENTIAL] if confidentiality and confidentiality.upper() != "UNCLASSIFIED" else []
    found: list[Found] = []
    for content in kids(root, "contentObject"):
        inside = [child for part in _embedded(content) for child in children(part)]
        alerts = [child for child in inside if version(child) is not None]
        notes += [NO_CAP] * (len(inside) - len(alerts))
        found += [Found(_of_status(root, alert), confidentiality) for alert in alerts]
    return Opened(found, notes)


def _embedded(content: Element) -> Iterator[Element]:
    for xml in kids(content, "xmlContent"):
        yield from kids(xml, "embeddedXMLContent")


def _of_status(envelope: Element, alert: Element) -> Element | Broken:
    """The alert, unless its status is not its envelope's: no exercise comes into the real lane, nor the reverse."""
    status = kids(alert, "status")
    if status and text(status[0]) != first(envelope, "distributionStatus"):
        return broken(Rule.EDXL_STATUS, status[0], "the status that the envelope has")
    return alert


_OPENERS: Final[MappingProxyType[tuple[str, str], Callable[[Element], Opened | Broken]]] = MappingProxyType(
    {(ATOM, "feed"): _atom, ("", "rss"): _rss, (EDXL, "EDXLDistribution"): _edxl}
)
