"""The log's file: a connection that writes, one that reads, and the lock of all who write.

Commits are durable when they return (WAL, synchronous=FULL). Nobody but the holder of the lock writes or checkpoints.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

import apsw

from bus.log.faults import LogClosedError, LogError
from bus.log.sqlite.founding import BUSY_MS, connect, found
from bus.log.sqlite.lock import FileLock
from bus.log.sqlite.place import check_place
from bus.log.sqlite.trouble import faults

_log = logging.getLogger(__name__)

# Write-ahead pages (4 KiB) before the committer moves them into the file: few, so that its stall is short.
CHECKPOINT_PAGES: Final = 256
# Here, where readers always overlap, wait for them to pass, so that the write-ahead log can begin anew.
RESTART_PAGES: Final = 32_768
# A reader that does not pass (a foreign backup) costs a committer this much for each CHECKPOINT_PAGES, no more.
_RESTART_WAIT_MS: Final = 100

Row: TypeAlias = tuple[Any, ...]


def rows(connection: apsw.Connection, statement: str, bindings: tuple[Any, ...] = ()) -> list[Row]:
    """All rows of a query within a transaction; what their columns hold is the schema's matter."""
    return cast("list[Row]", connection.execute(statement, bindings).fetchall())


def row(connection: apsw.Connection, statement: str, bindings: tuple[Any, ...] = ()) -> Row | None:
    """The first row of a query within a transaction, if there is one."""
    return next(iter(rows(connection, statement, bindings)), None)


class LogFile:
    """One process's hold on the file. Threads may share it: writes go one at a time, reads beside them."""

    def __init__(self, path: Path, vfs: str | None = None) -> None:
        """Open the file, or make it; `vfs` names another file layer of SQLite."""
        self.path = path
        self._troubles: dict[str, str] = {}
        self._pages = self._checkpointed = 0
        self._writing = threading.Lock()
        self._reading = threading.Lock()
        self._freezing = threading.RLock()
        self._closed = False
        with faults(path):
            check_place(path)
            self._lock = FileLock(path.with_name(f".{path.name}.lock"))
            try:
                with self._lock:
                    if not path.exists():
                        found(path)
                    self._writer = connect(path, vfs)
                    self._reader = connect(path, vfs)
            except BaseException:
                self._lock.close()
                raise
        self._writer.set_wal_hook(self._count_pages)

    @contextmanager
    def write(self) -> Iterator[apsw.Connection]:
        """A write transaction: durable when this ends, and nothing of it there when it raises."""
        with self._writing, self._open(), self._lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            finally:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
            if self._pages - self._checkpointed >= CHECKPOINT_PAGES:
                self._checkpoint()

    def read(self, statement: str, bindings: tuple[Any, ...] = ()) -> list[Row]:
        """All rows of a short query; nothing stays open behind it."""
        with self._reading, self._open():
            return rows(self._reader, statement, bindings)

    def scan(self, statement: str, bindings: tuple[Any, ...], value: int, budget_bytes: int) -> list[Row]:
        """Rows until those of column `value` weigh `budget_bytes` together; at least one where there is one."""
        found: list[Row] = []
        with self._reading, self._open():
            cursor = self._reader.execute(statement, bindings)
            for one in cursor:
                found.append(one)
                budget_bytes -= len(cast("bytes", one[value]))
                if budget_bytes <= 0:
                    break
            cursor.close(force=True)
        return found

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """All that is read meanwhile is of one moment. For short looks: the write-ahead log can't begin anew.

        Threads that freeze take turns; what others only read meanwhile is of that moment too.
        """
        with self._freezing:
            self.read("BEGIN")
            try:
                self.read("SELECT count(*) FROM topics")  # a transaction begins with its first read
                yield
            finally:
                self.read("ROLLBACK")

    @contextmanager
    def upkeep(self, what: str) -> Iterator[None]:
        """Work that nothing acknowledged hangs on: a fault of the file is said and kept in `trouble`, not raised."""
        try:
            yield
        except LogError as fault:
            self._troubles[what] = str(fault)
            _log.warning("%(what)s failed, tried again later: %(fault)s", {"what": what, "fault": str(fault)})
        else:
            self._troubles.pop(what, None)

    @property
    def trouble(self) -> str | None:
        """Upkeep that failed last time, if any."""
        return "; ".join(f"{what}: {fault}" for what, fault in dict(self._troubles).items()) or None

    def version(self) -> int:
        """A number that changes whenever anybody commits."""
        return int(self.read("PRAGMA data_version")[0][0])

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def size_bytes(self) -> int:
        """What the file and its write-ahead log take on the disk."""
        ahead = self.path.with_name(self.path.name + "-wal")
        return sum(path.stat().st_size for path in (self.path, ahead) if path.exists())

    def close(self) -> None:
        """Let go of the file; the last to do so moves the write-ahead log into it."""
        with self._writing, self._reading:
            if self._closed:
                return
            self._closed = True
            try:
                with faults(self.path), self._lock:
                    self._reader.close()
                    self._writer.close()
            finally:
                self._lock.close()

    @contextmanager
    def _open(self) -> Iterator[None]:
        if self._closed:
            raise LogClosedError(f"{self.path} was closed", "Open the log again.")
        with faults(self.path):
            yield

    def _count_pages(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._pages = pages
        if pages < self._checkpointed:  # begun anew
            self._checkpointed = 0
        return apsw.SQLITE_OK

    def _checkpoint(self) -> None:
        """Move write-ahead pages into the file.

        The commit before it is durable whatever happens here, so a fault is said and tried again, not raised.
        """
        mode = apsw.SQLITE_CHECKPOINT_PASSIVE
        if self._pages >= RESTART_PAGES:
            mode = apsw.SQLITE_CHECKPOINT_RESTART
            self._writer.set_busy_timeout(_RESTART_WAIT_MS)
        try:
            with self.upkeep("checkpoint"):
                self._checkpointed = self._pages  # where it fails, it is tried again after as many pages more
                with faults(self.path):
                    _, self._checkpointed = self._writer.wal_checkpoint(mode=mode)
        finally:
            self._writer.set_busy_timeout(BUSY_MS)
