"""A reader: the only owner of its name, with a committed cursor in each of its topics."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import apsw

from bus.log.faults import TopicError
from bus.log.protocol import NewRecord, Record
from bus.log.sqlite.file import LogFile, rows
from bus.log.sqlite.owners import Owners
from bus.log.sqlite.tables import CHUNK_BYTES, Tables, Topic
from bus.log.sqlite.waiting import Waiting

_NONE: Final[Mapping[str, int]] = MappingProxyType({})


class SqliteReader:
    """Made by `SqliteLog.take`. Used by one thread."""

    def __init__(  # noqa: PLR0913 - the log's parts, and what is taken
        self,
        file: LogFile,
        tables: Tables,
        owners: Owners,
        clock_ms: Callable[[], int],
        *,
        owner: str,
        topics: Iterable[str],
    ) -> None:
        """Take the name, with its cursors in these topics: both or neither."""
        self._file = file
        self._tables = tables
        self._owners = owners
        self._clock_ms = clock_ms
        self._owner = owner
        self._topics: dict[str, Topic] = {}
        self._cursors: dict[str, int] = {}
        self._positions: dict[str, int] = {}
        self._turn = 0
        self._empty_at: int | None = None
        new = [tables.find(name) for name in topics]
        with file.write() as connection:
            self._epoch, self._note = owners.take(connection, owner)
            cursors = self._find_cursors(connection, new)
        self._follow(new, cursors)

    @property
    def owner(self) -> str:
        """The name that is owned."""
        return self._owner

    def add(self, topics: Iterable[str]) -> None:
        """Read these topics too, each from its committed cursor.

        A cursor is written at once, so that retention knows of a reader that has committed nothing yet.
        """
        new = [self._tables.find(name) for name in topics if name not in self._topics]
        if not new:
            return
        with self._file.write() as connection:
            self._owners.check(connection, self._owner, self._epoch)
            cursors = self._find_cursors(connection, new)
        self._follow(new, cursors)

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """The next records, in order per topic, no topic before its turn; waits up to `timeout_s` for the first."""
        waiting = Waiting(timeout_s)
        while True:
            self._owners.keep_alive()
            version = self._file.version()
            if version != self._empty_at:
                records = self._gather(max_records)
                if records:
                    return records
                self._empty_at = version
            if not waiting.pause():
                return []

    def commit(self, outputs: Sequence[NewRecord], cursors: Mapping[str, int] = _NONE, note: str | None = None) -> None:
        """Outputs, cursors and note: all or nothing, durable when it returns."""
        by_topic: dict[str, list[NewRecord]] = {}
        for record in outputs:
            by_topic.setdefault(record.topic, []).append(record)
        found = [(self._tables.find(name), records) for name, records in by_topic.items()]
        moved = [(cursor, self._owner, self._mine(name).number) for name, cursor in cursors.items()]
        with self._file.write() as connection:
            self._owners.check(connection, self._owner, self._epoch)
            now = self._clock_ms()
            for topic, records in found:
                self._tables.append(connection, topic, records, now)
            self._move(connection, moved, note)
        self._cursors.update(cursors)
        if note is not None:
            self._note = note

    def cursor(self, topic: str) -> int:
        """The committed cursor: the next offset to read."""
        self._mine(topic)
        return self._cursors[topic]

    def note(self) -> str | None:
        """The note of the last commit that had one."""
        return self._note

    def release(self) -> None:
        """Let go, so that another may take the name at once."""
        with self._file.write() as connection:
            self._owners.release(connection, self._owner, self._epoch)

    def _mine(self, name: str) -> Topic:
        found = self._topics.get(name)
        if found is None:
            raise TopicError(f"{self._owner} does not read {name}", "Add the topic to the reader first.")
        return found

    def _find_cursors(self, connection: apsw.Connection, topics: list[Topic]) -> dict[int, int]:
        connection.executemany(
            "INSERT OR IGNORE INTO cursors VALUES (?, ?, 0)", [(self._owner, topic.number) for topic in topics]
        )
        return dict(rows(connection, "SELECT topic, position FROM cursors WHERE owner = ?", (self._owner,)))

    def _follow(self, topics: list[Topic], cursors: Mapping[int, int]) -> None:
        for topic in topics:
            self._topics[topic.name] = topic
            self._cursors[topic.name] = self._positions[topic.name] = cursors[topic.number]
        self._empty_at = None

    def _move(self, connection: apsw.Connection, moved: list[tuple[int, str, int]], note: str | None) -> None:
        if moved:
            connection.executemany("UPDATE cursors SET position = ? WHERE owner = ? AND topic = ?", moved)
        if note is not None:
            connection.execute("UPDATE owners SET note = ? WHERE name = ?", (note, self._owner))

    def _gather(self, max_records: int) -> list[Record]:
        """A fair share of each topic that has records, then what is left to those that have more.

        The topic that begins changes with each call, so that none waits for ever behind others.
        """
        ends = {topic.name: self._tables.end(topic.number) for topic in self._topics.values()}
        waiting = [topic for topic in self._topics.values() if self._positions[topic.name] < ends[topic.name]]
        if not waiting:
            return []
        self._turn += 1
        turn = self._turn % len(waiting)
        waiting = waiting[turn:] + waiting[:turn]
        records: list[Record] = []
        budget = CHUNK_BYTES
        while waiting and len(records) < max_records and budget > 0:
            share = max(1, (max_records - len(records)) // len(waiting))
            more: list[Topic] = []
            for topic in waiting:
                wanted = min(share, max_records - len(records))
                if wanted == 0 or budget <= 0:
                    break
                position = self._positions[topic.name]
                taken = self._tables.fetch(topic, position, limit=wanted, budget_bytes=budget)
                self._tables.check_whole(topic, position, ends[topic.name], taken)
                records += taken
                budget -= sum(len(record.value) for record in taken)
                if taken:
                    self._positions[topic.name] = taken[-1].offset + 1
                    more.append(topic)
            waiting = more
        return records
