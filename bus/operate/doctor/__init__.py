"""Each thing that can be wrong with a home, whether it is, and the command that mends it.

A check is a module with `NAME` and `check`, which yields findings: at least one, that all is well where it is. Those of
`PLACE` look at the folder alone, so they say something of a home that can't be opened too; those of `BUS` look at the
bus in it. `QUICK` are the ones that read next to nothing: `tocsin status` tells what they find wrong.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from bus import config
from bus.clock import now_ms
from bus.config import Settings
from bus.errors import TocsinError
from bus.home import FORMAT, Home
from bus.log.protocol import Log
from bus.log.sqlite import SqliteLog
from bus.operate.disk import disk_of
from bus.operate.doctor import (
    backup,
    clock,
    feeds,
    keys,
    permissions,
    quarantine,
    roster,
    running,
    software,
    soundness,
    spool,
    stages,
    storage,
    topics,
)
from bus.operate.doctor.finding import Finding, Level
from bus.operate.doctor.patient import Patient, Place
from bus.operate.progress import stage_states
from bus.stages.control import Control
from bus.stages.following import ControlFollower

__all__ = ["BUS", "PLACE", "QUICK", "Finding", "Level", "Patient", "Place", "examine", "look", "troubles"]

T = TypeVar("T")
Check: TypeAlias = Callable[[T], Iterator[Finding]]

PLACE: Final = (permissions, storage, software)
BUS: Final = (clock, roster, keys, topics, running, stages, feeds, quarantine, spool, backup, soundness)
QUICK: Final = (clock, roster, keys, topics, stages, feeds)
_HOME: Final = "home"


def examine(path: Path, *, named: str = "", clock_ms: Callable[[], int] = now_ms) -> Iterator[Finding]:
    """Every check of a home; what can't be opened is a finding, and whatever needs it is left out."""
    place = Place(path, clock_ms(), disk_of(path), named)
    for one in PLACE:
        yield from _guarded(one.NAME, one.check, place)
    try:
        with _opened(place, clock_ms) as patient:
            yield Finding(_HOME, Level.OK, f"format {FORMAT}, Tocsin {version('tocsin')}")
            for each in BUS:
                yield from _guarded(each.NAME, each.check, patient)
    except TocsinError as fault:
        yield _fault(_HOME, fault)


def look(place: Place, home: Home, log: Log, control: Control, settings: Settings) -> Patient:
    """The bus of an open home as it is now."""
    state = log.describe()
    return Patient(place, home, log, state, control, tuple(stage_states(log, state)), settings)


def troubles(patient: Patient) -> list[Finding]:
    """What the quick checks find wrong, and a disk that is as good as full."""
    found = [finding for one in QUICK for finding in _guarded(one.NAME, one.check, patient)]
    wrong = [finding for finding in found if finding.level is not Level.OK]
    room = storage.judge_room(patient.place, patient.place.disk)
    return [*wrong, room] if room.level is Level.FAIL else wrong


@contextmanager
def _opened(place: Place, clock_ms: Callable[[], int]) -> Iterator[Patient]:
    home = Home.open(place.path)
    settings = config.load(home.config)
    with closing(SqliteLog(home.log, clock_ms, lease_s=settings.lease_s)) as log:
        yield look(place, home, log, ControlFollower(log, home.pin()).read(), settings)


def _guarded(name: str, check: Check[T], subject: T) -> Iterator[Finding]:
    """A check that can't be carried out is a finding itself."""
    try:
        yield from check(subject)
    except TocsinError as fault:
        yield _fault(name, fault)


def _fault(name: str, fault: TocsinError) -> Finding:
    return Finding(name, Level.FAIL, str(fault), advice=fault.advice)
