"""What an agency keeps on its own side, looked at and not touched: how far its readers are, what it has yet to send."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple

import apsw

from bus.home.faults import HomeError, damaged
from bus.home.layout import Home

_PREFIX: Final = "reader."


class ReaderHead(NamedTuple):
    """How far a kept reader has read: the last delivery's number, and the next offset of its outbox."""

    sequence: int
    next: int


def is_reader(path: Path) -> bool:
    """Whether a database of an agency is what one of its readers keeps."""
    return path.name.startswith(_PREFIX)


def reader_heads(home: Home, agency: str) -> dict[str, ReaderHead]:
    """The agency's readers that are kept in this home, by name; one that has read nothing yet is left out."""
    found = {}
    for path in sorted((home.agencies / agency).glob(f"{_PREFIX}*.db")):
        for sequence, following in _rows(path, "SELECT sequence, next FROM head"):
            found[path.stem.removeprefix(_PREFIX)] = ReaderHead(sequence, following)
    return found


def spooled(home: Home, agency: str) -> int:
    """How many signed records of the agency's publisher are not in the log yet."""
    path = home.agencies / agency / "publisher.db"
    return sum(count for (count,) in _rows(path, "SELECT count(*) FROM spool")) if path.exists() else 0


def _rows(path: Path, statement: str) -> Iterator[tuple[Any, ...]]:
    try:
        with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
            yield from connection.execute(statement).fetchall()
    except (apsw.CorruptError, apsw.NotADBError, apsw.SQLError) as fault:
        raise damaged(path, "a sound database of an agency") from fault
    except apsw.Error as fault:
        raise HomeError(
            f"{path} can't be read now: {type(fault).__name__}",
            "Ask again; if it stays so, look at the disk and the permissions.",
            retriable=True,
        ) from fault
