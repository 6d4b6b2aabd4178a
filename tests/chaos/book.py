"""A book of lines: what is written stands there whatever happens to the process; a line that a kill tore is none."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self


class Book:
    """One process writes it, life after life; anybody may read it."""

    def __init__(self, path: Path) -> None:
        """Open it for writing, behind the last whole line."""
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        whole = _whole(self._file)
        os.ftruncate(self._file, whole)
        os.lseek(self._file, whole, os.SEEK_SET)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def write(self, lines: Iterable[str]) -> None:
        """Write these lines; no kill takes them back when it returns."""
        data = memoryview("".join(f"{line}\n" for line in lines).encode())
        while data:
            data = data[os.write(self._file, data) :]


def read_book(path: Path) -> Iterator[str]:
    """The whole lines of a book, one at a time; none where there is no book."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield line[:-1]


def _whole(file: int) -> int:
    """Where the last whole line ends."""
    at = os.lseek(file, 0, os.SEEK_END)
    while at > 0:
        start = max(0, at - 4096)
        newline = os.pread(file, at - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        at = start
    return 0
