"""A small SQLite database of the home, durable at each commit, whose faults have a remedy.

Through apsw, which brings its own SQLite: the interpreter's is often one with the WAL-reset bug (3.7.0 to 3.51.2).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast

import apsw

from bus.home.faults import RESTORE, HomeNewerError, database, storage
from bus.home.files import PRIVATE

BUSY_TIMEOUT_MS: Final = 5000


class Database:
    """One connection: `with db.transaction(): db.execute(…)`."""

    def __init__(
        self,
        path: Path | None,
        schema: str,
        version: int,
        steps: Mapping[int, str] = MappingProxyType({}),
        *,
        mend: str = RESTORE,
    ) -> None:
        """Open or make the database; `version` is its `user_version`, and a newer one is not touched.

        An older one is brought to it: `steps` leads from each version to the next. Without a path it is in memory.
        `mend`: what to do about a damaged one.
        """
        self.path = path or Path(":memory:")
        self._mend = mend
        if path is not None:
            with storage(path):
                path.touch(PRIVATE, exist_ok=True)
        with database(self.path, mend):
            self._connection = apsw.Connection(str(self.path))
        try:
            self._prepare(schema, version, steps)
        except BaseException:
            self.close()
            raise

    def execute(self, statement: str, bindings: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Run one statement, in a transaction of its own where the caller has none; returns all rows."""
        with database(self.path, self._mend):
            return cast("list[tuple[Any, ...]]", self._connection.execute(statement, bindings).fetchall())

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and on the disk when this ends."""
        with database(self.path, self._mend):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _prepare(self, schema: str, version: int, steps: Mapping[int, str]) -> None:
        with database(self.path, self._mend):
            self._connection.set_busy_timeout(BUSY_TIMEOUT_MS)
            if self._version() not in (0, *steps, version):
                raise HomeNewerError(
                    f"{self.path} was made by another version of Tocsin", "Update Tocsin to the newest version."
                )
            self._connection.pragma("journal_mode", "wal")
            self._connection.pragma("synchronous", "full")
        if self._version() != version:
            with self.transaction():
                found = self._version()  # another process may have done it meanwhile
                wanted = (schema,) if found == 0 else tuple(steps[number] for number in range(found, version))
                for statement in wanted:
                    self._connection.execute(statement)
                if wanted:
                    self._connection.pragma("user_version", version)

    def _version(self) -> int:
        return int(self.execute("PRAGMA user_version")[0][0])
