"""Databases as they were at one moment, while others go on writing to them.

Several are of one moment together: each is held, so that nobody commits to it, until all are pinned; then the writers
go on, and what is pinned is copied in peace. Nothing here writes to a database or checkpoints it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import apsw

from bus.home.database import BUSY_TIMEOUT_MS
from bus.home.faults import damaged, database
from bus.home.files import new_file, sync_file

_PAGES: Final = 1_024
"""Copied at a time: 4 MiB, between two looks at the clock."""

Copied = Callable[[int, int], None]
"""Told how many pages are copied, and how many there are."""


class Snapshot:
    """One database, pinned."""

    def __init__(self, path: Path) -> None:
        """Pin what is committed now."""
        self.path = path
        self._connection = _connected(path)
        try:
            with database(path):
                self._connection.execute("BEGIN")
                # A transaction begins with its first read.
                self._connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        except BaseException:
            self.close()
            raise

    def copy(self, target: Path, copied: Copied) -> None:
        """Copy it to a new private file, durable when this returns; its content is checked page by page."""
        new_file(target)
        with database(target):
            to = apsw.Connection(str(target), flags=apsw.SQLITE_OPEN_READWRITE)
            try:
                with to.backup("main", self._connection, "main") as copying:
                    while not copying.done:
                        copying.step(_PAGES)
                        copied(copying.page_count - copying.remaining, copying.page_count)
            finally:
                to.close()
        sync_file(target)

    def close(self) -> None:
        """Let go."""
        self._connection.close()


@contextmanager
def pinned(together: Sequence[Path], beside: Sequence[Path] = ()) -> Iterator[list[Snapshot]]:
    """Snapshots of all these databases, of one moment: when nobody could commit to any of those in `together`.

    Those `beside` are pinned meanwhile, one after the other, without stopping their writers.
    """
    with ExitStack() as pins:
        with ExitStack() as holds:
            for path in together:
                holds.enter_context(_held(path))
            snapshots = []
            for path in (*together, *beside):
                snapshot = Snapshot(path)
                pins.callback(snapshot.close)
                snapshots.append(snapshot)
        yield snapshots


def check_database(path: Path) -> None:
    """Raise where a database of the home is damaged; for a whole copy that nobody else has open, and left as it is."""
    with database(path):
        # Immutable: neither a write-ahead log nor its index comes to lie beside it.
        where = f"{path.absolute().as_uri()}?immutable=1"
        connection = apsw.Connection(where, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    try:
        with database(path):
            said = connection.execute("PRAGMA integrity_check(1)").fetchall()
    finally:
        connection.close()
    if said != [("ok",)]:
        raise damaged(path, "a sound SQLite database")


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Let nobody commit meanwhile."""
    connection = _connected(path)
    try:
        with database(path):
            connection.execute("BEGIN IMMEDIATE")
        yield
    finally:
        connection.close()


def _connected(path: Path) -> apsw.Connection:
    with database(path):
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        # Whoever is the last to close would move the write-ahead log into the file, past the lock of the log's writers.
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    return connection
