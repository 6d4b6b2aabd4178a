"""What would become of refused bytes if they were sent again now: the nine checks of ingest, and nothing is written.

By what holds today: the roster and policies in force, and what ingest remembers of the agency (a fold of its receipts).
Each verdict is remembered for those after it, as ingest would. What waits in the queue is not looked at.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from bus.errors import Refusal
from bus.log.protocol import Log
from bus.operate.quarantine.rows import Rejected
from bus.stages.checks import Accepted, Memory, check
from bus.stages.checks import Rejected as Verdict
from bus.stages.control import Control
from bus.stages.receipts import read_receipts


class Outcome(StrEnum):
    """What would become of one row's bytes."""

    ACCEPTED = "ACCEPTED"
    """They pass all checks now."""
    KNOWN = "KNOWN"
    """They were accepted meanwhile; sent again, they get the first receipt once more and have no second effect."""
    REFUSED = "REFUSED"
    """They would be refused again."""
    STUCK = "STUCK"
    """They were sent again before and refused for the same reason once more; only force sends them."""
    SETTLED = "SETTLED"
    """They were sent again, or dropped, before; only force sends them."""


class Prospect(NamedTuple):
    """One row with what would become of it, and why where it would be refused."""

    row: Rejected
    outcome: Outcome
    refusal: Refusal | None = None


def rehearse(
    log: Log, control: Control, agency: str, rows: Iterable[tuple[Rejected, bytes]], now: int
) -> Iterator[Prospect]:
    """Judge rows of one agency, in their order, as if appended at `now` (UTC ms)."""
    memory: Memory | None = None
    for row, data in rows:
        memory = memory or _memory(log, agency)
        verdict = check(data, agency=agency, at=now, control=control, memory=memory)
        memory.fold(verdict.receipt)
        if isinstance(verdict, Verdict):
            yield Prospect(row, Outcome.REFUSED, verdict.refusal)
        elif isinstance(verdict, Accepted):
            control = verdict.control
            yield Prospect(row, Outcome.ACCEPTED)
        else:
            yield Prospect(row, Outcome.KNOWN)


def _memory(log: Log, agency: str) -> Memory:
    """What ingest remembers of the agency; read only where there is something to judge."""
    memory = Memory()
    for _, receipt in read_receipts(log, agency):
        memory.fold(receipt)
    return memory
