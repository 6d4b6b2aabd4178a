"""UCDP Georeferenced Event Dataset and its monthly Candidate releases (Uppsala Conflict Data Program).

CC BY 4.0, to be cited. Articles and headlines are third parties' texts: they are left out, and so are original bytes.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from adapters.loss import Tally
from adapters.refusals import Refused
from adapters.rows import translate_rows
from adapters.translation import Options, Translation, status_option
from adapters.ucdp_ged.map import ATTRIBUTION, Mapper
from adapters.ucdp_ged.read import locate, read


class UcdpGedAdapter:
    """Reads GED and GED Candidate."""

    name: Final = "ucdp_ged"
    title: Final = "UCDP Georeferenced Event Dataset, and its Candidate releases"
    reads: Final = ("text/csv", "application/json", "application/gzip")
    writes: Final[tuple[str, ...]] = ()
    licence: Final = f"CC BY 4.0; cite {ATTRIBUTION}"
    options: Final[Mapping[str, str]] = MappingProxyType({"status": "ACTUAL, EXERCISE or TEST; else ACTUAL"})

    def translate(self, data: bytes, options: Options | None = None) -> Translation:
        """Turn a file into drafts. Never raises for what `data` holds.

        Raises:
            UsageError: an option is unknown or makes no sense.
        """
        status = status_option(options, self.options, "ACTUAL")
        sheet = read(data)
        if isinstance(sheet, Refused):
            return Translation.none(sheet)
        columns = locate(sheet)
        if isinstance(columns, Refused):
            return Translation.none(columns)
        tally = Tally(sheet.columns, columns.read, columns.why)
        mapper = Mapper(sheet.columns, columns, status, tally.notes)
        return translate_rows(sheet, tally, mapper.draft, mapper.silent)


ADAPTER: Final = UcdpGedAdapter()
