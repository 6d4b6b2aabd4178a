"""What can be wrong with the file by itself, whatever its records say: each finding in words, with its place.

1 SQLite's own check of pages and trees 2 every record belongs to a topic 3 each topic has all the offsets that it has
given, but for those that retention or compaction removed 4 append times never go back 5 no cursor lies beyond its end.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from bus.log.sqlite.file import LogFile
from bus.log.sqlite.tables import OFFSETS, SHIFT

_MOST_FINDINGS: Final = 100
_TOPICS: Final = "SELECT number, name, compacted, next, last_ms, clean FROM topics ORDER BY number"
_COUNT: Final = "SELECT count(*), min(id), max(id) FROM records WHERE id >= ? AND id <= ?"
_HOLE: Final = (
    "SELECT id FROM (SELECT id, lead(id) OVER (ORDER BY id) AS following FROM records WHERE id >= ? AND id <= ?)"
    " WHERE following > id + 1 LIMIT 1"
)
_BACK: Final = (
    "SELECT id FROM (SELECT id, ms, lag(ms) OVER (ORDER BY id) AS before FROM records WHERE id >= ? AND id <= ?)"
    " WHERE ms < before LIMIT 1"
)
_LATEST: Final = "SELECT ms FROM records WHERE id = ?"
_CURSORS: Final = (
    "SELECT owner, name, position, next FROM cursors LEFT JOIN topics ON topic = number"
    " WHERE next IS NULL OR position > next OR position < 0"
)


class _Kept(NamedTuple):
    """A topic's row."""

    number: int
    name: str
    compacted: int
    next: int
    last_ms: int
    clean: int


def check(file: LogFile, *, quick: bool) -> Iterator[str]:
    """Each finding; the quick check leaves out what reads every record once more (indexes, append times)."""
    # 1 pages and trees
    asked = f"PRAGMA {'quick_check' if quick else 'integrity_check'}({_MOST_FINDINGS})"
    said = [str(line) for (line,) in file.read(asked)]
    if said != ["ok"]:
        yield from (f"{file.path.name}: {' '.join(line.split())}" for line in said)
    with file.frozen():  # others write meanwhile
        yield from _rows(file, quick=quick)


def _rows(file: LogFile, *, quick: bool) -> Iterator[str]:
    """Parts 2 to 5."""
    topics = [_Kept(*one) for one in file.read(_TOPICS)]
    # 2 records of no topic
    numbers = {topic.number for topic in topics}
    for number in _numbers(file):
        if number not in numbers:
            yield f"{file.path.name}: records of topic number {number}, which the file does not name"
    for topic in topics:
        # 3 offsets
        yield from _offsets(file, topic)
        # 4 append times
        if not quick:
            yield from _times(file, topic)
    # 5 cursors
    for owner, name, position, _ in file.read(_CURSORS):
        yield f"cursor of {owner}: offset {position} of {name or 'a topic that is gone'} lies beyond its end"


def _numbers(file: LogFile) -> Iterator[int]:
    """The topic numbers that records bear, by one step in the tree for each."""
    at = 0
    while (found := file.read("SELECT min(id) FROM records WHERE id >= ?", (at,))[0][0]) is not None:
        yield found >> SHIFT
        at = ((found >> SHIFT) + 1) << SHIFT


def _offsets(file: LogFile, topic: _Kept) -> Iterator[str]:
    base = topic.number << SHIFT
    number, first, last = file.read(_COUNT, (base, base | OFFSETS))[0]
    if number and last & OFFSETS >= topic.next:
        yield f"{topic.name} at offset {last & OFFSETS}: beyond the topic's end, {topic.next}"
    if topic.compacted or number == topic.next - topic.clean:
        return
    if not number or first & OFFSETS > topic.clean:
        yield f"{topic.name} at offset {topic.clean}: the record is missing"
        return
    if first & OFFSETS < topic.clean:
        yield f"{topic.name} at offset {first & OFFSETS}: a record that retention removed"
    hole = file.read(_HOLE, (base, base | OFFSETS))
    missing = (hole[0][0] if hole else last) + 1
    if missing & OFFSETS < topic.next:
        yield f"{topic.name} at offset {missing & OFFSETS}: the record is missing"


def _times(file: LogFile, topic: _Kept) -> Iterator[str]:
    base = topic.number << SHIFT
    for (at,) in file.read(_BACK, (base, base | OFFSETS)):
        yield f"{topic.name} at offset {at & OFFSETS}: appended before the record in front of it"
    newest = file.read(_LATEST, (base + topic.next - 1,)) if topic.next else []
    if newest and newest[0][0] != topic.last_ms:
        yield f"{topic.name}: its newest record was not appended when the topic says"
