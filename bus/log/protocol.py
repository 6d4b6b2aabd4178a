"""What every engine of the log does. Records are bytes; order is kept per topic; what is acknowledged is durable.

Offsets grow and may have gaps. An append time never goes back within a topic. A record with an empty value in a
compacted topic is a tombstone: it ends its key.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from bus.log.topics import TopicSpec

Headers: TypeAlias = tuple[tuple[str, bytes], ...]


class NewRecord(NamedTuple):
    """What is to be appended."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers = ()


class Record(NamedTuple):
    """What stands in a topic; `append_time_ms` is UTC."""

    topic: str
    offset: int
    append_time_ms: int
    key: bytes
    value: bytes
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic at a glance: `start` is the first offset kept, `end` the next one to be given."""

    name: str
    start: int
    end: int
    last_append_ms: int | None
    retention_ms: int | None
    compacted: bool


@dataclass(frozen=True, slots=True)
class OwnerState:
    """A reader's name at a glance; `holder` is the live process that owns it, if any."""

    name: str
    holder: str | None
    epoch: int
    cursors: Mapping[str, int]
    note: str | None


@dataclass(frozen=True, slots=True)
class LogState:
    """The log at a glance. `trouble`: upkeep that failed last time, if any."""

    engine: str
    size_bytes: int
    topics: tuple[TopicState, ...]
    owners: tuple[OwnerState, ...]
    trouble: str | None = None


class Reader(Protocol):
    """The only owner of a name, until it lets go or is fenced. Used by one thread."""

    @property
    def owner(self) -> str:
        """The name that is owned."""
        ...

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """The next records, in order per topic, no topic before its turn; waits up to `timeout_s` for the first.

        Begins after the committed cursors, and goes on after what it returned before.
        """
        ...

    def commit(self, outputs: Sequence[NewRecord], cursors: Mapping[str, int] = {}, note: str | None = None) -> None:
        """Outputs, cursors (the next offset to read, per topic) and note (None keeps the last): all or nothing.

        Durable when it returns; raises `Fenced` where the name has another owner by now.
        """
        ...

    def cursor(self, topic: str) -> int:
        """The committed cursor: the next offset to read."""
        ...

    def note(self) -> str | None:
        """The note of the last commit that had one."""
        ...

    def add(self, topics: Iterable[str]) -> None:
        """Read these topics too, each from its committed cursor."""
        ...

    def release(self) -> None:
        """Let go, so that another may take the name at once. Releasing twice, or when fenced, does nothing."""
        ...


class Log(Protocol):
    """One log, as one process sees it."""

    def append(self, topic: str, records: Sequence[NewRecord]) -> list[int]:
        """Append in this order, all or nothing; returns each record's append time (UTC ms) when they are durable."""
        ...

    def take(self, owner: str, topics: Iterable[str]) -> Reader:
        """Become the only owner of this name; raises `Owned` where a live process has it."""
        ...

    def read(self, topic: str, start: int = 0, end: int | None = None) -> Iterator[Record]:
        """Records with start ≤ offset < end; without `end`, to the end as it is at the call."""
        ...

    def latest(self, topic: str) -> Iterator[Record]:
        """The latest record of each key of a compacted topic, in any order, without those that a tombstone ended.

        Exact where nobody else writes to the topic meanwhile, as its owner knows. `read` shows what is left of the
        history, tombstones included.
        """
        ...

    def end(self, topic: str) -> int:
        """The offset that the next record will have at least."""
        ...

    def cursors(self, owner: str) -> Mapping[str, int]:
        """How far a name has committed, by topic, whoever owns it; nothing for a name that is unknown."""
        ...

    def create(self, specs: Iterable[TopicSpec]) -> None:
        """Make these topics where they are missing; a changed retention takes effect."""
        ...

    def retain(self, now_ms: int) -> int:
        """Delete what is past its retention or superseded in a compacted topic; returns how many records.

        Never what a stage has yet to read of a topic that it follows.
        """
        ...

    def describe(self) -> LogState:
        """The log at a glance."""
        ...

    def check(self, *, quick: bool) -> Iterator[str]:
        """What is wrong with how records are kept, each with its place; nothing where all is sound."""
        ...

    def frozen(self) -> AbstractContextManager[None]:
        """All that one thread reads meanwhile through this view, `describe` too, is of one moment. For short looks."""
        ...

    def wait(self, timeout_s: float) -> bool:
        """Wait until something was written since the last call; False when `timeout_s` passed. For one thread."""
        ...

    def close(self) -> None:
        """Release what is owned and let go of the log. Closing twice does nothing."""
        ...
