"""Planted bugs: each was made in earnest by somebody once, and loses, doubles or invents something.

They are put into a process of a field from outside, around the trap; shipped code has no switch for them. Each counts
how often its own code ran, so that a plant that no longer meets the code that it spoils is seen.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from bus.client.memory import Memory as Remembering
from bus.fusion import alert
from bus.log.protocol import NewRecord
from bus.log.sqlite import SqliteLog
from bus.log.sqlite.reader import SqliteReader
from bus.stages.checks import Memory
from bus.stages.correlate.restore import Restore
from bus.stages.correlate.stage import Correlate
from bus.stages.ingest import Ingest
from bus.stages.stage import Outputs
from tests.chaos.moments import InjectedFaultError, replace
from tests.chaos.slate import Shared, Slate

Alive = Callable[[], None]
_LATE_S: Final = 0.05


class Plant(NamedTuple):
    """A bug; `role` says in which process it is planted."""

    role: str
    spoil: Callable[[Alive], None]

    def put(self, slate: Slate) -> None:
        """Plant it into this process, for its life."""

        def alive() -> None:
            slate[Shared.PLANTED] += 1

        self.spoil(alive)


def cursor_before_outputs(alive: Alive) -> None:
    """The cursor is committed, and then what was made of the records."""

    def spoiled(right: Callable[..., None]) -> Callable[..., None]:
        def commit(
            reader: SqliteReader, outputs: Sequence[NewRecord], cursors: Mapping[str, int], note: str | None = None
        ) -> None:
            if outputs and cursors:
                alive()
                right(reader, (), cursors)
            right(reader, outputs, {}, note)

        return commit

    replace(SqliteReader, "commit", spoiled)


def outputs_without_transaction(alive: Alive) -> None:
    """Each topic's outputs are committed for themselves, the cursor last."""

    def spoiled(right: Callable[..., None]) -> Callable[..., None]:
        def commit(
            reader: SqliteReader, outputs: Sequence[NewRecord], cursors: Mapping[str, int], note: str | None = None
        ) -> None:
            for topic in dict.fromkeys(record.topic for record in outputs):
                alive()
                right(reader, [record for record in outputs if record.topic == topic])
            right(reader, (), cursors, note)

        return commit

    replace(SqliteReader, "commit", spoiled)


def no_replay_memory(alive: Alive) -> None:
    """A shard that starts anew does not know what it has accepted."""

    def spoiled(right: Callable[..., Any]) -> Callable[..., Any]:
        def restore(stage: Ingest, *args: Any) -> Any:
            due = right(stage, *args)
            alive()
            stage._memory = Memory()
            return due

        return restore

    replace(Ingest, "restore", spoiled)


def acknowledged_before_durable(alive: Alive) -> None:
    """An append returns at once, and is written a little later."""

    def spoiled(right: Callable[..., list[int]]) -> Callable[..., list[int]]:
        def append(log: SqliteLog, topic: str, records: Sequence[NewRecord]) -> list[int]:
            alive()
            threading.Timer(_LATE_S, partial(right, log, topic, records)).start()
            return [time.time_ns() // 1_000_000] * len(records)

        return append

    replace(SqliteLog, "append", spoiled)


def forgotten_before_sent(alive: Alive) -> None:
    """The spool forgets bytes before the log has them."""

    def spoiled(right: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
        def spooled(memory: Remembering, limit: int) -> list[Any]:
            found = right(memory, limit)
            if found:
                alive()
                with memory.transaction():
                    memory.sent(found[-1].n)
            return found

        return spooled

    replace(Remembering, "spooled", spoiled)


def skipped_after_an_error(stage: type[Ingest] | type[Correlate]) -> Callable[[Alive], None]:
    """What could not be processed is taken for done."""

    def plant(alive: Alive) -> None:
        def spoiled(right: Callable[..., Outputs]) -> Callable[..., Outputs]:
            def process(its: Any, records: Any) -> Outputs:
                try:
                    return right(its, records)
                except InjectedFaultError:
                    alive()
                    return Outputs()

            return process

        replace(stage, "process", spoiled)

    return plant


def repeated_sequence(alive: Alive) -> None:
    """A slot that starts anew gives the last number of each reader again."""

    def spoiled(right: Callable[..., Any]) -> Callable[..., Any]:
        def run(restore: Restore, cursor: int) -> Any:
            fold = right(restore, cursor)
            alive()
            restore.heads = {
                reader: head._replace(sequence=max(0, head.sequence - 1)) for reader, head in restore.heads.items()
            }
            return fold

        return run

    replace(Restore, "run", spoiled)


def alert_of_now(alive: Alive) -> None:
    """An alert says when it was made, by the clock on the wall."""

    def spoiled(right: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        def header(*args: Any) -> dict[str, Any]:
            alive()
            return right(*args) | {"created_at": time.time_ns() // 1_000_000}

        return header

    replace(alert, "_header", spoiled)


PLANTS: Final[Mapping[str, Plant]] = {
    "cursor before outputs": Plant("bus", cursor_before_outputs),
    "outputs without transaction": Plant("bus", outputs_without_transaction),
    "no replay memory": Plant("bus", no_replay_memory),
    "acknowledged before durable": Plant("publisher", acknowledged_before_durable),
    "forgotten before sent": Plant("publisher", forgotten_before_sent),
    "a submission skipped after an error": Plant("bus", skipped_after_an_error(Ingest)),
    "an event skipped after an error": Plant("bus", skipped_after_an_error(Correlate)),
    "a sequence that repeats": Plant("bus", repeated_sequence),
    "an alert of now": Plant("bus", alert_of_now),
}
