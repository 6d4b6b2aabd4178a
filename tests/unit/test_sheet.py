"""Bytes to rows: what is read, and what is refused where."""

import gzip
import json
import zlib

import pytest

from adapters import sheet as sheet_module
from adapters.csv_sheet import csv_sheet
from adapters.json_sheet import json_sheet
from adapters.refusals import Code, Refused, RowError
from adapters.sheet import Sheet, text_of, unpack


def rows(sheet: Sheet | Refused) -> list[list[str | None] | str]:
    """The cells of each row, or what was expected of it."""
    assert isinstance(sheet, Sheet)
    return [row.cells.expected if isinstance(row.cells, RowError) else row.cells for row in sheet.rows]


def refused(found: object) -> tuple[Code, int]:
    assert isinstance(found, Refused)
    assert found.row == 0
    return found.code, found.line


# --- bytes ------------------------------------------------------------------------------------------------------------


def test_gzip_is_undone_also_in_several_members() -> None:
    assert unpack(gzip.compress(b"a,b\n") + gzip.compress(b"1,2\n")) == b"a,b\n1,2\n"
    assert unpack(b"a,b\n") == b"a,b\n"


@pytest.mark.parametrize(
    "harm", [lambda b: b[:-9], lambda b: b + b"x", lambda b: b[:12] + b"\xff" + b[13:], lambda b: b[:2]]
)
def test_a_gzip_file_that_is_not_whole_is_refused(harm: object) -> None:
    assert callable(harm)
    assert refused(unpack(harm(gzip.compress(b"a,b\n1,2\n" * 50))))[0] is Code.NOT_THIS_FORMAT


def test_a_gzip_bomb_is_refused_at_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    # The real bound would cost every run its 256 MiB.
    monkeypatch.setattr(sheet_module, "MAX_FILE_BYTES", 4 * 1024 * 1024)
    packer = zlib.compressobj(9, wbits=31)
    chunk = bytes(1024 * 1024)
    bomb = b"".join(packer.compress(chunk) for _ in range(64)) + packer.flush()
    assert len(bomb) < 100_000
    assert refused(unpack(bomb))[0] is Code.TOO_LARGE


def test_bytes_that_are_not_utf_8_are_refused_with_their_line() -> None:
    assert refused(text_of(b"name\nZ\xfcrich\n")) == (Code.NOT_THIS_FORMAT, 2)
    assert refused(text_of(gzip.compress(b"name\nZ\xfcrich\n"))) == (Code.NOT_THIS_FORMAT, 2)


# --- CSV --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["a,b\n1,2\n", "a\tb\r\n1\t2\r\n", "a;b\n1;2", "\ufeffa,b\n\n1,2\n", "a,b\n#id,#killed+f\n1,2\n"]
)
def test_separators_line_ends_a_mark_and_tags_make_no_difference(text: str) -> None:
    sheet = csv_sheet(text)
    assert isinstance(sheet, Sheet)
    assert sheet.columns == ("a", "b")
    assert rows(sheet) == [["1", "2"]]


def test_cells_stay_raw() -> None:
    cell = '=HYPERLINK("x") \u202e\x1b[2J  two\nlines '
    quoted = cell.replace('"', '""')
    assert rows(csv_sheet(f'a,b\n"{quoted}",@SUM(1)\n')) == [[cell, "@SUM(1)"]]


def test_one_bad_row_is_one_bad_row() -> None:
    text = 'a,b\n1,2\n1,2,3\n"x"y,2\n\0,2\n7,8\n'
    assert rows(csv_sheet(text)) == [
        ["1", "2"],
        "2 cells, as in the header; found 3",
        "a row that is CSV: quotes closed, cells of a sane size",
        "text without NUL",
        ["7", "8"],
    ]


@pytest.mark.parametrize(("after", "said"), [("3,4\n5,6\n", "the 2 lines"), ("3,4\n", "the 1 line"), ("", "")])
def test_an_open_quote_says_how_many_lines_went_with_it(after: str, said: str) -> None:
    first, broken = rows(csv_sheet(f'a,b\n1,2\n"x,2\n{after}'))
    assert first == ["1", "2"]
    closed = "a row that is CSV: quotes closed, cells of a sane size"
    assert broken == (f"{closed}; this one takes {said} after it along" if said else closed)


