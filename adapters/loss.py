"""What became of every cell: mapped + defaulted + dropped = columns x rows, always.

- mapped: the cell's value stands in the draft, or decided what stands there;
- defaulted: the column is one that is read, but the cell is empty or says "unknown", so that the draft says so too;
- dropped: nobody reads the column, the row was refused, or its draft is of a kind that has no place for the cell.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from adapters.display import shown


class ColumnLoss(NamedTuple):
    """One column's account."""

    name: str
    mapped: int
    defaulted: int
    dropped: int
    why: str
    """Why the column is not read; empty where it is."""


@dataclass(frozen=True, slots=True)
class Loss:
    """One file's account; `notes` counts what was changed on the way, by a sentence that says how."""

    rows: int
    columns: tuple[ColumnLoss, ...]
    notes: tuple[tuple[str, int], ...] = ()

    @property
    def mapped(self) -> int:
        """Cells that were taken over."""
        return sum(column.mapped for column in self.columns)

    @property
    def defaulted(self) -> int:
        """Cells that say nothing."""
        return sum(column.defaulted for column in self.columns)

    @property
    def dropped(self) -> int:
        """Cells that were left behind."""
        return sum(column.dropped for column in self.columns)

    def report(self) -> dict[str, object]:
        """The account as JSON has it."""
        return {
            "rows": self.rows,
            "mapped": self.mapped,
            "defaulted": self.defaulted,
            "dropped": self.dropped,
            "columns": [column._asdict() for column in self.columns],
            "notes": dict(self.notes),
        }

    def __str__(self) -> str:
        """Lines for a person: the sums, the columns that nobody reads, the notes."""
        sums = f"{self.mapped} cells mapped, {self.defaulted} defaulted, {self.dropped} dropped"
        lines = [f"{self.rows} rows x {len(self.columns)} columns: {sums}"]
        lines += [f"  dropped: {shown(column.name)} ({column.why})" for column in self.columns if column.why]
        lines += [f"  {times} x {note}" for note, times in self.notes]
        return "\n".join(lines)


NOTHING_LOST = Loss(0, ())


class Tally:
    """Counts while a file is translated."""

    __slots__ = ("_columns", "_defaulted", "_left", "_read", "_why", "notes", "refused", "rows")

    def __init__(self, columns: Sequence[str], read: Iterable[int], why: Mapping[int, str]) -> None:
        """Start an account of these columns, of which those at `read` are read; `why` says why others are not."""
        self._columns = columns
        self._read = frozenset(read)
        self._why = why
        self._defaulted: Counter[int] = Counter()
        self._left: Counter[int] = Counter()
        self.rows = 0
        self.refused = 0
        self.notes: Counter[str] = Counter()

    def defaulted(self, cells: Iterable[int]) -> None:
        """Count cells of a translated row that say nothing."""
        self._defaulted.update(cells)

    def left(self, cells: Iterable[int]) -> None:
        """Count cells of a translated row that its draft has no place for."""
        self._left.update(cells)

    def close(self) -> Loss:
        """Draw up the account."""
        taken = self.rows - self.refused
        columns = []
        for at, name in enumerate(self._columns):
            if at in self._read:
                empty, left = self._defaulted[at], self._left[at]
                columns.append(ColumnLoss(name, taken - empty - left, empty, self.refused + left, ""))
            else:
                columns.append(ColumnLoss(name, 0, 0, self.rows, self._why.get(at, "no field of the mapping reads it")))
        return Loss(self.rows, tuple(columns), tuple(sorted(self.notes.items())))
