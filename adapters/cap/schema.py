"""The OASIS schemas: each error becomes a rule with its place, and never says what stood there."""

import re
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from importlib.resources import files
from itertools import islice
from types import MappingProxyType
from typing import Final

from lxml import etree

from adapters.cap.markup import DSIG, Element, children, name, namespace, path, version
from adapters.cap.rules import Broken, Rule

EDXL: Final = "EDXL-DE"
FILES: Final = MappingProxyType({"1.0": "cap10.xsd", "1.1": "cap11.xsd", "1.2": "cap12.xsd", EDXL: "edxlde-1_0.xsd"})
MAX_ERRORS: Final = 16
TIMES: Final = frozenset({"sent", "effective", "onset", "expires", "dateTimeSent"})

# libxml2 spells names as {namespace}name; those behind "Expected is" are the schema's own.
_EXPECTED: Final = re.compile(r"Expected is (?:one of )?\((.{0,4000}?)\)\.", re.DOTALL)
_SET: Final = re.compile(r"is not an element of the set \{(.{0,4000}?)\}\.", re.DOTALL)
_NAME: Final = re.compile(r"\{[^{}]*\}([A-Za-z]+)")


@cache
def schema(of: str) -> etree.XMLSchema:
    """The schema of a CAP version, or of EDXL-DE."""
    parser = etree.XMLParser(no_network=True, load_dtd=False, resolve_entities=False)
    data = files("adapters.cap").joinpath("xsd", FILES[of]).read_bytes()
    return etree.XMLSchema(etree.fromstring(data, parser))


def check_alert(alert: Element) -> Iterator[Broken]:
    """What the schema of an alert's own version says of it.

    Signatures are left out: CAP 1.0 and 1.1 have no place for them, and their senders signed all the same.
    """
    alone = deepcopy(alert)
    alone.tail = None
    for child in list(children(alone)):
        if namespace(child) == DSIG:
            alone.remove(child)
    yield from _errors(version(alert) or "", alone, path(alert))


def check_envelope(envelope: Element) -> Iterator[Broken]:
    """What the schema of EDXL-DE says of an envelope."""
    yield from _errors(EDXL, envelope, path(envelope))


def _errors(of: str, root: Element, above: str) -> Iterator[Broken]:
    known = schema(of)
    if known.validate(root):
        return
    for error in islice(known.error_log, MAX_ERRORS):
        found = _find(root, error.path)
        place = above + path(found).removeprefix(path(root))
        rule, expected = _meaning(found, error.message)
        yield Broken(rule, place, error.line, expected)


def _find(root: Element, at: str | None) -> Element:
    """The element that an error is about; the root where it can't be found."""
    if at is None:
        return root
    prefixes = {prefix: uri for element in root.iter() for prefix, uri in element.nsmap.items() if prefix}
    try:
        found = root.getroottree().xpath(at, namespaces=prefixes)
    except etree.XPathError:
        return root
    return found[0] if isinstance(found, list) and found else root


def _meaning(element: Element, message: str) -> tuple[Rule, str]:
    """The rule, and what was expected in the schema's words."""
    if "is not expected" in message or "Missing child" in message:
        listed = _EXPECTED.search(message)
        wanted = [] if listed is None else _NAME.findall(listed[1])
        words = " or ".join(wanted) or "nothing more"
        return (Rule.MISSING_ELEMENT, f"{words} in it") if "Missing" in message else _misplaced(element, wanted, words)
    if name(element) in TIMES:
        return Rule.BAD_TIME, "a time with seconds and an offset, as 2024-05-17T16:05:00-00:00"
    if name(element) == "language":
        return Rule.BAD_LANGUAGE, "a language tag such as en-US"
    if (values := _SET.search(message)) is not None:
        return Rule.BAD_ENUM, f"one of {values[1].replace(chr(39), '')}"
    return Rule.BAD_TYPE, "a value of the type that the schema names"


def _misplaced(element: Element, wanted: list[str], words: str) -> tuple[Rule, str]:
    """A child that must not stand there: a second one, one behind a missing one, or none of CAP's."""
    above = element.getparent()
    if above is None:
        return Rule.UNEXPECTED_ELEMENT, words
    siblings = list(children(above))
    at = siblings.index(element)
    if any(each.tag == element.tag for each in siblings[:at]):
        return Rule.DUPLICATE_ELEMENT, f"{name(element)} once, and here {words}"
    if wanted and namespace(element) == namespace(above) and not any(name(each) in wanted for each in siblings[at:]):
        return Rule.MISSING_ELEMENT, f"{words} before this element"
    return Rule.UNEXPECTED_ELEMENT, f"{words} here: CAP has an order"
