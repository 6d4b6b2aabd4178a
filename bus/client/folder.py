"""A folder into which files come: each is taken once, when whoever writes it has finished."""

import hashlib
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from bus.errors import UsageError

SETTLED_S: Final = 2.0
"""A file that has not changed for so long, and between two looks, is finished.

Of one that bears a time ahead of the clock, as other machines' clocks and zones make it, the two looks must do.
"""
_UNFINISHED: Final = (".tmp", ".part", ".partial", ".crdownload", ".filepart", ".swp", "~")

_log = logging.getLogger(__name__)


class Found(NamedTuple):
    """A finished file."""

    path: Path
    data: bytes

    def digest(self, terms: bytes) -> bytes:
        """What it is done with under: its content, and the terms under which it is published."""
        return hashlib.sha256(hashlib.sha256(terms).digest() + self.data).digest()


class _Seen(NamedTuple):
    size: int
    changed_ns: int


class Folder:
    """Looks again and again. Hidden files, links, subfolders, and what is named as unfinished are left alone.

    A file that can't be read is told of once in the log, tried at each look, and keeps no other back.
    """

    def __init__(self, path: Path, most_bytes: int) -> None:
        """Look into this folder; of a file above `most_bytes` one byte more is read, which its adapter refuses."""
        self._path = path
        self._most_bytes = most_bytes
        self._before: dict[str, _Seen] = {}
        self._taken: dict[str, _Seen] = {}
        self._unreadable: set[str] = set()

    def check(self) -> None:
        """Raise `UsageError` where there is no such folder, or this user may not read it."""
        self._look()

    def finished(self, now_ns: int) -> Iterator[Found]:
        """The files that are finished by now, oldest first, one at a time: it is taken when the next is asked for."""
        seen = self._look()
        ready = [
            name
            for name, one in seen.items()
            if self._before.get(name) == one
            and self._taken.get(name) != one
            and abs(now_ns - one.changed_ns) >= SETTLED_S * 1e9
        ]
        self._before = seen
        self._taken = {name: one for name, one in self._taken.items() if name in seen}
        self._unreadable.intersection_update(seen)
        for name in sorted(ready, key=lambda name: (seen[name].changed_ns, name)):
            data = self._read(name, seen[name])
            if data is not None:
                yield Found(self._path / name, data)
                self._taken[name] = seen[name]

    def _look(self) -> dict[str, _Seen]:
        try:
            entries = list(os.scandir(self._path))
        except OSError as fault:
            raise UsageError(
                f"the folder {self._path} can't be read: {fault.strerror}", "Name a folder that this user may read."
            ) from fault
        seen = {}
        for entry in entries:
            if entry.name.startswith(".") or entry.name.lower().endswith(_UNFINISHED):
                continue
            try:
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # gone since
                continue
            if stat.S_ISREG(found.st_mode):
                seen[entry.name] = _Seen(found.st_size, found.st_mtime_ns)
        return seen

    def _read(self, name: str, seen: _Seen) -> bytes | None:
        """The file's bytes, if they are those that were looked at; else it is looked at again."""
        try:
            # It may have become a link or a pipe since it was looked at: neither is followed, or waited for.
            handle = os.open(self._path / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(handle, "rb") as file:
                is_file = stat.S_ISREG(os.fstat(handle).st_mode)
                data = file.read(self._most_bytes + 1) if is_file else None
                found = os.fstat(handle)
        except FileNotFoundError:
            return None
        except OSError as fault:
            if name not in self._unreadable:
                self._unreadable.add(name)
                _log.warning("%(file)s can't be read: %(why)s", {"file": name, "why": fault.strerror})
            return None
        self._unreadable.discard(name)
        return data if _Seen(found.st_size, found.st_mtime_ns) == seen else None
