"""Locks of the operating system beside the log's file, which end with the process that holds them."""

import fcntl
import os
from pathlib import Path
from typing import Final

_PRIVATE: Final = 0o600


class FileLock:
    """An exclusive `flock`, held around every write transaction, checkpoint and close.

    SQLite's own lock polls, so that a busy writer can starve another (worst commit 1.6 s; with this 60 ms), and the
    WAL-reset bug of older libraries needs two connections that write or checkpoint at once.
    """

    def __init__(self, path: Path) -> None:
        """Open or make the lock's file."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE)

    def __enter__(self) -> None:
        """Wait for the lock."""
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        """Let go."""
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the lock's file."""
        os.close(self._file)


class LifeLock:
    """Shows that its process lives: a file of its own, locked until it is closed or the process is gone."""

    def __init__(self, path: Path) -> None:
        """Make and lock the file."""
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE)
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def close(self) -> None:
        """Remove the file and let go."""
        self._path.unlink(missing_ok=True)
        os.close(self._file)


def is_alive(path: Path) -> bool:
    """Whether a process holds this life lock. Asked under the `FileLock` only, else two who ask see each other."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(file)
