"""Bytes to rows: CSV, TSV, JSON and JSON lines, plain or gzipped, all as cells of text in one order of columns.

Nothing in the bytes raises: what can't be read refuses its own row, and only what leaves no rows refuses the file.
"""

import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from adapters.cells import Cell
from adapters.refusals import Code, Refused, RowError, refuse_file

MAX_FILE_BYTES: Final = 256 * 1024 * 1024
"""After unpacking: twice the largest file of the formats at hand; it is held in memory together with its text."""
MAX_COLUMNS: Final = 1024
MAX_CELL_CHARS: Final = 131_072
"""The csv module's own bound, held for JSON too."""

_GZIP: Final = b"\x1f\x8b"
_CHUNK_BYTES: Final = 1024 * 1024


class Row(NamedTuple):
    """One record: its number from 1, its line (0 in JSON), and its cells, or why it can't be read."""

    number: int
    line: int
    cells: list[Cell] | RowError

    def readable(self) -> list[Cell]:
        """The cells.

        Raises:
            RowError: they can't be read.
        """
        if isinstance(self.cells, RowError):
            raise self.cells
        return self.cells


class Sheet(NamedTuple):
    """Columns in the file's order, and its rows."""

    columns: tuple[str, ...]
    rows: Iterator[Row]
    notes: tuple[str, ...] = ()


def unpack(data: bytes) -> bytes | Refused:
    """Undo gzip, if it is gzip, up to the bound: a bomb costs no more than a file of that size."""
    if not data.startswith(_GZIP):
        return data if len(data) <= MAX_FILE_BYTES else _too_large()
    parts, size, rest = [], 0, data
    while rest:
        inflater = zlib.decompressobj(wbits=31)
        try:
            while not inflater.eof:
                part = inflater.decompress(rest, _CHUNK_BYTES)
                rest = inflater.unconsumed_tail
                size += len(part)
                if size > MAX_FILE_BYTES:
                    return _too_large()
                if not part and not rest and not inflater.eof:
                    return refuse_file(Code.NOT_THIS_FORMAT, "a gzip file that is whole")
                parts.append(part)
        except zlib.error:
            return refuse_file(Code.NOT_THIS_FORMAT, "a gzip file that is whole")
        rest = inflater.unused_data
    return b"".join(parts)


def text_of(data: bytes) -> str | Refused:
    """Unpack and decode UTF-8, strictly: a guess at another encoding would change names in silence."""
    unpacked = unpack(data)
    if isinstance(unpacked, Refused):
        return unpacked
    try:
        return unpacked.decode()
    except UnicodeDecodeError as error:
        line = unpacked.count(b"\n", 0, error.start) + 1
        return refuse_file(
            Code.NOT_THIS_FORMAT,
            f"text in UTF-8, as spreadsheets save it as CSV UTF-8; byte {error.start} is none",
            line=line,
        )


def flawless(cells: list[Cell]) -> list[Cell] | RowError:
    """Refuse a row whose text no schema can hold: NUL, or half a surrogate pair."""
    for cell in cells:
        if cell is None:
            continue
        if "\0" in cell:
            return RowError(Code.BAD_ROW, "", "text without NUL")
        if not cell.isascii() and any("\ud800" <= char <= "\udfff" for char in cell):
            return RowError(Code.BAD_ROW, "", "text without half a surrogate pair")
    return cells


def _too_large() -> Refused:
    return refuse_file(Code.TOO_LARGE, f"at most {MAX_FILE_BYTES // 1024 // 1024} MiB, unpacked")
