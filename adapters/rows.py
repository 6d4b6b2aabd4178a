"""The loop that all tables share: each row becomes one draft or one refusal, and every cell is accounted for."""

from collections.abc import Callable, Iterable, Mapping

from adapters.cells import Cell
from adapters.loss import Tally
from adapters.refusals import Code, Refused, RowError
from adapters.sheet import Row, Sheet
from adapters.translation import Draft, Translation


def translate_rows(
    sheet: Sheet, tally: Tally, draft: Callable[[list[Cell]], Draft], silent: Callable[[list[Cell]], Iterable[int]]
) -> Translation:
    """Translate all rows; `silent` says which of the columns that are read say nothing in a row."""
    drafts: dict[str, Draft] = {}
    refused: list[Refused] = []
    for row in sheet.rows:
        tally.rows += 1
        try:
            found = _draft(row, draft, drafts)
        except RowError as error:
            tally.refused += 1
            refused.append(error.at(row.number, row.line))
        else:
            drafts[found.id] = found
            tally.defaulted(silent(row.readable()))
    for note in sheet.notes:
        tally.notes[note] += 1
    return Translation(tuple(drafts.values()), tally.close(), tuple(refused))


def _draft(row: Row, draft: Callable[[list[Cell]], Draft], before: Mapping[str, Draft]) -> Draft:
    found = draft(row.readable())
    if found.id in before:
        raise RowError(Code.DUPLICATE_ID, "", "an id that no row before has")
    return found
