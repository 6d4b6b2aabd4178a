"""Who owns which name: a lease in the file, and a life lock beside it which shows that the owner's process lives.

A dead owner's name is free at once, a live one's when its lease has run out (it hangs): then every later commit of it
is fenced by the epoch, which each taking raises.
"""

import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import apsw

from bus.log.faults import Fenced, Owned
from bus.log.sqlite.file import LogFile, row
from bus.log.sqlite.lock import LifeLock, is_alive

# A lease is renewed when a third of it is over, so that one late renewal does not lose it.
_RENEW_AFTER: Final = 1 / 3


class Owners:
    """The names that this process owns. All that writes is called within a write transaction."""

    def __init__(self, file: LogFile, clock_ms: Callable[[], int], lease_s: float) -> None:
        """Own nothing yet."""
        self._file = file
        self._clock_ms = clock_ms
        self._lease_s = lease_s
        self._token = secrets.token_hex(8)
        self._life: LifeLock | None = None
        self._renew_at = 0.0

    def take(self, connection: apsw.Connection, name: str) -> tuple[int, str | None]:
        """Become the owner; returns the epoch and the note that the last one left."""
        now = self._clock_ms()
        last = row(connection, "SELECT epoch, token, holder, expires_ms, note FROM owners WHERE name = ?", (name,))
        epoch, token, holder, expires, note = last or (0, None, "", 0, None)
        if token is not None and now < expires and self.is_alive(token):
            raise Owned(name, holder)
        self._show_life()
        connection.execute(
            "INSERT OR REPLACE INTO owners VALUES (?, ?, ?, ?, ?, ?)",
            (name, epoch + 1, self._token, f"process {os.getpid()}", now + self._lease_ms, note),
        )
        return epoch + 1, note

    def check(self, connection: apsw.Connection, name: str, epoch: int) -> None:
        """Raise `Fenced` unless this process owns the name, by this taking."""
        if row(connection, "SELECT epoch, token FROM owners WHERE name = ?", (name,)) != (epoch, self._token):
            raise Fenced(name)
        if time.monotonic() >= self._renew_at:
            self._renew(connection)

    def release(self, connection: apsw.Connection, name: str, epoch: int) -> None:
        """Give the name up, if it is still owned by this taking."""
        connection.execute(
            "UPDATE owners SET token = NULL, holder = NULL WHERE name = ? AND epoch = ? AND token = ?",
            (name, epoch, self._token),
        )

    def keep_alive(self) -> None:
        """Renew all leases of this process when it is time: called whenever it uses the log in any way.

        Where the disk is full or fails, reading goes on all the same; another may take the names when the leases end.
        """
        if self._life is not None and time.monotonic() >= self._renew_at:
            with self._file.upkeep("lease"), self._file.write() as connection:
                self._renew(connection)

    def is_alive(self, token: str) -> bool:
        """Whether the process of this token lives."""
        return is_alive(self._path(token))

    def close(self) -> None:
        """Give up all names."""
        if self._life is not None:
            with self._file.write() as connection:
                connection.execute("UPDATE owners SET token = NULL, holder = NULL WHERE token = ?", (self._token,))

    def die(self) -> None:
        """Show life no more."""
        if self._life is not None:
            self._life.close()
            self._life = None

    @property
    def _lease_ms(self) -> int:
        return int(self._lease_s * 1000)

    def _show_life(self) -> None:
        if self._life is None:
            for path in self._file.path.parent.glob(self._path("*").name):
                if not is_alive(path):
                    path.unlink(missing_ok=True)  # of a process that was killed
            self._life = LifeLock(self._path(self._token))
            self._renew_at = time.monotonic() + self._lease_s * _RENEW_AFTER

    def _renew(self, connection: apsw.Connection) -> None:
        self._renew_at = time.monotonic() + self._lease_s * _RENEW_AFTER
        connection.execute(
            "UPDATE owners SET expires_ms = ? WHERE token = ?", (self._clock_ms() + self._lease_ms, self._token)
        )

    def _path(self, token: str) -> Path:
        return self._file.path.with_name(f".{self._file.path.name}.owner-{token}")
