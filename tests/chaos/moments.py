"""Where a process of a field can be hit, and the trap that hits it there: from outside, by wrapping what it calls.

Shipped code knows nothing of it. A place is a point between two steps of a stage, a publisher or a subscriber; a
moment is the n-th time that a process comes by.
"""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from functools import partial
from typing import Any, Final, NamedTuple

from bus.client.memory import Memory
from bus.client.picture import Picture
from bus.errors import TocsinError
from bus.log.protocol import NewRecord
from bus.log.sqlite import SqliteLog
from bus.log.sqlite.file import LogFile
from bus.log.sqlite.owners import Owners
from bus.log.sqlite.reader import SqliteReader
from bus.log.sqlite.tables import Tables
from bus.stages.correlate.stage import Correlate
from bus.stages.ingest import Ingest
from tests.chaos.slate import Shared, Slate


class Blow(StrEnum):
    """What happens to the process."""

    KILL = "SIGKILL"
    STOP = "SIGSTOP"
    FAULT = "fault"
    """A fault of the log that trying again can mend, raised there."""


class Moment(NamedTuple):
    """The n-th time that a process comes by a place; ANYWHERE: so many milliseconds after its start, from outside."""

    place: str
    nth: int = 1
    blow: Blow = Blow.KILL

    def __str__(self) -> str:
        """As a report names it."""
        return f"{self.blow} at {self.place}, {self.nth}"


ANYWHERE: Final = "anywhere"
_COMMIT: Final = ("before", "within", "after")
"""Outputs are made, nothing is written; all is written, the transaction is open; it is durable, nobody knows."""
INGEST: Final = tuple(f"ingest.{at}" for at in ("taken", "reading", "restored", "process", *_COMMIT))
CORRELATE: Final = tuple(f"correlate.{at}" for at in ("taken", "reading", "restored", "process", *_COMMIT))
TICK: Final = tuple(f"tick.{at}" for at in _COMMIT)
UPKEEP: Final = ("checkpoint.before", "checkpoint.after", "retain.before", "retain.slice", "retain.after")
BUS: Final = (*INGEST, *CORRELATE, *TICK, *UPKEEP)
ONCE: Final = ("correlate.taken", "correlate.restored", "retain.before", "retain.after")
"""What comes by once in a life, or once a second."""
PUBLISHER: Final = (
    *("publisher.signed", "publisher.spooled", "publisher.within", "publisher.appended", "publisher.forgetting"),
    *("publisher.acknowledged", "publisher.settling"),
)
SUBSCRIBER: Final = ("subscriber.fold", "subscriber.read", "subscriber.booked")


class InjectedFaultError(TocsinError):
    """The disk failed for a moment, as far as the stage can tell."""

    retriable = True


_STOPPING_S: Final = 0.05
"""The system stops a process a moment after it was asked to."""
_NOBODY: Final = nullcontext()


class Trap:
    """Counts how often this process came by each place, and strikes at one moment."""

    def __init__(self, moment: Moment | None, slate: Slate) -> None:
        """Strike there, or nowhere."""
        self._moment = moment
        self._slate = slate
        self._passed: Counter[str] = Counter()
        self._counting = threading.Lock()
        self.here = _Here()

    def passes(self, place: str, still: AbstractContextManager[Any] = _NOBODY) -> None:
        """The process comes by; `still` keeps its other threads out of a transaction while it is stopped there."""
        if self._moment is None or self._moment.place != place:
            return
        with self._counting:
            self._passed[place] += 1
            is_now = self._passed[place] == self._moment.nth
        if is_now:
            with still:
                self._strike(self._moment.blow)

    def _strike(self, blow: Blow) -> None:
        """Let it happen to this very process."""
        if blow is Blow.FAULT:
            self._slate[Shared.FAULTS] += 1
            raise InjectedFaultError("the disk failed for a moment", "Try again.")
        os.kill(os.getpid(), signal.SIGKILL if blow is Blow.KILL else signal.SIGSTOP)
        time.sleep(_STOPPING_S)


class _Here(threading.local):
    """What this thread is in the middle of."""

    stage = ""
    left = 0
    """Topics that the open commit has yet to write to."""
    restoring = ""
    is_retaining = False


