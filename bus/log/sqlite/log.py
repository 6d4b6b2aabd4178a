"""The embedded engine: one SQLite file.

Through apsw, which brings its own SQLite: the interpreter's is often one with the WAL-reset bug (3.7.0 to 3.51.2).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from bus.log.faults import TopicError
from bus.log.protocol import LogState, NewRecord, Record
from bus.log.sqlite.check import check
from bus.log.sqlite.compaction import compact
from bus.log.sqlite.describe import cursors, describe
from bus.log.sqlite.file import LogFile
from bus.log.sqlite.owners import Owners
from bus.log.sqlite.reader import SqliteReader
from bus.log.sqlite.retention import retain
from bus.log.sqlite.tables import Tables, Topic
from bus.log.sqlite.topics import create
from bus.log.sqlite.waiting import Waiting
from bus.log.topics import TopicSpec

LEASE_S: Final = 15.0


class SqliteLog:
    """One process's view of the log. Threads may share it; it must not be carried across a fork."""

    def __init__(
        self, path: Path, clock_ms: Callable[[], int], *, lease_s: float = LEASE_S, vfs: str | None = None
    ) -> None:
        """Open the log's file, or make it where there is none.

        `clock_ms` gives UTC ms; `lease_s` is how long a name outlives its owner's last sign of life while the process
        is still there; `vfs` names another file layer of SQLite.
        """
        self._clock_ms = clock_ms
        self._file = LogFile(path, vfs)
        self._tables = Tables(self._file)
        self._owners = Owners(self._file, clock_ms, lease_s)
        self._seen = self._file.version()

    def append(self, topic: str, records: Sequence[NewRecord]) -> list[int]:
        """Append in this order, all or nothing; returns append times (UTC ms) when the records are durable."""
        found = self._tables.find(topic)
        if any(record.topic != topic for record in records):
            raise TopicError(f"a record for another topic was to be appended to {topic}", "Name one topic throughout.")
        if not records:
            return []
        with self._file.write() as connection:
            at = self._tables.append(connection, found, records, self._clock_ms())
        return [at] * len(records)

    def take(self, owner: str, topics: Iterable[str]) -> SqliteReader:
        """Become the only owner of this name; raises `Owned` where a live process has it."""
        return SqliteReader(self._file, self._tables, self._owners, self._clock_ms, owner=owner, topics=topics)

    def read(self, topic: str, start: int = 0, end: int | None = None) -> Iterator[Record]:
        """Records with start ≤ offset < end; without `end`, to the end as it is at the call."""
        found = self._tables.find(topic)
        last = self._tables.end(found.number)
        return self._stream(found, max(start, 0), last if end is None else min(end, last))

    def latest(self, topic: str) -> Iterator[Record]:
        """The latest record of each key of a compacted topic, without those that a tombstone ended."""
        found = self._tables.find(topic)
        if not found.compacted:
            raise TopicError(f"{topic} is not compacted", "Read it with `read`.")
        return self._tables.latest(found, self._owners.keep_alive)

    def end(self, topic: str) -> int:
        """The offset that the next record will have at least."""
        return self._tables.end(self._tables.find(topic).number)

    def cursors(self, owner: str) -> Mapping[str, int]:
        """How far a name has committed, by topic."""
        return cursors(self._file, owner)

    def create(self, specs: Iterable[TopicSpec]) -> None:
        """Make these topics where they are missing; a changed retention takes effect."""
        create(self._file, specs)

    def retain(self, now_ms: int) -> int:
        """Delete what is past its retention or superseded, never what a stage has yet to read; returns how many."""
        keep_alive = self._owners.keep_alive
        return retain(self._file, now_ms, keep_alive) + compact(self._file, keep_alive)

    def describe(self) -> LogState:
        """The log at a glance."""
        return describe(self._file, self._owners)

    def check(self, *, quick: bool) -> Iterator[str]:
        """What is wrong with the file, each with its place; nothing where it is sound."""
        return check(self._file, quick=quick)

    def frozen(self) -> AbstractContextManager[None]:
        """All that is read meanwhile through this view is of one moment."""
        return self._file.frozen()

    def wait(self, timeout_s: float) -> bool:
        """Wait until something was written since the last call; False when `timeout_s` passed."""
        waiting = Waiting(timeout_s)
        while True:
            self._owners.keep_alive()
            version = self._file.version()
            if version != self._seen:
                self._seen = version
                return True
            if not waiting.pause():
                return False

    def close(self) -> None:
        """Release what is owned and let go of the file."""
        if self._file.closed:
            return
        try:
            self._owners.close()
        finally:
            self._file.close()
            self._owners.die()

    def _stream(self, topic: Topic, start: int, end: int) -> Iterator[Record]:
        """Chunk by chunk: no read transaction is open while the caller works, so the write-ahead log can begin anew."""
        while start < end:
            records = self._tables.fetch(topic, start, end)
            self._tables.check_whole(topic, start, end, records)
            if not records:
                return
            self._owners.keep_alive()
            yield from records
            start = records[-1].offset + 1
