"""What the worker loop runs: a stage takes records, returns outputs, and leaves every commit to the worker."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from bus.log.protocol import Log, NewRecord, Reader, Record

Progress: TypeAlias = Callable[[str, int, int], None]
"""Told of long work now and then: what is done, how much of it, of how much."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a stage made of some records, to be committed together with their cursor.

    `note` is kept with the owner's name (None keeps the last one). `taken`: how many of the records are done, None for
    all; the worker brings the others again, unread, with the next call.
    """

    records: Sequence[NewRecord] = ()
    note: str | None = None
    taken: int | None = None


class Stage(Protocol):
    """One shard or slot. Used by one thread; everything that it remembers can be rebuilt from the log."""

    @property
    def name(self) -> str:
        """The stage in metrics: `ingest` or `correlate`."""
        ...

    @property
    def owner(self) -> str:
        """The name that only one process at a time can own, such as `ingest-fra` or `correlate-0`."""
        ...

    @property
    def topics(self) -> Iterable[str]:
        """What it reads under its cursor."""
        ...

    def restore(self, log: Log, reader: Reader) -> Outputs | None:
        """Forget everything, and rebuild the state that holds at the reader's committed cursor and note.

        What is due before the first record (the start's tick, deliveries that changed with the software) is returned,
        and committed before anything is read. May be called again on the same object, after any exception.
        """
        ...

    def due(self) -> Outputs | None:
        """What is due by time alone, without records: a tick. None where nothing is; called before every poll."""
        ...

    def process(self, records: list[Record]) -> Outputs:
        """Take the next records, at least one, in order.

        The state moves on at once: if the commit fails, the worker restores.
        """
        ...
