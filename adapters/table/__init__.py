"""Any sheet of rows (CSV, TSV, JSON), through a mapping file that says which column means what.

The sheet's licence is its author's: a mapping names it. No original bytes travel unless a mapping says that they may.
"""

from collections.abc import Mapping as AnyMapping
from types import MappingProxyType
from typing import Final

from adapters.display import shown
from adapters.loss import Tally
from adapters.refusals import Refused
from adapters.rows import translate_rows
from adapters.table.library import find, shipped
from adapters.table.map import Mapper
from adapters.table.plan import Plan
from adapters.table.read import read, recognise
from adapters.translation import Options, Translation, status_option, text_option

ABSENT: Final = "the mapping reads a column {}, which the sheet does not have"


class TableAdapter:
    """Reads tables."""

    name: Final = "table"
    title: Final = "Tables of rows (CSV, TSV, JSON, each also gzipped) through a mapping file"
    reads: Final = (
        "text/csv",
        "text/tab-separated-values",
        "application/json",
        "application/x-ndjson",
        "application/gzip",
    )
    writes: Final[tuple[str, ...]] = ()
    licence: Final = "the sheet's own; its mapping names it"

    @property
    def options(self) -> AnyMapping[str, str]:
        """The options, with the names of the shipped mappings."""
        known = ", ".join(shipped())
        return MappingProxyType(
            {
                "mapping": f"a mapping file's text, or a shipped one ({known}); else it is found by the columns",
                "status": "ACTUAL, EXERCISE or TEST; else what the mapping says",
            }
        )

    def translate(self, data: bytes, options: Options | None = None) -> Translation:
        """Turn a sheet into drafts. Never raises for what `data` holds.

        Raises:
            UsageError: an option is unknown, or the mapping makes no sense.
        """
        chosen = text_option(options, self.options, "mapping")
        named = None if chosen is None else find(chosen)
        sheet = read(data, named)
        if isinstance(sheet, Refused):
            return Translation.none(sheet)
        mapping = named or recognise(sheet)
        if isinstance(mapping, Refused):
            return Translation.none(mapping)
        status = status_option(options, self.options, str(mapping.status))
        plan = Plan(mapping, sheet.columns)
        if (missing := plan.missing()) is not None:
            return Translation.none(missing)
        tally = Tally(sheet.columns, plan.read, plan.why)
        if chosen is not None and chosen not in shipped():  # a shipped one knows more layouts than any sheet has
            tally.notes.update(ABSENT.format(shown(name)) for name in plan.absent)
        mapper = Mapper(plan, status, tally.notes)
        return translate_rows(sheet, tally, mapper.draft, mapper.silent)


ADAPTER: Final = TableAdapter()
