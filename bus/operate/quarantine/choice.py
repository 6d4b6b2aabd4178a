"""Which rows an operator means, and which of them may be acted on without force."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from bus.log.protocol import Log
from bus.operate.quarantine.rehearsal import Outcome, Prospect
from bus.operate.quarantine.rows import Rejected, State, with_bytes


@dataclass(frozen=True, slots=True)
class Choice:
    """Rows by their ids, or else all that wait and fit: of these agencies, refused for this reason (None: any).

    `force`: also what is stuck, and of what is named by its id also what was retried or dropped before.
    """

    agencies: tuple[str, ...]
    ids: frozenset[str] = frozenset()
    reason: str | None = None
    force: bool = False

    def means(self, row: Rejected) -> bool:
        """Whether the row is one of these."""
        if self.ids:
            return row.id in self.ids
        return row.waits and self.reason in {None, row.reason}

    def held_back(self, row: Rejected) -> Outcome | None:
        """Why only force acts on the row, or None."""
        if self.force or row.state is State.OPEN:
            return None
        return Outcome.STUCK if row.state is State.STUCK else Outcome.SETTLED


@dataclass(slots=True)
class Chosen:
    """The rows of one agency that are meant: of the same bytes only the first, for an act concerns all of them."""

    rows: list[Rejected] = field(default_factory=list)
    held_back: list[Prospect] = field(default_factory=list)
    last_offset: dict[str, int] = field(default_factory=dict)
    """Of all bytes that were refused, by their digest: up to where they stand."""


def choose(log: Log, agency: str, choice: Choice) -> tuple[Chosen, Iterator[tuple[Rejected, bytes]]]:
    """The rows that are meant, with their bytes; what is chosen is known when they have been read to the end."""
    chosen = Chosen()
    return chosen, _once(log, agency, choice, chosen)


def _once(log: Log, agency: str, choice: Choice, chosen: Chosen) -> Iterator[tuple[Rejected, bytes]]:
    taken: set[str] = set()
    for row, data in with_bytes(log, agency):
        chosen.last_offset[row.sha256] = row.offset
        if not choice.means(row):
            continue
        why = choice.held_back(row)
        if why is not None:
            chosen.held_back.append(Prospect(row, why))
        elif row.sha256 not in taken:
            taken.add(row.sha256)
            chosen.rows.append(row)
            yield row, data
