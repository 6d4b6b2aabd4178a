# ruff: noqa: N802 - the names are SQLite's
"""A disk that remembers what SQLite does to it, and what is left of that after a power cut at any moment.

The recording (`RecordingDisk`, a file layer of SQLite) keeps every creation, write, truncation, sync and deletion in
order. `Platter` plays it again up to some operation and gives the files as a power cut there may leave them. What was
synced is there. What was not may be gone, may be there, or some of it in any order, writes torn at sectors. A name is
durable only when its folder was synced: until then a new file may be gone, or a deleted one be back with all that it
held. (Trap: who forgets deletions meets an old journal beside a newer file, and sees losses that are none.)
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import apsw

SECTOR_BYTES: Final = 512
_TORN: Final = 0.3
_SYSTEM: Final = "unix"
_BESIDE: Final = ("-wal", "-journal")
"""SQLite's unix layer syncs the folder with the first sync of a journal that it made (os_unix.c, UNIXFILE_DIRSYNC)."""


class Fate(StrEnum):
    """What becomes of what was not synced."""

    DROPPED = "dropped"
    KEPT = "kept"
    TORN = "torn"


@dataclass(frozen=True, slots=True)
class Operation:
    """One call that changes a file or its name, or makes changes durable. `file` is a number: names are given anew."""

    what: str
    name: str
    file: int
    place: int = 0
    data: bytes = b""


class RecordingDisk(apsw.VFS):
    """Passes everything on to the system, and keeps the operations on files below a folder in order."""

    def __init__(self, name: str, folder: Path, *, default: bool = False) -> None:
        """`default`: of every connection that names no file layer."""
        self.operations: list[Operation] = []
        self.folder = folder
        self._files: dict[str, int] = {}
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self._files[self.named(path)] = len(self._files)
        self.before = {name: (folder / name).read_bytes() for name in self._files}
        self._made = len(self._files)
        self._new: set[str] = set()
        """Journals whose first sync is to come."""
        super().__init__(name, _SYSTEM, default)

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        return RecordedFile(self, None if path is None else self.named(Path(path)), name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        name = self.named(Path(filename))
        if name in self._files:
            self.done("delete", name)
        super().xDelete(filename, syncdir)
        if name in self._files:
            del self._files[name]
            if syncdir:
                self.done("syncdir", name)

    def named(self, path: Path) -> str:
        """A file's name below the folder."""
        return path.resolve().relative_to(self.folder.resolve()).as_posix()

    def opened(self, name: str) -> None:
        """A file that was not there before is new: its name is not durable yet."""
        if name not in self._files:
            self._files[name] = self._made
            self._made += 1
            self.done("create", name)
            if name.endswith(_BESIDE):
                self._new.add(name)

    def synced(self, name: str) -> None:
        """What was written to the file is durable; with a new journal, so are the names beside it."""
        self.done("sync", name)
        if name in self._new:
            self._new.remove(name)
            self.done("syncdir", name)

    def done(self, what: str, name: str, place: int = 0, data: bytes = b"") -> None:
        """Remember an operation."""
        self.operations.append(Operation(what, name, self._files.get(name, -1), place, data))


class RecordedFile(apsw.VFSFile):
    """One open file; a nameless one is temporary, and of no interest."""

    def __init__(self, disk: RecordingDisk, named: str | None, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._name = named
        super().__init__(_SYSTEM, name, flags)
        if named is not None:
            disk.opened(named)

    def xWrite(self, data: Any, offset: int) -> None:
        if self._name is not None:
            self._disk.done("write", self._name, offset, bytes(data))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        if self._name is not None:
            self._disk.done("truncate", self._name, newsize)
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        if self._name is not None:
            self._disk.synced(self._name)


@dataclass
class Platter:
    """What the disk holds: `durable` by file, the names that are, and what waits for a sync."""

    durable: dict[int, bytearray] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    pending: list[Operation] = field(default_factory=list)
    renamed: list[Operation] = field(default_factory=list)
    """Names that were given or taken since their folder was synced."""

    @classmethod
    def of(cls, files: dict[str, bytes]) -> "Platter":
        """A disk on which these files are durable, numbered as the recording numbers them."""
        return cls(
            {number: bytearray(data) for number, data in enumerate(files.values())},
            {name: number for number, name in enumerate(files)},
        )

    def play(self, one: Operation) -> None:
        """One operation of the recording."""
        if one.what == "sync":
            for write in self.pending:
                if write.file == one.file:
                    _apply(self.durable, write)
            self.pending = [write for write in self.pending if write.file != one.file]
        elif one.what == "syncdir":
            folder = _folder(one.name)
            for change in self.renamed:
                if _folder(change.name) == folder:
                    _rename(self.names, change)
            self.renamed = [change for change in self.renamed if _folder(change.name) != folder]
        elif one.what in {"create", "delete"}:
            self.renamed.append(one)
        else:
            self.pending.append(one)

    def after_cut(self, fate: Fate, chance: random.Random) -> dict[str, bytes]:
        """The files, by name, as a power cut now may leave them."""
        names = dict(self.names)
        kept = {Fate.DROPPED: 0, Fate.KEPT: len(self.renamed)}.get(fate, chance.randint(0, len(self.renamed)))
        for change in self.renamed[:kept]:
            _rename(names, change)
        files = {number: bytearray(self.durable.get(number, b"")) for number in names.values()}
        for write in _surviving(self.pending, fate, chance):
            if write.file in files:
                _apply(files, write)
        return {name: bytes(files[number]) for name, number in names.items()}


def _surviving(pending: Sequence[Operation], fate: Fate, chance: random.Random) -> list[Operation]:
    if fate is Fate.DROPPED:
        return []
    if fate is Fate.KEPT:
        return list(pending)
    survivors = []
    for one in pending:
        if chance.random() < 0.5:
            continue
        if one.what == "write" and chance.random() < _TORN:
            sectors = len(one.data) // SECTOR_BYTES
            one = Operation(  # noqa: PLW2901 - what is left of it
                "write", one.name, one.file, one.place, one.data[: chance.randint(0, sectors) * SECTOR_BYTES]
            )
        survivors.append(one)
    return survivors


def _apply(files: dict[int, bytearray], one: Operation) -> None:
    held = files.setdefault(one.file, bytearray())
    if one.what == "truncate":
        del held[one.place :]
        return
    held.extend(bytes(max(0, one.place - len(held))))
    held[one.place : one.place + len(one.data)] = one.data


def _rename(names: dict[str, int], change: Operation) -> None:
    if change.what == "delete":
        names.pop(change.name, None)
    else:
        names[change.name] = change.file


def _folder(name: str) -> str:
    return name.rpartition("/")[0]
