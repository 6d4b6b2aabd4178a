"""A small SQLite database of the home, durable at each commit, whose faults have a remedy.

Through apsw, which brings its own SQLite: the interpreter's is often one with the WAL-reset bug (3.7.0 to 3.51.2).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw

from bus.home.faults import HomeError, HomeNewerError, damaged, disk_full, read_only, storage
from bus.home.files import PRIVATE

BUSY_TIMEOUT_MS: Final = 5000


class Database:
    """One connection: `with db.transaction(): db.connection.execute(…)`."""

    def __init__(self, path: Path, schema: str, version: int) -> None:
        """Open or make the database; `version` is its `user_version`, and a newer one is not touched."""
        self.path = path
        with storage(path):
            path.touch(PRIVATE, exist_ok=True)
        with self._faults():
            self.connection = apsw.Connection(str(path))
            self.connection.set_busy_timeout(BUSY_TIMEOUT_MS)
            found = self.connection.pragma("user_version")
            if found not in (0, version):
                raise HomeNewerError(
                    f"{path} was made by another version of Tocsin", "Update Tocsin to the newest version."
                )
            self.connection.pragma("journal_mode", "wal")
            self.connection.pragma("synchronous", "full")
        if found == 0:
            with self.transaction():
                self.connection.execute(schema)
                self.connection.pragma("user_version", version)

    @contextmanager
    def transaction(self) -> Iterator[apsw.Connection]:
        """All or nothing, and on the disk when this ends."""
        with self._faults():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            finally:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")

    def close(self) -> None:
        """Let go of the file."""
        self.connection.close()

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except apsw.FullError as fault:
            raise disk_full(self.path) from fault
        except (apsw.ReadOnlyError, apsw.CantOpenError, apsw.PermissionsError) as fault:
            raise read_only(self.path) from fault
        except (apsw.CorruptError, apsw.NotADBError) as fault:
            raise damaged(self.path, "a sound SQLite database") from fault
        except (apsw.BusyError, apsw.LockedError) as fault:
            raise HomeError(
                f"another process is using {self.path}",
                "Wait until it is done, then run the command again.",
                retriable=True,
            ) from fault
        except apsw.IOError as fault:
            raise HomeError(
                f"the disk failed at {self.path}",
                "Check the disk and the system's log, then try again.",
                retriable=True,
            ) from fault
