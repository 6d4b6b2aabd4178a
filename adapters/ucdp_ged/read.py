"""Bytes of a GED file to its rows: the header's names, old or new, or the known order where a release has none."""

import tomllib
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from adapters.cells import plain
from adapters.csv_sheet import csv_sheet, first_row
from adapters.json_sheet import json_sheet
from adapters.refusals import Code, Refused, refuse_file
from adapters.sheet import Sheet, text_of

API_ROWS: Final = "Result"
"""The field in which UCDP's API hands out records."""
VIOLENCE: Final = frozenset({"1", "2", "3"})


class Table(NamedTuple):
    """What is known of the columns (tables/columns.toml)."""

    order: tuple[str, ...]
    required: tuple[str, ...]
    attributes: tuple[str, ...]
    older: MappingProxyType[str, str]
    """The name of today for each older one."""
    drop: MappingProxyType[str, str]


@cache
def table() -> Table:
    """Read the table of columns."""
    text = files("adapters.ucdp_ged").joinpath("tables", "columns.toml").read_text("utf-8")
    data: dict[str, Any] = tomllib.loads(text)
    older = {old: name for name, olds in data["older"].items() for old in olds}
    return Table(
        tuple(data["order"]),
        tuple(data["required"]),
        tuple(data["attributes"]),
        MappingProxyType(older),
        MappingProxyType(data["drop"]),
    )


class Columns(NamedTuple):
    """Where a file has each column, by its name of today."""

    at: MappingProxyType[str, int]
    read: frozenset[int]
    why: dict[int, str]


def read(data: bytes) -> Sheet | Refused:
    """Read CSV, or JSON of the API."""
    text = text_of(data)
    if isinstance(text, Refused):
        return text
    if text.lstrip()[:1] in {"[", "{"}:
        return json_sheet(text, API_ROWS if text.lstrip()[:1] == "{" else None)
    return csv_sheet(text, table().order if _is_row(first_row(text)) else None)


def locate(sheet: Sheet) -> Columns | Refused:
    """Find the columns, or say that this is no GED."""
    known = table()
    at: dict[str, int] = {}
    why: dict[int, str] = {}
    for position, column in enumerate(sheet.columns):
        name = plain(column)
        name = known.older.get(name, name)
        if name in known.drop or name not in known.order or name in at:
            why[position] = known.drop.get(name, "no column of GED")
        else:
            at[name] = position
    for name in known.required:
        if name not in at:
            return refuse_file(Code.NOT_THIS_FORMAT, f"a column {name}, as GED has it", field=name)
    return Columns(MappingProxyType(at), frozenset(at.values()), why)


def _is_row(names: tuple[str, ...]) -> bool:
    """Tell whether the first line is a record and no header."""
    order = table().order
    return len(names) == len(order) and names[0].isdecimal() and names[order.index("type_of_violence")] in VIOLENCE
