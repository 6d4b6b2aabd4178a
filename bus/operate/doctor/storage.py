"""Where the home lies: a local file system, with room left."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bus.log.sqlite.place import NETWORK, file_system
from bus.operate.disk import FULL_BYTES, LOW_BYTES, Disk
from bus.operate.doctor.finding import Finding, Level
from bus.operate.doctor.patient import Place

NAME: Final = "disk"
_MOUNTS: Final = Path("/proc/self/mountinfo")
_MIB: Final = 1 << 20


def check(place: Place) -> Iterator[Finding]:
    """The kind of the file system, where the system tells it, and its room."""
    mounts = _MOUNTS.read_text(encoding="utf-8", errors="replace") if _MOUNTS.exists() else ""
    yield from judge_kind(place, mounts)
    yield judge_room(place, place.disk)


def judge_kind(place: Place, mounts: str) -> Iterator[Finding]:
    """By the text of mountinfo (proc(5))."""
    kind = file_system(place.path.resolve(), mounts)
    if kind in NETWORK:
        yield Finding(
            NAME,
            Level.FAIL,
            f"the home lies on a network file system ({kind}), whose locks and syncs can't be relied upon",
            advice="Copy the home to a local disk while nothing runs, and name it with --home.",
        )


def judge_room(place: Place, disk: Disk) -> Finding:
    """By what is free."""
    free = f"{disk.free_bytes // _MIB:,} MiB of {disk.total_bytes // _MIB:,} are free"
    if disk.free_bytes >= LOW_BYTES:
        return Finding(NAME, Level.OK, free)
    advice = (
        f"Make room on the file system of {place.path}, or move the home: `{place.tocsin('backup', 'FOLDER')}`, then"
        " `tocsin restore FOLDER --home DIR` on a larger disk. A full one stops the bus's acknowledgements; nothing"
        " that was acknowledged is lost, and it goes on by itself."
    )
    level = Level.FAIL if disk.is_full else Level.WARN
    bound = FULL_BYTES if disk.is_full else LOW_BYTES
    return Finding(NAME, level, f"{free}, less than {bound // _MIB:,}", advice=advice)
