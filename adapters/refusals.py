"""Why an adapter refuses a row or a file: a closed list of its own, apart from the reasons of ingest.

A refusal names the place and what was expected there, and never holds what stood there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from adapters.display import shown

MAX_FIELD_CHARS: Final = 128


class Code(StrEnum):
    """What is wrong: with the file as a whole (the first five), or with one row."""

    TOO_LARGE = "TOO_LARGE"
    UNSAFE = "UNSAFE"
    NOT_THIS_FORMAT = "NOT_THIS_FORMAT"
    BAD_HEADER = "BAD_HEADER"
    UNKNOWN_LAYOUT = "UNKNOWN_LAYOUT"
    BAD_ROW = "BAD_ROW"
    MISSING_VALUE = "MISSING_VALUE"
    BAD_VALUE = "BAD_VALUE"
    DUPLICATE_ID = "DUPLICATE_ID"
    OUT_OF_SCOPE = "OUT_OF_SCOPE"


REMEDY: Final[Mapping[Code, str]] = MappingProxyType(
    {
        Code.TOO_LARGE: "Cut the file into parts; each is translated alone.",
        Code.UNSAFE: "Ask the sender for the document without it; nothing of this one is read.",
        Code.NOT_THIS_FORMAT: "Name the format that this file has (`tocsin adapters`), or save it in this one.",
        Code.BAD_HEADER: "Give each column one name of its own in the first row.",
        Code.UNKNOWN_LAYOUT: "Name a mapping that fits these columns; adapters/README.md shows how to write one.",
        Code.BAD_ROW: "Mend the row and translate the file again; rows on other lines are not concerned.",
        Code.MISSING_VALUE: "Fill the cell in; without it the record can't be told from others.",
        Code.BAD_VALUE: "Correct the cell, or the mapping, and translate the file again.",
        Code.DUPLICATE_ID: "Give each record an id of its own; the first row of this id was taken.",
        Code.OUT_OF_SCOPE: "Nothing to mend: this row is no event.",
    }
)


@dataclass(frozen=True, slots=True)
class Refused:
    """One row, or the whole file (row 0), that became no draft."""

    code: Code
    row: int
    """Number of the record, from 1, without the header; 0 is the file."""
    line: int
    """Number of the line on which the record begins, from 1; 0 where the format has no lines."""
    field: str
    """Column as the file or the mapping names it; empty where no single one is meant."""
    expected: str
    remedy: str
    rule: str = ""
    """The rule of the format's own list that is broken, where it has such a list (`adapters.cap.rules`)."""

    def __str__(self) -> str:
        """One line for a person."""
        place = f"row {self.row}" if self.row else "file"
        if self.line:
            place += f" (line {self.line})"
        if self.field:
            place += f", column {self.field}" if self.row == 0 else f", {self.field}"
        code = f"{self.code} ({self.rule})" if self.rule else self.code
        return f"{code} at {place}: expected {self.expected}. {self.remedy}"


def refuse_file(  # noqa: PLR0913 - the fields of a refusal
    code: Code, expected: str, *, line: int = 0, field: str = "", rule: str = "", remedy: str = ""
) -> Refused:
    """Refuse a file as a whole."""
    return Refused(code, 0, line, field, expected, remedy or REMEDY[code], rule)


class RowError(ValueError):
    """Inside an adapter: this row can't become a draft. Caught once per row, where its number is known."""

    def __init__(  # noqa: PLR0913 - the fields of a refusal
        self, code: Code, field: str, expected: str, *, line: int = 0, rule: str = "", remedy: str = ""
    ) -> None:
        """Keep what is wrong, where, and what was expected there; `rule` and `remedy` are the format's own."""
        super().__init__(code)
        self.code = code
        self.field = field
        self.expected = expected
        self.line = line
        self.rule = rule
        self.remedy = remedy or REMEDY[code]

    def at(self, row: int, line: int) -> Refused:
        """Say where it was: in which row, which begins on this line unless the error knows its own."""
        # A name of a JSON field is the partner's text, and may be anything.
        field = shown(self.field[:MAX_FIELD_CHARS])
        return Refused(self.code, row, self.line or line, field, self.expected, self.remedy, self.rule)
