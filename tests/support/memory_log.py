"""A log in memory, of one process and one thread: what the stages ask of a log, without a disk to wait for.

Histories by the thousand run on it; that the stages do the same on the embedded engine is tested beside it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import islice

from bus.log.protocol import LogState, NewRecord, Reader, Record, TopicState
from bus.log.topics import TopicSpec


class MemoryReader:
    """The owner of a name in a memory log."""

    def __init__(self, log: "MemoryLog", owner: str, topics: Iterable[str]) -> None:
        """Go on after what was committed under this name."""
        self._log = log
        self._owner = owner
        self._next: dict[str, int] = {}
        self.add(topics)

    @property
    def owner(self) -> str:
        return self._owner

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        del timeout_s
        found: list[Record] = []
        for topic, start in self._next.items():
            found.extend(islice(self._log.read(topic, start), max_records - len(found)))
        for record in found:
            self._next[record.topic] = record.offset + 1
        return found

    def commit(self, outputs: Sequence[NewRecord], cursors: Mapping[str, int] = {}, note: str | None = None) -> None:
        for record in outputs:
            self._log.append(record.topic, [record])
        self._log.committed.setdefault(self._owner, {}).update(cursors)
        if note is not None:
            self._log.notes[self._owner] = note

    def cursor(self, topic: str) -> int:
        return self._log.committed.get(self._owner, {}).get(topic, 0)

    def note(self) -> str | None:
        return self._log.notes.get(self._owner)

    def add(self, topics: Iterable[str]) -> None:
        for topic in topics:
            self._next.setdefault(topic, self.cursor(topic))

    def release(self) -> None:
        """Nobody waits for the name."""


class MemoryLog:
    """Topics as lists; nothing is ever deleted."""

    def __init__(self) -> None:
        """Begin empty; a topic is made by its first record."""
        self.topics: dict[str, list[Record]] = {}
        self.committed: dict[str, dict[str, int]] = {}
        self.notes: dict[str, str] = {}
        self.now_ms = 0

    def append(self, topic: str, records: Sequence[NewRecord]) -> list[int]:
        kept = self.topics.setdefault(topic, [])
        for record in records:
            kept.append(Record(topic, len(kept), self.now_ms, record.key, record.value, record.headers))
        return [self.now_ms] * len(records)

    def take(self, owner: str, topics: Iterable[str]) -> Reader:
        return MemoryReader(self, owner, topics)

    def read(self, topic: str, start: int = 0, end: int | None = None) -> Iterator[Record]:
        return iter(self.topics.get(topic, [])[start:end])

    def latest(self, topic: str) -> Iterator[Record]:
        found = {record.key: record for record in self.topics.get(topic, [])}
        return iter([record for record in found.values() if record.value])

    def end(self, topic: str) -> int:
        return len(self.topics.get(topic, []))

    def cursors(self, owner: str) -> Mapping[str, int]:
        return self.committed.get(owner, {})

    def create(self, specs: Iterable[TopicSpec]) -> None:
        """A topic is made by its first record."""

    def retain(self, now_ms: int) -> int:
        del now_ms
        return 0

    def describe(self) -> LogState:
        topics = tuple(
            TopicState(name, 0, len(kept), self.now_ms, None, compacted=False) for name, kept in self.topics.items()
        )
        return LogState("memory", 0, topics, ())

    def check(self, *, quick: bool) -> Iterator[str]:
        del quick
        return iter(())

    def frozen(self) -> AbstractContextManager[None]:
        return nullcontext()

    def wait(self, timeout_s: float) -> bool:
        del timeout_s
        return False

    def close(self) -> None:
        """Nothing is held."""
