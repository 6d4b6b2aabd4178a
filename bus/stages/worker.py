"""The one loop that runs every stage, ingest's shards and correlate's slots alike. Only here a cursor is committed.

One turn, in numbered steps: 1 take the owner's name 2 restore the stage, and commit what is due from before 3 poll
4 process 5 commit outputs and cursor together. What is due by time alone is committed before 3.

Any exception drops the state: the next turn takes the name anew and restores from the log, so nothing that was not
committed can leave a trace. `Fenced` and `Owned` end the worker at once, for another has the work. A fault that trying
again can mend is tried again, with pauses; any other once, since a restart forgets whatever caused it, or does not.
Then it is raised; whoever calls again all the same is let in when the pause is over, which grows with each fault.
"""

import logging
import time
from collections.abc import Callable
from typing import Final

from bus.config import Settings
from bus.errors import TocsinError
from bus.log.faults import Fenced, Owned
from bus.log.protocol import Log, Reader, Record
from bus.metrics import Meter
from bus.stages.stage import Outputs, Stage

MOST_PAUSE_S: Final = 10.0
LASTING_PAUSE_S: Final = 300.0
"""The longest pause after a fault that trying again does not mend by itself."""
_FIRST_PAUSE_S: Final = 0.1
_DOUBLINGS: Final = 16
_ONCE: Final = 1

_log = logging.getLogger(__name__)


class Worker:
    """Runs one stage, turn by turn. Used by one thread at a time."""

    def __init__(  # noqa: PLR0913 - what a loop is made of
        self,
        log: Log,
        stage: Stage,
        *,
        settings: Settings,
        clock_ms: Callable[[], int],
        patience: int | None = None,
        metrics: Meter | None = None,
    ) -> None:
        """`patience`: how many faults in a row that trying again can mend are borne, None for any number."""
        self.stage = stage
        self.taken = 0
        """Records of the last turn."""
        self._log = log
        self._batch = settings.batch_records
        self._clock_ms = clock_ms
        self._patience = patience
        self._metrics = metrics
        self._engine = log.describe().engine if metrics is not None else ""
        self._reader: Reader | None = None
        self._is_fresh = self._is_sound = False
        self._pending: list[Record] = []
        self._faults = 0
        self._rest_until = 0.0

    @property
    def resting(self) -> bool:
        """Whether the last turn failed and another is to come: this worker is not idle."""
        return self._faults > 0

    def own(self) -> None:
        """Take the name already, before the first turn; raises `Owned` where another process has it."""
        self._take()
        self._is_fresh = True

    @property
    def left(self) -> int:
        """Records that it has yet to read, those that an engine left out of its numbers too."""
        reader = self._reader
        return 0 if reader is None else sum(self._log.end(name) - reader.cursor(name) for name in self.stage.topics)

    def turn(self, timeout_s: float, most: int | None = None) -> bool:
        """One turn; True if records were processed.

        Waits up to `timeout_s` for the first one; takes `most` at most, by default a whole batch.
        """
        self.taken = 0
        if time.monotonic() < self._rest_until:
            return False
        try:
            return self._turn(timeout_s, min(most or self._batch, self._batch))
        except (Fenced, Owned):
            raise
        except Exception as fault:
            self._is_sound = False
            self._faults += 1
            pause_s = self._rest(MOST_PAUSE_S if can_mend(fault) else LASTING_PAUSE_S)
            patience = self._patience if can_mend(fault) else _ONCE
            if patience is not None and self._faults > patience:
                raise
            told = {"owner": self.stage.owner, "fault": in_words(fault), "pause_s": pause_s}
            _log.warning("%(owner)s: %(fault)s; restored from the log and tried again in %(pause_s).1f s", told)
            return False

    def drain(self) -> None:
        """Turn until nothing is left to do; the name is held until `release`."""
        while self.turn(0.0) or self.resting:
            if self.resting:
                time.sleep(_FIRST_PAUSE_S)

    def release(self) -> None:
        """Let go of the owner's name."""
        if self._reader is not None:
            self._reader.release()
            self._reader = None
        self._is_fresh = self._is_sound = False

    def _rest(self, most_s: float) -> float:
        """Pause, each time twice as long; returns the seconds."""
        pause_s = min(most_s, _FIRST_PAUSE_S * 2.0 ** min(self._faults - 1, _DOUBLINGS))
        self._rest_until = time.monotonic() + pause_s
        self._show_rest()
        return pause_s

    def _turn(self, timeout_s: float, most: int) -> bool:
        reader = self._reader
        if reader is None or not self._is_sound:
            if reader is None or not self._is_fresh:
                reader = self._take()
            self._restore(reader)
        self._commit(reader, self.stage.due(), [])
        # 3 poll
        records = self._pending or reader.poll(most, timeout_s)
        if not records:
            self._faults = 0
            self._show_lag(reader)
            return False
        # 4 process
        started = time.perf_counter()
        outputs = self.stage.process(records)
        taken = len(records) if outputs.taken is None else outputs.taken
        # 5 commit
        self._commit(reader, outputs, records[:taken])
        self._pending = records[taken:]
        self.taken = taken
        self._faults = 0
        if self._metrics is not None:
            self._metrics.observe("stage_seconds", time.perf_counter() - started, self.stage.name)
        self._show_lag(reader)
        return taken > 0

    def _take(self) -> Reader:
        """1 take the name, anew where it is held: a reader that has polled can't go back."""
        self.release()
        self._reader = self._log.take(self.stage.owner, self.stage.topics)
        return self._reader

    def _restore(self, reader: Reader) -> None:
        """2 restore, and commit what is due."""
        self._is_fresh = False
        self._pending = []
        self._commit(reader, self.stage.restore(self._log, reader), [])
        self._is_sound = True

    def _commit(self, reader: Reader, outputs: Outputs | None, records: list[Record]) -> None:
        if outputs is None or not (outputs.records or records or outputs.note is not None):
            return
        cursors = {record.topic: record.offset + 1 for record in records}
        started = time.perf_counter()
        reader.commit(outputs.records, cursors, outputs.note)
        if self._metrics is not None:
            self._metrics.observe("log_append_seconds", time.perf_counter() - started, self._engine)
            self._metrics.set("stage_last_progress_timestamp_seconds", self._clock_ms() / 1000, self.stage.name)

    def _show_lag(self, reader: Reader) -> None:
        if self._metrics is not None:
            lag = sum(self._log.end(name) - reader.cursor(name) for name in self.stage.topics)
            self._metrics.set("stage_lag_records", lag, self.stage.name, self.stage.owner)
            self._show_rest()

    def _show_rest(self) -> None:
        if self._metrics is not None:
            self._metrics.set("stage_faults", self._faults, self.stage.name, self.stage.owner)


def can_mend(fault: Exception) -> bool:
    """Whether trying again can mend it."""
    return isinstance(fault, TocsinError) and fault.retriable


def in_words(fault: Exception) -> str:
    """What a fault says of itself without content: only our own do."""
    return str(fault) if isinstance(fault, TocsinError) else type(fault).__name__
