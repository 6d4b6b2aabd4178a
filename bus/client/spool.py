"""Signed bytes on their way into the log: durable before it sees them, forgotten after it has acknowledged them."""

import logging
from functools import partial

from bus.client.memory import Memory
from bus.client.patience import Patience
from bus.errors import TocsinError
from bus.log.protocol import Log, NewRecord
from bus.log.topics import topic

_log = logging.getLogger(__name__)


class SpooledError(TocsinError):
    """The log can't take what was signed: it waits in the spool, and nothing of it is lost."""

    retriable = True


class Spool:
    """One agency's spool."""

    def __init__(self, log: Log, agency: str, memory: Memory, batch: int, patience: Patience) -> None:
        """Send from this memory into this log."""
        self._log = log
        self._agency = agency
        self._memory = memory
        self._batch = batch
        self._patience = patience._replace(told=patience.told or _say)
        self._submissions = topic("submissions", agency)

    def flush(self) -> int:
        """Send what waits, oldest bytes first; returns how many records.

        Raises `SpooledError` where the log can't take them for longer than patience lasts.
        """
        sent = 0
        while rows := self._memory.spooled(self._batch):
            records = [NewRecord(self._submissions, row.feed.encode(), row.envelope) for row in rows]
            try:
                self._patience.bear(partial(self._log.append, self._submissions, records))
            except TocsinError as fault:
                if not fault.retriable:
                    raise
                raise self._waiting(fault) from fault
            with self._memory.transaction():
                self._memory.sent(rows[-1].n)
            sent += len(rows)
        return sent

    def _waiting(self, fault: TocsinError) -> SpooledError:
        count = self._memory.waiting()
        records = "1 signed record waits" if count == 1 else f"{count} signed records wait"
        return SpooledError(
            f"{records} in the spool of {self._agency}: {fault}",
            f"{fault.advice} The same command again goes on where this one stopped; `tocsin resume --as {self._agency}`"
            " sends only what waits.",
        )


def _say(fault: TocsinError, pause_s: float) -> None:
    _log.warning("%(fault)s; tried again in %(pause_s).1f s", {"fault": str(fault), "pause_s": pause_s})
