"""Bytes of a message or of what carries messages to the alerts in it."""

from typing import Final

from adapters.cap.carriers import Opened, open_carrier
from adapters.cap.rules import Broken, Rule
from adapters.refusals import Code, Refused, refuse_file
from adapters.xml_tree import xml_tree

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
    return opened