def test_what_an_overlong_cell_swallowed_is_counted_and_what_stands_behind_is_read() -> None:
    lines = "x" * 99 + "\n"
    found = rows(csv_sheet(f'a,b\n"{lines * 2000}3,4\n'))
    assert isinstance(found[0], str)
    assert found[0].endswith("; this one takes the 1310 lines after it along")
    assert found[-1] == ["3", "4"]


def test_rows_know_the_line_on_which_they_begin() -> None:
    sheet = csv_sheet('a,b\n"1\n1",2\n\n3,4\n')
    assert isinstance(sheet, Sheet)
    assert [(row.number, row.line) for row in sheet.rows] == [(1, 2), (2, 5)]


@pytest.mark.parametrize(
    "text", ["", "\n\n", "a,A \n1,2\n", 'a,"b\n', ",".join(f"c{n}" for n in range(2000)), "a\0,b\n"]
)
def test_a_header_that_names_no_columns_is_refused(text: str) -> None:
    assert refused(csv_sheet(text))[0] is Code.BAD_HEADER


def test_a_column_without_a_name_gets_its_number() -> None:
    sheet = csv_sheet("a,,c\n1,2,3\n")
    assert isinstance(sheet, Sheet)
    assert sheet.columns == ("a", "column 2", "c")


# --- JSON -------------------------------------------------------------------------------------------------------------


def test_values_become_cells() -> None:
    text = '[{"a": 1, "b": true, "c": [1, null, "x"], "d": 0.00001}, {"e": null, "a": "1"}]'
    sheet = json_sheet(text)
    assert isinstance(sheet, Sheet)
    assert sheet.columns == ("a", "b", "c", "d", "e")
    assert rows(sheet) == [["1", "true", "1, x", "0.0000100000", None], ["1", None, None, None, None]]


def test_records_stand_in_a_list_in_a_field_or_on_lines() -> None:
    assert rows(json_sheet('{"Result": [{"a": 1}]}', "Result")) == [["1"]]
    assert rows(json_sheet('{"a": 1}')) == [["1"]]
    assert rows(json_sheet('{"a": 1}\n{"a": \n{"a": 2}\n')) == [["1"], "JSON on this line", ["2"]]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ('{"a": 1, "a": 2}', "an object with no name twice"),
        ('{"a": NaN}', "a finite number"),
        ('{"a": -Infinity}', "a finite number"),
        ('{"a": 1e999}', "a finite number"),
        ('{"a": {"b": 1}}', "a plain value or a list of them"),
        ('{"a": [[1]]}', "a plain value or a list of them"),
        (r'{"a": "\u0000"}', "text without NUL"),
        (r'{"a": "\ud800"}', "text without half a surrogate pair"),
        ("7", "an object"),
    ],
)
def test_a_bad_record_refuses_itself_only(record: str, expected: str) -> None:
    assert rows(json_sheet('[{"a": 1}, ' + record + ', {"a": 3}]')) == [["1"], expected, ["3"]]


def test_a_whole_pair_of_surrogates_is_a_character() -> None:
    assert rows(json_sheet(r'[{"a": "\ud83d\ude00"}]')) == [["\U0001f600"]]


@pytest.mark.parametrize(
    "text",
    ["[]", "[1]", "null", "7", '"x"', "[" * 100_000, '{"a": [', "\ufeff[{}]", '{"Result": 7}', "[{}]", "9" * 5000],
)
def test_what_holds_no_records_is_refused(text: str) -> None:
    assert refused(json_sheet(text, "Result"))[0] in {Code.NOT_THIS_FORMAT, Code.BAD_HEADER}


def test_names_that_no_schema_can_hold_are_refused() -> None:
    assert refused(json_sheet(r'[{"\ud800": 1}]'))[0] is Code.BAD_HEADER
    assert refused(json_sheet(json.dumps([{f"f{n}": 1 for n in range(2000)}])))[0] is Code.BAD_HEADER
