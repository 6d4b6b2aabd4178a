"""Bytes of a sheet to its rows, and the mapping that is for it."""

from adapters.csv_sheet import csv_sheet
from adapters.json_sheet import json_sheet
from adapters.refusals import Code, Refused, refuse_file
from adapters.sheet import Sheet, text_of
from adapters.table.library import shipped, shipped_mapping
from adapters.table.mapping import Mapping
from adapters.table.plan import recognised


def read(data: bytes, mapping: Mapping | None) -> Sheet | Refused:
    """Tell JSON from separated text by its first character, and read it."""
    text = text_of(data)
    if isinstance(text, Refused):
        return text
    if text.removeprefix("\ufeff").lstrip()[:1] in {"[", "{"}:
        return json_sheet(text, None if mapping is None else mapping.rows)
    return csv_sheet(text)


def recognise(sheet: Sheet) -> Mapping | Refused:
    """Return the one shipped mapping whose own columns this sheet has."""
    found = [mapping for name in shipped() if recognised(mapping := shipped_mapping(name), sheet.columns)]
    if len(found) == 1:
        return found[0]
    what = "the columns of one shipped mapping" if not found else "columns that are one shipped mapping's alone"
    return refuse_file(Code.UNKNOWN_LAYOUT, f"{what} ({', '.join(shipped())})")
