"""Rows of CSV, TSV and semicolon-separated text (RFC 4180, read strictly)."""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from adapters.cells import plain
from adapters.refusals import Code, Refused, RowError, refuse_file
from adapters.sheet import MAX_COLUMNS, Row, Sheet, flawless

BOM: Final = "\ufeff"
_HXL: Final = re.compile(r"#[a-z][a-z0-9_+-]*", re.IGNORECASE)
_SEPARATORS: Final = (",", "\t", ";")
_HEADER_BYTES: Final = 262_144
"""More than the first line's part that tells the separator."""


class _Reader(Protocol):
    """What `csv.reader` gives."""

    @property
    def line_num(self) -> int:
        """How many lines were read."""

    def __next__(self) -> list[str]:
        """The next record."""


def csv_sheet(text: str, names: Sequence[str] | None = None) -> Sheet | Refused:
    """Read a table; `names` stand in for a header that the file lacks."""
    notes: tuple[str, ...] = ()
    if text.startswith(BOM):
        # A spreadsheet program's way to say UTF-8; anywhere else it stays what it is, text.
        text, notes = text[1:], ("a byte order mark stood before the first column",)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    line = 1
    if names is None:
        try:
            names = next((cells for cells in reader if cells), [])
        except csv.Error:
            return refuse_file(Code.BAD_HEADER, "a first row that is CSV", line=1)
        line = reader.line_num + 1
    columns = _columns(names)
    if isinstance(columns, Refused):
        return columns
    return Sheet(columns, _rows(reader, len(columns), line, suspect="\0" in text), notes)


def first_row(text: str) -> tuple[str, ...]:
    """The first row's cells, whatever they are; nothing where it is no CSV."""
    text = text.removeprefix(BOM)
    try:
        return tuple(next(csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True), ()))
    except csv.Error:
        return ()


class End(NamedTuple):
    """Where a record ends: bytes and lines of the file up to there."""

    at: int
    lines: int


def record_ends(data: bytes) -> Iterator[End]:
    """The end of each record of a table in UTF-8, as `csv_sheet` finds it, in little memory."""
    lines = _Lines(data)
    reader = csv.reader(lines, delimiter=_separator(data[:_HEADER_BYTES].decode(errors="ignore")), strict=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            cells = [""]  # a record that is none
        if cells:
            yield End(lines.read, reader.line_num)


class _Lines(Iterator[str]):
    """The lines of a file, one at a time; `read`: how many bytes they have taken."""

    def __init__(self, data: bytes) -> None:
        self.read = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
        self._text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")

    def __next__(self) -> str:
        line = next(self._text)
        self.read += len(line) if line.isascii() else len(line.encode())
        return line


def _separator(text: str) -> str:
    """The separator that the first line has most of: a comma where there is none of any."""
    first = text[:65_536].lstrip().partition("\n")[0]
    return max(_SEPARATORS, key=first.count)


def _columns(names: Sequence[str]) -> tuple[str, ...] | Refused:
    columns = tuple(name if name.strip() else f"column {at}" for at, name in enumerate(names, 1))
    if not columns or len(columns) > MAX_COLUMNS:
        return refuse_file(Code.BAD_HEADER, f"1 to {MAX_COLUMNS} columns", line=1)
    if len({plain(name) for name in columns}) < len(columns):
        return refuse_file(Code.BAD_HEADER, "no name of a column twice", line=1)
    if any("\0" in name for name in columns):
        return refuse_file(Code.BAD_HEADER, "names of columns without NUL", line=1)
    return columns


def _rows(reader: _Reader, width: int, line: int, *, suspect: bool) -> Iterator[Row]:
    number = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            # The reader starts afresh on the next line, so that one broken quote costs what it swallowed and no more.
            number += 1
            expected = "a row that is CSV: quotes closed, cells of a sane size"
            if reader.line_num > line:
                lost = reader.line_num - line
                expected += f"; this one takes the {lost} line{'s' if lost > 1 else ''} after it along"
            yield Row(number, line, RowError(Code.BAD_ROW, "", expected))
            line = reader.line_num + 1
            continue
        if cells and not (number == 0 and _is_hxl(cells)):
            number += 1
            if len(cells) != width:
                yield Row(
                    number, line, RowError(Code.BAD_ROW, "", f"{width} cells, as in the header; found {len(cells)}")
                )
            else:
                yield Row(number, line, flawless(list(cells)) if suspect else list(cells))
        line = reader.line_num + 1


def _is_hxl(cells: Sequence[str]) -> bool:
    """Tell whether this is the row of hashtags that the Humanitarian Exchange Language puts under the header."""
    return any(cells) and all(not cell.strip() or _HXL.fullmatch(cell.replace(" ", "")) for cell in cells)
