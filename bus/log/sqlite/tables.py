"""Topics and their records in the file: id = topic number << 40 | offset, so that one tree holds and orders them."""

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import apsw

from bus.log.faults import NoTopicError
from bus.log.protocol import Headers, NewRecord, Record
from bus.log.sqlite.file import LogFile, rows
from bus.log.sqlite.trouble import damaged

SHIFT: Final = 40
OFFSETS: Final = (1 << SHIFT) - 1
CHUNK_RECORDS: Final = 500
# A chunk of the largest records stays this small in memory.
CHUNK_BYTES: Final = 16 << 20
_HEADER: Final = struct.Struct(">HI")
_READ: Final = "SELECT id, ms, key, value, headers FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
_BACK: Final = _READ.replace("ORDER BY id", "ORDER BY id DESC")
_KEPT: Final = "SELECT clean FROM topics WHERE number = ?"
_VALUE: Final = 3
_APPEND: Final = "INSERT INTO records VALUES (?, ?, ?, ?, ?)"


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

    def check_whole(self, topic: Topic, start: int, end: int, records: Sequence[Record]) -> None:
        """Raise where records that must be there are not: a damaged tree can look like one that is empty.

        `records` is what was fetched from `start` on, and `end` an end of the topic at that time or before.
        """
        first = records[0].offset if records else end
        if topic.compacted or (start >= first and len(records) == (records[-1].offset + 1 - first if records else 0)):
            return
        kept = int(self._file.read(_KEPT, (topic.number,))[0][0])
        if first > max(start, kept) or (records and len(records) != records[-1].offset + 1 - first):
            raise damaged(self._file.path, f"a record in {topic.name} at each offset from {max(start, kept)} on")

    def latest(self, topic: Topic, keep_alive: Callable[[], None]) -> Iterator[Record]:
        """The latest record of each key, read backwards; `keep_alive` is called between chunks."""
        base = topic.number << SHIFT
        end = base | OFFSETS
        seen: set[bytes] = set()
        while found := self._file.scan(_BACK, (base, end, CHUNK_RECORDS), _VALUE, CHUNK_BYTES):
            for at, ms, key, value, packed in found:
                if key not in seen:
                    seen.add(key)
                    if value:
                        yield Record(topic.name, at & OFFSETS, ms, key, value, _unpack(packed))
            end = found[-1][0]
            keep_alive()

    def append(self, connection: apsw.Connection, topic: Topic, records: Sequence[NewRecord], now: int) -> int:
        """Write records behind the topic's last; returns their append time, which never goes back."""
        first, last = rows(connection, "SELECT next, last_ms FROM topics WHERE number = ?", (topic.number,))[0]
        at = max(now, last)
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
