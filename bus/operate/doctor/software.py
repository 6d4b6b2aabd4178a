"""Whether the software under the log is sound: SQLite 3.7.0 to 3.51.2 can corrupt a log that two processes write to."""

from collections.abc import Iterator
from typing import Final

import apsw

from bus.operate.doctor.finding import Finding, Level
from bus.operate.doctor.patient import Place

NAME: Final = "software"
SOUND: Final = (3, 51, 3)
"""The first version without the WAL-reset bug."""


def check(_place: Place) -> Iterator[Finding]:
    """The library that apsw brings."""
    yield judge(apsw.sqlite_lib_version())


def judge(version: str) -> Finding:
    """By the library's version."""
    if tuple(map(int, version.split("."))) < SOUND:
        sound = ".".join(map(str, SOUND))
        return Finding(
            NAME,
            Level.FAIL,
            f"SQLite {version} can corrupt the log: it takes {sound} or newer",
            "pip install --upgrade apsw",
            "Stop all Tocsin processes first, and start them anew.",
        )
    return Finding(NAME, Level.OK, f"SQLite {version}")
