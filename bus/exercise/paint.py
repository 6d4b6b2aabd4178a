"""Lines for a terminal: at most 100 columns, colour only where it is wanted, nothing in them that a terminal obeys."""

import os
import textwrap
from collections.abc import Mapping
from typing import Final, NamedTuple, TextIO

WIDTH: Final = 100
INDENT: Final = "  "
_RESET: Final = "\x1b[0m"
_CODES: Final[Mapping[str, str]] = {"head": "\x1b[1m", "dim": "\x1b[2m", "good": "\x1b[32m", "bad": "\x1b[31m"}


class Part(NamedTuple):
    """A piece of a line in one colour; "" is the terminal's own."""

    text: str
    colour: str = ""


class Page:
    """Lines one after the other; what is too long ends in an ellipsis."""

    def __init__(self, *, coloured: bool) -> None:
        """Begin an empty page."""
        self._coloured = coloured
        self._lines: list[str] = []

    def head(self, title: str, note: str = "") -> None:
        """A section's title, after an empty line, and what it is about."""
        if self._lines:
            self._lines.append("")
        self.line(Part(title, "head"), Part(f"   {note}" if note else "", "dim"))

    def row(self, *parts: Part | str) -> None:
        """A line of a section."""
        self.line(INDENT, *parts)

    def line(self, *parts: Part | str) -> None:
        """A line."""
        left = WIDTH
        out = ""
        for part in parts:
            text, colour = (part, "") if isinstance(part, str) else part
            text = _fitted(_harmless(text), left)
            left -= len(text)
            out += f"{_CODES[colour]}{text}{_RESET}" if colour and text and self._coloured else text
        self._lines.append(out.rstrip())

    def prose(self, text: str, colour: str = "") -> None:
        """Sentences, broken between words into as many lines as it takes."""
        for line in textwrap.wrap(text, WIDTH - len(INDENT), break_on_hyphens=False):
            self.row(Part(line, colour))

    def item(self, mark: Part, text: str, colour: str = "") -> None:
        """A mark, and beside it sentences in as many lines as it takes."""
        beside = len(INDENT) + len(mark.text)
        for line in textwrap.wrap(text, WIDTH - beside, break_on_hyphens=False):
            self.row(mark, Part(line, colour))
            mark = Part(" " * len(mark.text))

    def text(self) -> str:
        """The page."""
        return "\n".join(self._lines) + "\n"


def is_coloured(out: TextIO) -> bool:
    """Whether colour is welcome: on a terminal, and unless NO_COLOR says otherwise (no-color.org)."""
    return out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def bar(share: float, length: int) -> tuple[str, str]:
    """A bar of this length: the filled part, and the rest. Any share above none shows, and any below all."""
    filled = round(share * length)
    if 0 < share < 1:
        filled = min(max(filled, 1), length - 1)
    return "█" * filled, "░" * (length - filled)


def _harmless(text: str) -> str:
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _fitted(text: str, most: int) -> str:
    return text if len(text) <= most else text[: max(most - 1, 0)] + "…"[:most]
