"""Rows of JSON: one list of objects, one object that holds such a list, or one object on each line."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from adapters.cells import Cell
from adapters.refusals import Code, Refused, RowError, refuse_file
from adapters.sheet import MAX_CELL_CHARS, MAX_COLUMNS, Row, Sheet, flawless


class _Twice(dict[str, Any]):
    """An object that has one name twice: which value counts is anybody's guess, so its row is refused."""


class _NotANumber:
    """NaN or an infinity, which JSON has no word for."""


_UNREADABLE: Final = RowError(Code.BAD_ROW, "", "JSON on this line")


def json_sheet(text: str, within: str | None = None) -> Sheet | Refused:
    """Read records; `within` names the field that holds them where the top is an object."""
    if text.startswith("\ufeff"):
        return refuse_file(Code.NOT_THIS_FORMAT, "JSON without a byte order mark (RFC 8259, 8.1)", line=1)
    lines = False
    try:
        top = _parse(text)
    except RecursionError:
        return refuse_file(Code.NOT_THIS_FORMAT, "JSON that is not nested so deep")
    except ValueError as error:
        top = _lines(text)
        if len(top) < 2 or not isinstance(top[0], dict):  # noqa: PLR2004 - a single line is a document
            return refuse_file(Code.NOT_THIS_FORMAT, "JSON", line=getattr(error, "lineno", 0))
        lines = True
    records = _records(top, within)
    if isinstance(records, Refused):
        return records
    return _sheet(records, lines=lines)


def _parse(text: str) -> Any:  # noqa: ANN401 - any JSON value
    return json.loads(text, object_pairs_hook=_object, parse_constant=lambda _: _NotANumber(), parse_float=_float)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Twice(found)


def _float(text: str) -> float | _NotANumber:
    value = float(text)
    return value if abs(value) < float("inf") else _NotANumber()


def _lines(text: str) -> list[Any]:
    """Parse each line alone; a bad one refuses itself."""
    found: list[Any] = []
    for line in text.split("\n"):
        if not line.strip():
            continue
        try:
            found.append(_parse(line))
        except (ValueError, RecursionError):
            found.append(_UNREADABLE)
    return found


def _records(top: Any, within: str | None) -> list[Any] | Refused:  # noqa: ANN401 - any JSON value
    if isinstance(top, dict) and within is not None:
        top = top.get(within)
    elif isinstance(top, dict):
        top = [top]
    if not isinstance(top, list):
        where = f"a list in the field {within}" if within is not None else "a list of objects"
        return refuse_file(Code.NOT_THIS_FORMAT, where)
    if not top or not any(isinstance(record, dict) for record in top):
        return refuse_file(Code.NOT_THIS_FORMAT, "a list of objects that is not empty")
    return top


def _sheet(records: Sequence[Any], *, lines: bool) -> Sheet | Refused:
    columns: dict[str, None] = {}
    for record in records:
        if isinstance(record, dict):
            columns.update(dict.fromkeys(record))
        if len(columns) > MAX_COLUMNS:
            return refuse_file(Code.BAD_HEADER, f"at most {MAX_COLUMNS} different fields")
    if not columns or not all(flawless(list(columns)) == list(columns) for _ in (0,)):
        return refuse_file(Code.BAD_HEADER, "names of fields without NUL and half surrogate pairs")
    names = tuple(columns)
    return Sheet(names, _rows(records, names, lines=lines))


def _rows(records: Sequence[Any], columns: tuple[str, ...], *, lines: bool) -> Iterator[Row]:
    for number, record in enumerate(records, 1):
        yield Row(number, number if lines else 0, _cells(record, columns))


def _cells(record: object, columns: tuple[str, ...]) -> list[Cell] | RowError:
    if isinstance(record, RowError):
        return record
    if isinstance(record, _Twice):
        return RowError(Code.BAD_ROW, "", "an object with no name twice")
    if not isinstance(record, dict):
        return RowError(Code.BAD_ROW, "", "an object")
    try:
        return flawless([_cell(record.get(name), name) for name in columns])
    except RowError as error:
        return error


def _cell(value: object, name: str) -> Cell:
    """Write a value as a cell of a spreadsheet would have it; lists of plain values are joined by a comma."""
    if value is None or isinstance(value, str):
        cell = value
    elif isinstance(value, bool):
        cell = "true" if value else "false"
    elif isinstance(value, int):
        cell = str(value)
    elif isinstance(value, float):
        # A spreadsheet writes 0.00001, never 1e-05; ten decimals of a degree are a hundredth of a millimetre.
        cell = repr(value) if "e" not in repr(value) else f"{value:.10f}"
    elif isinstance(value, list) and all(item is None or isinstance(item, str | int | float) for item in value):
        cell = ", ".join(str(item) for item in value if item is not None)
    else:
        what = "a finite number" if isinstance(value, _NotANumber) else "a plain value or a list of them"
        raise RowError(Code.BAD_ROW, name, what)
    if cell is not None and len(cell) > MAX_CELL_CHARS:
        raise RowError(Code.BAD_ROW, name, f"at most {MAX_CELL_CHARS} characters")
    return cell
