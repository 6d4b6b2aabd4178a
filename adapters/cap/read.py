"""Bytes of a message or of what carries messages to the alerts in it."""

from itertools import islice
from typing import Final

from adapters.cap.carriers import Found, Opened, open_carrier
from adapters.cap.rules import Broken, Rule, broken
from adapters.refusals import Code, Refused, refuse_file
from adapters.xml_tree import xml_tree

MAX_ELEMENTS: Final = 20_000
"""Of one alert: some two hundred times what the largest real ones have, and within a second or two translated."""
_REMEDY: Final = "Ask for a carrier that keeps the rules of its own format; an alert alone in a file needs none."


def read(data: bytes) -> Opened | Refused:
    """Read a document; a fault of it as a whole refuses it."""
    root = xml_tree(data)
    if isinstance(root, Refused):
        return root
    opened = open_carrier(root)
    if isinstance(opened, Broken):
        code = Code.NOT_THIS_FORMAT if opened.rule is Rule.NO_CAP else Code.BAD_HEADER
        remedy = "" if opened.rule is Rule.NO_CAP else _REMEDY
        return refuse_file(
            code, opened.expected, line=opened.line, field=opened.path, rule=str(opened.rule), remedy=remedy
        )
    return Opened([_bounded(found) for found in opened.found], opened.notes)


def _bounded(found: Found) -> Found:
    if isinstance(found.item, Broken) or next(islice(found.item.iter(), MAX_ELEMENTS, None), None) is None:
        return found
    return found._replace(item=broken(Rule.TOO_MANY_TAGS, found.item, f"at most {MAX_ELEMENTS:,} elements in an alert"))