def replace(owner: Any, name: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Put a wrapped function in the place of one, for the life of this process."""
    setattr(owner, name, wrap(getattr(owner, name)))


# ---- the log, in whatever process ----


def watch_log(trap: Trap) -> None:
    """Checkpoints, upkeep, and the writing of every commit."""
    replace(LogFile, "_checkpoint", lambda right: _between(trap, right, "checkpoint"))
    replace(SqliteLog, "retain", lambda right: _retaining(trap, right))
    replace(Owners, "keep_alive", lambda right: _slicing(trap, right))
    replace(Tables, "append", lambda right: _writing(trap, right))


def _between(trap: Trap, right: Callable[..., Any], place: str) -> Callable[..., Any]:
    def watched(*args: Any, **more: Any) -> Any:
        trap.passes(f"{place}.before")
        done = right(*args, **more)
        trap.passes(f"{place}.after")
        return done

    return watched


def _retaining(trap: Trap, right: Callable[..., Any]) -> Callable[..., Any]:
    watched = _between(trap, right, "retain")

    def retaining(*args: Any, **more: Any) -> Any:
        trap.here.is_retaining = True
        try:
            return watched(*args, **more)
        finally:
            trap.here.is_retaining = False

    return retaining


def _slicing(trap: Trap, right: Callable[..., Any]) -> Callable[..., Any]:
    def keeping_alive(owners: Owners) -> None:
        right(owners)
        if trap.here.is_retaining:
            trap.passes("retain.slice")

    return keeping_alive


def _writing(trap: Trap, right: Callable[..., Any]) -> Callable[..., Any]:
    def append(*args: Any, **more: Any) -> Any:
        done = right(*args, **more)
        if trap.here.left:
            trap.here.left -= 1
            if not trap.here.left:
                trap.passes(f"{trap.here.stage}.within")
        return done

    return append


# ---- the bus ----


def watch_bus(trap: Trap, slate: Slate) -> None:
    """The stages, from taking a name to the commit."""
    replace(SqliteReader, "commit", lambda right: _committing(trap, right))
    replace(SqliteLog, "take", lambda right: _taking(trap, right))
    replace(SqliteLog, "read", lambda right: _reading(trap, right))
    replace(SqliteLog, "latest", lambda right: _reading(trap, right))
    for stage, ready in ((Ingest, Shared.INGEST_READY), (Correlate, Shared.CORRELATE_READY)):
        replace(stage, "restore", partial(_restoring, trap, slate, ready))
        replace(stage, "process", lambda right: _processing(trap, right))


def stage_of(owner: str) -> str:
    """The stage that a name belongs to; the authority's shard brings the ticks."""
    return "tick" if owner == "ingest-authority" else owner.partition("-")[0]


def _committing(trap: Trap, right: Callable[..., Any]) -> Callable[..., Any]:
    def commit(reader: SqliteReader, outputs: Sequence[NewRecord], *args: Any, **more: Any) -> None:
        if not outputs:
            right(reader, outputs, *args, **more)
            return
        stage = stage_of(reader.owner)
        # A process that is stopped in a transaction keeps the log's lock, and nobody can take over.
        still = reader._file._writing
        trap.passes(f"{stage}.before", still)
        trap.here.stage, trap.here.left = stage, len({record.topic for record in outputs})
        try:
            right(reader, outputs, *args, **more)
        finally:
            trap.here.left = 0
        trap.passes(f"{stage}.after", still)

    return commit


def _taking(trap: Trap, right: Callable[..., Any]) -> Callable[..., Any]:
    def take(log: SqliteLog, owner: str, *args: Any, **more: Any) -> SqliteReader:
        reader: SqliteReader = right(log, owner, *args, **more)
        trap.passes(f"{stage_of(owner)}.taken")
        return reader

    return take


def _reading(trap: Trap, right: Callable[..., Any]) -> Callable[..., Any]:
    def read(*args: Any, **more: Any) -> Iterator[Any]:
        found: Iterator[Any] = right(*args, **more)
        return _counted(trap, found) if trap.here.restoring else found

    return read


def _counted(trap: Trap, records: Iterator[Any]) -> Iterator[Any]:
    place = f"{trap.here.restoring}.reading"
    for record in records:
        trap.passes(place)
        yield record


def _restoring(trap: Trap, slate: Slate, ready: Shared, right: Callable[..., Any]) -> Callable[..., Any]:
    def restore(stage: Any, *args: Any) -> Any:
        name = stage_of(stage.owner)
        trap.here.restoring = name
        try:
            due = right(stage, *args)
        finally:
            trap.here.restoring = ""
        slate[ready] = time.monotonic_ns()
        trap.passes(f"{name}.restored")
        return due

    return restore


def _processing(trap: Trap, right: Callable[..., Any]) -> Callable[..., Any]:
    def process(stage: Any, records: Any) -> Any:
        trap.passes(f"{stage_of(stage.owner)}.process")
        return right(stage, records)

    return process


# ---- a publisher and a subscriber ----


def watch_publisher(trap: Trap, _: Slate) -> None:
    """From the signature to the end of the spool."""

    def appending(right: Callable[..., Any]) -> Callable[..., Any]:
        def append(log: SqliteLog, topic: str, records: Sequence[NewRecord]) -> list[int]:
            trap.passes("publisher.spooled")
            trap.here.stage, trap.here.left = "publisher", 1
            times: list[int] = right(log, topic, records)
            trap.here.left = 0
            trap.passes("publisher.appended")
            return times

        return append

    replace(Memory, "spool", lambda right: _behind(trap, right, "publisher.signed"))
    replace(Memory, "sent", lambda right: _behind(trap, right, "publisher.forgetting"))
    replace(Memory, "settle", lambda right: _behind(trap, right, "publisher.settling"))
    replace(SqliteLog, "append", appending)


def watch_subscriber(trap: Trap, _: Slate) -> None:
    """In the middle of a fold; what lies around it the process says itself."""
    replace(Picture, "apply", lambda right: _behind(trap, right, "subscriber.fold"))


def _behind(trap: Trap, right: Callable[..., Any], place: str) -> Callable[..., Any]:
    def watched(*args: Any, **more: Any) -> Any:
        done = right(*args, **more)
        trap.passes(place)
        return done

    return watched
