"""The room that is left for a home, in bytes."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bus.home.faults import storage

FULL_BYTES: Final = 256 << 20
"""Below this it counts as full: the write-ahead log alone may take 128 MiB before it begins anew."""
LOW_BYTES: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Disk:
    """The file system that holds the home."""

    free_bytes: int
    total_bytes: int

    @property
    def is_full(self) -> bool:
        """Whether so little is left that the bus may stop any moment."""
        return self.free_bytes < FULL_BYTES


def disk_of(path: Path) -> Disk:
    """What is free for whoever runs this process."""
    with storage(path):
        usage = shutil.disk_usage(path)
    return Disk(usage.free, usage.total)
