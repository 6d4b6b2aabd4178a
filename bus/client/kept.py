"""What a reader keeps: how far it has read and its picture, in one SQLite file, both or neither.

The file holds nothing that the bus could not give again. So a damaged one is made anew, with a word in the log; one of
another bus or reader is refused, since nobody can say which of the two is meant.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from bus.client.picture import TABLES, Picture
from bus.errors import TocsinError
from bus.home import Database, HomeDamagedError
from schemas.delivery import first_chain

_VERSION: Final = 1
_SCHEMA: Final = f"""{TABLES}
CREATE TABLE head(
    reader TEXT NOT NULL, pin BLOB NOT NULL, sequence INTEGER NOT NULL, chain BLOB NOT NULL, next INTEGER NOT NULL);
"""

_log = logging.getLogger(__name__)


DEFAULT: Final = "picture"
"""The name of the reader whose picture the commands show."""


class Head(NamedTuple):
    """How far a subscriber has read: the last delivery's number and chain, and the next offset of the outbox."""

    sequence: int
    chain: bytes
    offset: int = 0


class ForeignStateError(TocsinError):
    """The kept state is of another bus or another reader."""


class KeptDamagedError(TocsinError):
    """The kept state is damaged, as was found in the middle of the work."""


class Kept:
    """One reader's head and picture. Changes belong into a `transaction`, which another process may wait for."""

    def __init__(self, path: Path | None, reader: str, pin: bytes) -> None:
        """Open or make the file; without a path, keep it in memory."""
        self._path, self.reader, self._pin = path, reader, pin
        self._db = self._open()
        self.picture = Picture(self._db)

    @property
    def mend(self) -> str:
        """The command that gives this reader a fresh start."""
        name = "" if self._path is None else self._path.name.removeprefix("reader.").removesuffix(".db")
        return f"tocsin resync --as {self.reader}" + (f" --reader {name}" if name not in ("", DEFAULT) else "")

    def head(self) -> Head:
        """How far the picture goes."""
        found = self._db.execute("SELECT sequence, chain, next FROM head")
        if not found:
            return Head(0, first_chain(self.reader, self._pin))
        sequence, chain, following = found[0]
        return Head(sequence, bytes(chain), following)

    def move(self, head: Head) -> None:
        """Remember how far the picture goes."""
        self._db.execute("DELETE FROM head")
        self._db.execute("INSERT INTO head VALUES(?,?,?,?,?)", (self.reader, self._pin, *head))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and on the disk when this ends."""
        try:
            with self._db.transaction():
                yield
        except HomeDamagedError as fault:
            raise KeptDamagedError(
                f"{self._path} is damaged: expected what this reader kept",
                f"`{self.mend}` makes it anew; what it held, the bus gives again.",
            ) from fault

    @contextmanager
    def undoable(self) -> Iterator[None]:
        """Within a transaction: what is raised in here undoes what was done in here, and nothing else."""
        self._db.execute("SAVEPOINT one")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK TO one")
            raise
        finally:
            self._db.execute("RELEASE one")

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _open(self) -> Database:
        try:
            return self._checked()
        except HomeDamagedError:
            if self._path is None:
                raise
            said = "%(path)s was damaged and is made anew: what it held, the bus gives again"
            _log.warning(said, {"path": str(self._path)})
            forget(self._path)
            return self._checked()

    def _checked(self) -> Database:
        database = Database(self._path, _SCHEMA, _VERSION)
        try:
            kept = database.execute("SELECT reader, pin FROM head")
        except BaseException:
            database.close()
            raise
        if kept and (kept[0][0], bytes(kept[0][1])) != (self.reader, self._pin):
            database.close()
            raise ForeignStateError(
                f"{self._path} is kept by another reader, or by one of another bus",
                f"If it was copied here by mistake, delete it; then `{self.mend}`.",
            )
        return database


def fresh(path: Path, reader: str, pin: bytes) -> Kept:
    """What a reader keeps, for one that is to begin anew: what is another's there is forgotten."""
    try:
        return Kept(path, reader, pin)
    except ForeignStateError:
        forget(path)
        return Kept(path, reader, pin)


def forget(path: Path) -> None:
    """Delete what a reader kept."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)
