"""A large table in pieces is translated as if it were one: rows, lines, refusals, ids and the account of every cell."""

import csv
import gzip
import io
import tracemalloc
from pathlib import Path

import pytest

from adapters import Translation, load
from adapters.pieces import added, translate_pieces
from adapters.refusals import Code
from tests.support.samples import ucdp_rows


def table(count: int, **odd: str) -> bytes:
    """So many rows, the ones of the slice again and again; in row 7 a newline within a cell."""
    rows = ucdp_rows()
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0].keys())
    writer.writeheader()
    for number in range(count):
        row = {**rows[number % len(rows)], "id": str(10_000 + number)}
        if number == 7:
            row["where_coordinates"] = 'a "quoted"\nname'
        if number in (11, count - 3):
            row["date_start"] = "the day before"
        if number == count - 2:
            row["id"] = "10000"
        writer.writerow(row)
    return out.getvalue().encode()


def whole(found: list[Translation]) -> tuple[list[str], list[tuple[Code, int]], object]:
    drafts = [draft.id for one in found for draft in one.drafts]
    refused = [(one.code, one.row) for each in found for one in each.refused]
    return drafts, refused, added(one.loss for one in found).report()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_pieces_say_what_the_whole_says(pack: type[bytes]) -> None:
    adapter, data = load("ucdp_ged"), table(120)
    at_once = adapter.translate(data, {})
    pieces = [found for found, _ in translate_pieces(adapter, pack(data), {}, 9_000)]
    assert len(pieces) > 5
    drafts, refused, loss = whole(pieces)
    assert drafts == [draft.id for draft in at_once.drafts]
    assert refused == [(one.code, one.row) for one in at_once.refused]
    assert [one.code for one in at_once.refused] == [Code.BAD_VALUE, Code.BAD_VALUE, Code.DUPLICATE_ID]
    lines = [one.line for each in pieces for one in each.refused][:2]
    assert lines == [one.line for one in at_once.refused][:2]
    report = at_once.loss.report()
    assert isinstance(loss, dict)
    assert (loss["rows"], loss["notes"]) == (report["rows"], report["notes"])
    assert tuple(draft for one in pieces for draft in one.drafts) == at_once.drafts


def test_how_far_it_is_ends_at_the_end(tmp_path: Path) -> None:
    data = table(60)
    ends = [end for _, end in translate_pieces(load("ucdp_ged"), data, {}, 9_000)]
    assert ends == sorted(ends)
    assert ends[-1] == len(data)


@pytest.mark.parametrize(
    "data", [b'[{"a": 1}]' * 2000, b"\xff" + b"a,b\n1,2\n" * 4000, b"\x1f\x8b" + b"x" * 20_000, b""]
)
def test_what_is_no_table_is_one_piece(data: bytes) -> None:
    adapter = load("ucdp_ged")
    pieces = [found for found, _ in translate_pieces(adapter, data, {}, 9_000)]
    assert pieces == [adapter.translate(data, {})]


def test_a_table_without_a_header_is_one_piece() -> None:
    adapter, data = load("ucdp_ged"), table(40).partition(b"\n")[2]
    pieces = [found for found, _ in translate_pieces(adapter, data, {}, 9_000)]
    assert pieces == [adapter.translate(data, {})]


def test_memory_is_that_of_a_piece() -> None:
    adapter, data = load("ucdp_ged"), table(1_000)
    tracemalloc.start()
    try:
        drafts = sum(len(found.drafts) for found, _ in translate_pieces(adapter, data, {}, 20_000))
        _, pieces = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        adapter.translate(data, {})
        _, at_once = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert drafts == 997
    assert pieces < at_once / 3


def test_a_quote_within_a_cell_quotes_nothing() -> None:
    """Careless exporters leave it bare; a cell of the next row holds a newline, and is not cut in two."""
    lines = table(120).split(b"\r\n")
    place = next(at for at, line in enumerate(lines) if b"\n" in line) - 1
    names = lines[0].decode().split(",")
    cells = next(csv.reader([lines[place].decode()]))
    cells[names.index("where_coordinates")] = 'the 5" pipe'
    lines[place] = ",".join(cells).encode()
    data, adapter = b"\r\n".join(lines), load("ucdp_ged")
    at_once = adapter.translate(data, {})
    for least in range(200, 9_000, 800):
        pieces = [found for found, _ in translate_pieces(adapter, data, {}, least)]
        assert tuple(draft for one in pieces for draft in one.drafts) == at_once.drafts


@pytest.mark.parametrize("newline", [b"\n", b"\r", b"\r\n"])
def test_rows_and_lines_are_counted_through_whatever_ends_a_line(newline: bytes) -> None:
    adapter, data = load("ucdp_ged"), table(120).replace(b"\r\n", newline)
    at_once = adapter.translate(data, {})
    pieces = [found for found, _ in translate_pieces(adapter, data, {}, 9_000)]
    assert len(pieces) > 5
    refused = [(one.row, one.line) for each in pieces for one in each.refused if one.line]
    assert refused == [(one.row, one.line) for one in at_once.refused][: len(refused)]
    assert len(refused) >= 2
