"""Text of others on a screen: escaped, so that it can neither steer the terminal nor pass for something else.

Control characters, terminal escapes, bidirectional controls, what is invisible or unassigned: all become escapes that
are seen. Text in Arabic, Hebrew and other scripts written from right to left stays as it is, set apart by isolates
(Unicode Standard Annex 9) so that it does not turn its neighbours around.
"""

import unicodedata
from typing import Final

_JOINERS: Final = frozenset("\u200c\u200d")  # Persian, Hindi and others can't be written without them
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
_ISOLATE: Final = "\u2068"
_POP: Final = "\u2069"


def safe(text: str) -> str:
    """The text on one line, without anything that is not seen; a plain text comes back as it is."""
    if text.isascii() and text.isprintable():
        return text
    out = "".join(_escape(one) if _is_hidden(one) else one for one in text)
    if any(unicodedata.bidirectional(one) in _RIGHT_TO_LEFT for one in out):
        return f"{_ISOLATE}{out}{_POP}"
    return out


def width(text: str) -> int:
    """Columns on a terminal: wide characters take two, marks and isolates none."""
    return sum(
        0
        if unicodedata.combining(one) or unicodedata.category(one) == "Cf"
        else 2
        if unicodedata.east_asian_width(one) in "WF"
        else 1
        for one in text
    )


def _is_hidden(one: str) -> bool:
    return one not in _JOINERS and unicodedata.category(one) in _HIDDEN


def _escape(one: str) -> str:
    number = ord(one)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"  # noqa: PLR2004
