"""Numbers that the processes of a field share: one small file, mapped, which outlives whoever is killed."""

import mmap
import os
import struct
from enum import IntEnum, auto
from pathlib import Path
from types import TracebackType
from typing import Final, Self

MOST_AGENCIES: Final = 16
_NUMBER: Final = struct.Struct("<q")


class Shared(IntEnum):
    """What is shared. Each number is written by one process at a time."""

    AHEAD_MS = 0
    """How far the field's clock is ahead of the machine's."""
    GRANTED = auto()
    """How many blocks each publisher may publish, all told."""
    CLOSING = auto()
    """1: publishers end when they have published what is granted; 2: subscribers end when nothing is left to read."""
    INGEST_READY = auto()
    """When ingest last had restored all its shards' first, by the machine's monotonic clock, in ns."""
    CORRELATE_READY = auto()
    FAULTS = auto()
    """How many faults the trap has raised."""
    PLANTED = auto()
    """How often a planted bug has acted."""
    PUBLISHED = auto()
    """How many blocks the first publisher has published; the others' numbers follow."""


class Slate:
    """Eight bytes a number: none is ever seen half written."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it with zeros."""
        size = (len(Shared) + MOST_AGENCIES) * _NUMBER.size
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(file).st_size < size:
                os.ftruncate(file, size)
            self._map = mmap.mmap(file, size)
        finally:
            os.close(file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._map.close()

    def __getitem__(self, name: int) -> int:
        """The number as it stands."""
        return int(_NUMBER.unpack_from(self._map, name * _NUMBER.size)[0])

    def __setitem__(self, name: int, number: int) -> None:
        """Let everybody see another number."""
        _NUMBER.pack_into(self._map, name * _NUMBER.size, number)
