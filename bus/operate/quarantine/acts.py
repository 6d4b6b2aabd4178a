"""What an operator does with rows: send the very bytes again, or drop them; each with its record in `audit`.

An act is a stage with nothing to read, run by the worker loop like any other. So only one operator acts at a time, each
chunk of bytes and its audit records are one transaction, and a fault is borne and tried again: what was committed is
seen in the log, and not done twice.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Final

from bus.clock import now_ms
from bus.config import Settings
from bus.errors import Refusal
from bus.log.protocol import Log, NewRecord, Reader, Record
from bus.log.topics import topic
from bus.operate.audit import AUDIT, audit_record, audited, operator
from bus.operate.quarantine.choice import Choice, choose
from bus.operate.quarantine.rehearsal import Outcome, Prospect, rehearse
from bus.operate.quarantine.rows import Rejected
from bus.stages.authority import PATIENCE
from bus.stages.control import Control
from bus.stages.stage import Outputs
from bus.stages.worker import Worker
from schemas.codec import parse_payload_type
from schemas.models import Audited, AuditedAct

QUARANTINE: Final = "quarantine"
CHUNK: Final = 64
"""Rows in one transaction: 16 MiB at most."""
_GOOD: Final = frozenset({Outcome.ACCEPTED, Outcome.KNOWN})
_PAUSE_S: Final = 0.05


def retry(
    log: Log, control: Control, choice: Choice, *, dry_run: bool = False, clock_ms: Callable[[], int] = now_ms
) -> list[tuple[Prospect, bool]]:
    """Send again what would be accepted now, with `choice.force` all that is meant; says of each whether it was sent.

    `dry_run`: only judge. Bytes that stand in several rows are sent once, and all their rows are settled.
    """
    told: list[tuple[Prospect, bool]] = []
    for agency in choice.agencies:
        since = log.end(AUDIT)
        chosen, rows = choose(log, agency, choice)
        judged = list(rehearse(log, control, agency, rows, clock_ms()))
        wanted = [one.row for one in judged if not dry_run and (choice.force or one.outcome in _GOOD)]
        _carry_out(log, _Act(log, AuditedAct.RETRY, wanted, chosen.last_offset, since), clock_ms)
        sent = {row.id for row in wanted}
        told += [(one, one.row.id in sent) for one in (*judged, *chosen.held_back)]
    return told


def drop(log: Log, choice: Choice, note: str, *, clock_ms: Callable[[], int] = now_ms) -> list[Rejected]:
    """Say of rows that nothing is to be done about them, and why; returns them. Their bytes stay till they are too old.

    What is stuck can be dropped like anything else.
    """
    dropped: list[Rejected] = []
    for agency in choice.agencies:
        since = log.end(AUDIT)
        chosen, rows = choose(log, agency, replace(choice, force=True))
        for _ in rows:
            pass
        _carry_out(log, _Act(log, AuditedAct.DROP, chosen.rows, chosen.last_offset, since, note), clock_ms)
        dropped += chosen.rows
    return dropped


class _Act:
    """A `Stage`: one act on some rows of one agency, chunk by chunk."""

    name: Final = QUARANTINE
    owner: Final = QUARANTINE
    topics: Final = ()

    def __init__(  # noqa: PLR0913, PLR0917 - what an act is made of
        self,
        log: Log,
        act: AuditedAct,
        rows: list[Rejected],
        last_offset: Mapping[str, int],
        since: int,
        note: str | None = None,
    ) -> None:
        """`since`: the end of `audit` before the rows were chosen."""
        self._log, self._act, self._note = log, act, note
        self._rows = rows
        self._last_offset = last_offset
        self._since = since
        self._left: Iterator[Rejected] = iter(())
        self.done = not rows

    def restore(self, log: Log, reader: Reader) -> Outputs | None:  # noqa: ARG002 - the log says what is done
        """What this act has committed already is not done again, nor what another operator did meanwhile."""
        done = {(act.agency, act.sha256) for record, act in audited(log) if record.offset >= self._since}
        self._left = (row for row in self._rows if (row.agency, row.sha256) not in done)
        return None

    def due(self) -> Outputs | None:
        """The next chunk: the bytes and the audit's records together."""
        chunk = list(islice(self._left, CHUNK))
        self.done = not chunk
        return Outputs([record for row in chunk for record in self._outputs(row)]) if chunk else None

    def process(self, records: list[Record]) -> Outputs:  # noqa: ARG002 - there are none
        """Nothing is read."""
        return Outputs()

    def _outputs(self, row: Rejected) -> Iterator[NewRecord]:
        if self._act is AuditedAct.RETRY:
            name = topic("submissions", row.agency)
            record = next(self._log.read(topic("rejected", row.agency), row.offset, row.offset + 1), None)
            if record is None:  # too old by now
                return
            yield NewRecord(name, _feed(row).encode(), record.value)
        yield audit_record(
            Audited(
                act=self._act,
                by=operator(),
                agency=row.agency,
                sha256=row.sha256,
                up_to_offset=self._last_offset[row.sha256],
                reason=row.reason or None,
                note=self._note,
            )
        )


def _feed(row: Rejected) -> str:
    """The record key of a submission, as far as the frame says it."""
    named = None if row.payload_type is None else parse_payload_type(row.payload_type)
    return "" if named is None or isinstance(named, Refusal) else named.feed


def _carry_out(log: Log, act: _Act, clock_ms: Callable[[], int]) -> None:
    worker = Worker(log, act, settings=Settings(), clock_ms=clock_ms, patience=PATIENCE)
    try:
        while not act.done:
            worker.turn(0.0)
            if worker.resting:
                time.sleep(_PAUSE_S)
    finally:
        worker.release()
