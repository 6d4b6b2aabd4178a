"""A large table in pieces: each is translated alone, under the same header, so that memory is bounded by a piece.

What is no table with a header, or not large, is one piece. Rows and lines are counted through the whole file, and an id
is taken once in all of it, as if it had been translated at once.
"""

import codecs
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from adapters.csv_sheet import End, record_ends
from adapters.loss import ColumnLoss, Loss
from adapters.refusals import REMEDY, Code, Refused
from adapters.sheet import unpack
from adapters.translation import Adapter, Draft, Options, Translation

PIECE_BYTES: Final = 4 * 1024 * 1024
"""Some thousands of rows: about 60 MiB as drafts."""
_SAMPLE_BYTES: Final = 256 * 1024
_STEP_BYTES: Final = 1024 * 1024
_NO_TABLE: Final = b"{[<"


def first_piece(data: bytes, piece_bytes: int = PIECE_BYTES) -> bytes:
    """What is enough to tell the format by: all of it, or the header and first rows of a large table."""
    unpacked = unpack(data)
    if isinstance(unpacked, Refused) or len(unpacked) <= piece_bytes or not _is_table(unpacked):
        return data
    header, cuts = _cut(unpacked, min(piece_bytes, _SAMPLE_BYTES))
    return unpacked[: next(cuts, header).at]


def translate_pieces(
    adapter: Adapter, data: bytes, options: Options, piece_bytes: int = PIECE_BYTES
) -> Iterator[tuple[Translation, int]]:
    """The translation of each piece, and how many bytes of the file (unpacked) are done with it."""
    unpacked = unpack(data)
    if isinstance(unpacked, Refused) or len(unpacked) <= piece_bytes or not _is_table(unpacked):
        yield adapter.translate(data, options), len(data)
        return
    header, cuts = _cut(unpacked, piece_bytes)
    if adapter.translate(unpacked[: header.at], options).loss.rows:  # the first line is a record: there is no header
        yield adapter.translate(data, options), len(data)
        return
    whole = _Whole()
    start = header
    for end in cuts:
        found = adapter.translate(unpacked[: header.at] + unpacked[start.at : end.at], options)
        yield whole.placed(found, start.lines - header.lines), end.at
        if any(one.row == 0 for one in found.refused):
            return
        start = end


class _Whole:
    """What is known of the pieces before."""

    def __init__(self) -> None:
        self._rows = 0
        self._ids: set[str] = set()

    def placed(self, found: Translation, lines: int) -> Translation:
        """A piece's translation, counted from the file's beginning, without ids that were taken before it."""
        drafts, refused = [], [_moved(one, self._rows, lines) for one in found.refused]
        for row, draft in _numbered(found):
            if draft.id in self._ids:
                twice = "an id that no row before has"
                refused.append(Refused(Code.DUPLICATE_ID, row + self._rows, 0, "", twice, REMEDY[Code.DUPLICATE_ID]))
            else:
                self._ids.add(draft.id)
                drafts.append(draft)
        self._rows += found.loss.rows
        return Translation(tuple(drafts), found.loss, tuple(sorted(refused, key=lambda one: one.row)))


def added(losses: Iterator[Loss]) -> Loss:
    """The account of a whole file from those of its pieces."""
    rows, columns, notes = 0, dict[str, ColumnLoss](), Counter[str]()
    for loss in losses:
        rows += loss.rows
        notes.update(dict(loss.notes))
        for one in loss.columns:
            before = columns.get(one.name, ColumnLoss(one.name, 0, 0, 0, one.why))
            mapped, defaulted, dropped = (a + b for a, b in zip(before[1:4], one[1:4], strict=True))
            columns[one.name] = ColumnLoss(one.name, mapped, defaulted, dropped, one.why)
    return Loss(rows, tuple(columns.values()), tuple(notes.items()))


def _moved(refused: Refused, rows: int, lines: int) -> Refused:
    if refused.row == 0:
        return refused
    return replace(refused, row=refused.row + rows, line=refused.line + lines if refused.line else 0)


def _numbered(found: Translation) -> Iterator[tuple[int, Draft]]:
    """Each draft with the number of its row: every row is one draft or one refusal, in order."""
    refused = {one.row for one in found.refused}
    rows = (row for row in range(1, found.loss.rows + 1) if row not in refused)
    return zip(rows, found.drafts, strict=True)


def _is_table(data: bytes) -> bool:
    """Whether it can be rows of text: no JSON, no XML, and UTF-8 throughout, which decides over the file as a whole."""
    start = data.removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    if not start or start in _NO_TABLE:
        return False
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for at in range(0, len(data), _STEP_BYTES):
            decoder.decode(data[at : at + _STEP_BYTES])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _cut(data: bytes, piece_bytes: int) -> tuple[End, Iterator[End]]:
    """Where the header ends, and where each piece does: at the end of the record with which it is full."""
    ends = record_ends(data)
    header = next(ends, End(len(data), 0))
    return header, _pieces(ends, header, piece_bytes)


def _pieces(ends: Iterator[End], header: End, piece_bytes: int) -> Iterator[End]:
    start = last = header
    for last in ends:
        if last.at - start.at >= piece_bytes:
            yield last
            start = last
    if last.at > start.at:
        yield last
