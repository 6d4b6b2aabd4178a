"""A file layer for SQLite that fails when it is told to, at the writes and syncs that it is told."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw


class FaultyDisk(apsw.VFS):
    """Passes everything on to the system, but for what is to fail."""

    def __init__(self, name: str, *, default: bool = False) -> None:
        """`default`: of every connection that names no file layer."""
        self.fault: Exception | None = None
        self.fault_on = "write"
        self.spares: Callable[[str], bool] = lambda _: False
        """By a file's name: those that never fail."""
        self.failed = 0
        super().__init__(name, "unix", default)

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        return _File(self, name, flags)

    def done(self, what: str, file: str, place: int = 0, data: bytes = b"") -> None:
        """Before an operation: fail it, if it is to."""
        del place, data
        if self.fault is not None and what == self.fault_on and not self.spares(file):
            self.failed += 1
            raise self.fault


class _File(apsw.VFSFile):
    def __init__(self, disk: FaultyDisk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._name = Path(name.filename() if isinstance(name, apsw.URIFilename) else name or "temporary").name
        super().__init__("unix", name, flags)

    def xWrite(self, data: Any, offset: int) -> None:
        self._disk.done("write", self._name, offset, bytes(data))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        self._disk.done("truncate", self._name, newsize)
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        self._disk.done("sync", self._name)
        super().xSync(flags)
