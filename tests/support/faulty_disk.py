"""A file layer for SQLite that remembers what was written and synced, and fails when it is told to."""

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

SECTOR = 512


@dataclass(frozen=True, slots=True)
class Operation:
    """One call that changes a file, or makes the changes before it durable (`sync`)."""

    what: str
    file: str
    place: int = 0
    data: bytes = b""


class FaultyDisk(apsw.VFS):
    """Passes everything on to the system, and keeps the operations in order."""

    def __init__(self, name: str) -> None:
        self.operations: list[Operation] = []
        self.fault: Exception | None = None
        self.fault_on = "write"
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        return _File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self.operations.append(Operation("delete", Path(filename).name))
        super().xDelete(filename, syncdir)

    def done(self, what: str, file: str, place: int = 0, data: bytes = b"") -> None:
        """Remember an operation, or fail it."""
        if self.fault is not None and what == self.fault_on:
            raise self.fault
        self.operations.append(Operation(what, file, place, data))


class _File(apsw.VFSFile):
    def __init__(self, disk: FaultyDisk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._name = Path(name.filename() if isinstance(name, apsw.URIFilename) else name or "temporary").name
        super().__init__("", name, flags)

    def xWrite(self, data: Any, offset: int) -> None:
        self._disk.done("write", self._name, offset, bytes(data))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        self._disk.done("truncate", self._name, newsize)
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        self._disk.done("sync", self._name)
        super().xSync(flags)


@dataclass
class Platter:
    """What a disk holds after a power cut: all that was synced, and of the rest what chance leaves, torn at sectors."""

    durable: dict[str, bytearray]
    pending: list[Operation] = field(default_factory=list)

    def play(self, operation: Operation) -> None:
        """One operation of the recording."""
        if operation.what == "sync":
            for one in [p for p in self.pending if p.file == operation.file]:
                _apply(self.durable, one)
            self.pending = [p for p in self.pending if p.file != operation.file]
        else:
            self.pending.append(operation)

    def after_cut(self, chance: random.Random, kept: float) -> dict[str, bytes]:
        """The files, where each pending write survives with this probability, whole or in part."""
        files = {name: bytearray(data) for name, data in self.durable.items()}
        for one in self.pending:
            if chance.random() >= kept:
                continue
            if one.what == "write" and chance.random() < 0.3:
                sectors = len(one.data) // SECTOR
                _apply(files, Operation("write", one.file, one.place, one.data[: chance.randint(0, sectors) * SECTOR]))
            else:
                _apply(files, one)
        return {name: bytes(data) for name, data in files.items()}


def _apply(files: dict[str, bytearray], one: Operation) -> None:
    if one.what == "delete":
        files.pop(one.file, None)
        return
    held = files.setdefault(one.file, bytearray())
    if one.what == "truncate":
        del held[one.place :]
        return
    held.extend(bytes(max(0, one.place - len(held))))
    held[one.place : one.place + len(one.data)] = one.data
