"""Deleting what is past its retention, in slices, so that nobody waits long for the lock."""

from collections.abc import Callable
from typing import Final, NamedTuple

import apsw

from bus.log.sqlite.file import LogFile, row, rows
from bus.log.sqlite.tables import SHIFT

SLICE_RECORDS: Final = 500
# As much as a slice of common records frees; what more there is, new records use again.
_VACUUM_PAGES: Final = 250
_TOPICS: Final = "SELECT number, retention_ms, followed FROM topics WHERE retention_ms IS NOT NULL AND NOT compacted"
_OLDEST: Final = "SELECT id, ms FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
# What a topic that is not compacted has from this offset on must be there, or the file is damaged.
_KEPT_FROM: Final = "UPDATE topics SET clean = ? WHERE number = ?"
_SLOWEST: Final = "SELECT min(position) FROM cursors WHERE topic = ?"


class _Aging(NamedTuple):
    number: int
    retention_ms: int
    followed: int


def retain(file: LogFile, now_ms: int, keep_alive: Callable[[], None]) -> int:
    """Delete what is past its retention, never what a stage has yet to read; returns how many records.

    `keep_alive` is called between slices.
    """
    deleted = 0
    for topic in map(_Aging._make, file.read(_TOPICS)):
        while count := _delete_slice(file, topic, now_ms - topic.retention_ms):
            deleted += count
            keep_alive()
    return deleted


def _delete_slice(file: LogFile, topic: _Aging, before_ms: int) -> int:
    """Delete some of the topic's oldest records; append times grow, so the first young one ends the search."""
    start = topic.number << SHIFT
    with file.write() as connection:
        end = start + _bound(connection, topic)
        old = [number for number, ms in rows(connection, _OLDEST, (start, end, SLICE_RECORDS)) if ms < before_ms]
        if old:
            connection.execute("DELETE FROM records WHERE id >= ? AND id <= ?", (old[0], old[-1]))
            connection.execute(_KEPT_FROM, (old[-1] - start + 1, topic.number))
            rows(connection, f"PRAGMA incremental_vacuum({_VACUUM_PAGES})")
    return len(old)


def _bound(connection: apsw.Connection, topic: _Aging) -> int:
    """The offset that deleting must not pass: the slowest cursor, or the end where nobody follows the topic."""
    slowest = row(connection, _SLOWEST, (topic.number,))
    if slowest is not None and slowest[0] is not None:
        return int(slowest[0])
    return 0 if topic.followed else 1 << SHIFT
