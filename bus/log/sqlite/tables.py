"""Topics and their records in the file: id = topic number << 40 | offset, so that one tree holds and orders them."""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import apsw

from bus.log.faults import NoTopicError, TopicError
from bus.log.protocol import Headers, NewRecord, Record
from bus.log.sqlite.file import LogFile, rows

SHIFT: Final = 40
OFFSETS: Final = (1 << SHIFT) - 1
CHUNK_RECORDS: Final = 500
# A chunk of the largest records stays this small in memory.
CHUNK_BYTES: Final = 16 << 20
_HEADER: Final = struct.Struct(">HI")
_READ: Final = "SELECT id, ms, key, value, headers FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
_LATEST: Final = "SELECT offset, ms, key, value, headers FROM latest WHERE topic = ? AND key > ? ORDER BY key LIMIT ?"
_FIRST: Final = _LATEST.replace("key > ?", "key >= ?")
_VALUE: Final = 3
_APPEND: Final = "INSERT INTO records VALUES (?, ?, ?, ?, ?)"
_REPLACE: Final = "INSERT OR REPLACE INTO latest VALUES (?, ?, ?, ?, ?, ?)"
_BURY: Final = "DELETE FROM latest WHERE topic = ? AND key = ?"


class Topic(NamedTuple):
    """What never changes about a topic."""

    name: str
    number: int
    compacted: bool


class Tables:
    """Finds topics, and reads and writes their records. Writing takes the connection of the caller's transaction."""

    def __init__(self, file: LogFile) -> None:
        """Read and write this file."""
        self._file = file
        self._topics: dict[str, Topic] = {}

    def find(self, name: str) -> Topic:
        """The topic of this name."""
        known = self._topics.get(name)
        if known is None:
            found = self._file.read("SELECT number, compacted FROM topics WHERE name = ?", (name,))
            if not found:
                raise NoTopicError(name)
            known = self._topics[name] = Topic(name, found[0][0], bool(found[0][1]))
        return known

    def ordered(self, name: str) -> Topic:
        """The topic, which has a history to be read in order."""
        found = self.find(name)
        if found.compacted:
            raise TopicError(f"{name} keeps the latest record of each key only", "Read it with `latest`.")
        return found

    def end(self, number: int) -> int:
        """The next offset to be given."""
        return int(self._file.read("SELECT next FROM topics WHERE number = ?", (number,))[0][0])

    def fetch(
        self,
        topic: Topic,
        start: int,
        end: int = OFFSETS,
        limit: int = CHUNK_RECORDS,
        budget_bytes: int = CHUNK_BYTES,
    ) -> list[Record]:
        """The first records of a range, no more than `limit` and about `budget_bytes`."""
        base = topic.number << SHIFT
        found = self._file.scan(_READ, (base | start, base | min(end, OFFSETS), limit), _VALUE, budget_bytes)
        name = topic.name
        return [Record(name, at & OFFSETS, ms, key, value, _unpack(packed)) for at, ms, key, value, packed in found]

    def latest(self, topic: Topic, keep_alive: Callable[[], None]) -> Iterator[Record]:
        """The latest record of each key, chunk by chunk; `keep_alive` is called between chunks."""
        statement, key = _FIRST, b""
        while found := self._file.scan(statement, (topic.number, key, CHUNK_RECORDS), _VALUE, CHUNK_BYTES):
            for offset, ms, key, value, packed in found:  # the last key is where the next chunk begins
                yield Record(topic.name, offset, ms, key, value, _unpack(packed))
            statement = _LATEST
            keep_alive()

    def append(self, connection: apsw.Connection, topic: Topic, records: Sequence[NewRecord], now: int) -> int:
        """Write records behind the topic's last; returns their append time, which never goes back."""
        first, last = rows(connection, "SELECT next, last_ms FROM topics WHERE number = ?", (topic.number,))[0]
        at = max(now, last)
        if topic.compacted:
            self._keep_latest(connection, topic.number, enumerate(records, first), at)
        else:
            base = topic.number << SHIFT | first
            connection.executemany(
                _APPEND,
                [
                    (base + index, at, key, value, _pack(headers) if headers else None)
                    for index, (_, key, value, headers) in enumerate(records)
                ],
            )
        connection.execute(
            "UPDATE topics SET next = ?, last_ms = ? WHERE number = ?", (first + len(records), at, topic.number)
        )
        return int(at)

    @staticmethod
    def _keep_latest(
        connection: apsw.Connection, number: int, records: Iterable[tuple[int, NewRecord]], at: int
    ) -> None:
        newest = {record.key: (offset, record) for offset, record in records}
        connection.executemany(
            _REPLACE,
            [
                (number, key, offset, at, record.value, _pack(record.headers) if record.headers else None)
                for key, (offset, record) in newest.items()
                if record.value
            ],
        )
        connection.executemany(_BURY, [(number, key) for key, (_, record) in newest.items() if not record.value])


def _pack(headers: Headers) -> bytes:
    parts: list[bytes] = []
    for name, value in headers:
        encoded = name.encode()
        parts += (_HEADER.pack(len(encoded), len(value)), encoded, value)
    return b"".join(parts)


def _unpack(packed: bytes | None) -> Headers:
    if packed is None:
        return ()
    headers: list[tuple[str, bytes]] = []
    place = 0
    while place < len(packed):
        names, values = _HEADER.unpack_from(packed, place)
        place += _HEADER.size
        name = packed[place : place + names].decode()
        headers.append((name, packed[place + names : place + names + values]))
        place += names + values
    return tuple(headers)
