"""A field: the processes of one scene. They are started, stopped, woken, asked to end and measured here.

It knows nothing of what they do; when and how they are hit, a conductor decides.
"""

import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import apsw

from tests.chaos.moments import ANYWHERE, Blow, Moment
from tests.chaos.plants import PLANTS
from tests.chaos.processes import Life, publish, rule, serve, subscribe
from tests.chaos.scene import Scene
from tests.chaos.slate import Shared, Slate

PATIENCE_S: Final = 60.0
"""How long a process may take to end, or to stop."""
_LOOK_S: Final = 0.04
_LEAPS_MS: Final = (60_000, 60_000, 3_600_000, 86_400_000, 3 * 86_400_000)
"""By how much the clock is set ahead at a time."""
_FARTHEST_MS: Final = 60 * 86_400_000
"""How far altogether: what is judged in the end is not past its retention by then."""
_BEHIND: Final = "SELECT total(next - position) FROM cursors JOIN topics ON number = topic"
_STOPPED: Final = (0, -signal.SIGTERM)
"""How a bus ends that is asked to: the second where it had only just begun."""

Actor = tuple[str, str]
"""Role and agency; the bus has none."""
THE_BUS: Final[Actor] = ("bus", "")
STAGES: Final[tuple[Actor, ...]] = (("ingest", ""), ("correlate", ""))
"""The bus as two processes, each with one stage."""
THE_AUTHORITY: Final[Actor] = ("authority", "")
"""Who changes clearances meanwhile; in some campaigns only."""
BUS_ROLES: Final = ("bus", "ingest", "correlate")


class UnreachedError(AssertionError):
    """A process did not come to its moment, or did not end."""


@dataclass(slots=True)
class Running:
    """One process, and how it is to be hit."""

    process: ForkServerProcess
    moment: Moment | None
    started: float
    held_since: float | None = None
    """Since when it is stopped."""

    @property
    def pid(self) -> int:
        """Its number."""
        pid = self.process.pid
        assert pid is not None
        return pid

    @property
    def age_s(self) -> float:
        """How long it has lived."""
        return time.monotonic() - self.started

    @property
    def is_stopped(self) -> bool:
        """Whether it stands still."""
        return _status(self.pid).get("State", "").strip().startswith("T")

    @property
    def memory_bytes(self) -> int:
        """The most that it has taken so far."""
        return int(_status(self.pid).get("VmHWM", "0 kB").split()[0]) * 1024

    def children(self) -> list[int]:
        """The numbers of the processes that it has started."""
        others = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]
        return [pid for pid in others if int(_status(pid).get("PPid", "0")) == self.pid]

    def stop(self) -> None:
        """Let it stand still."""
        os.kill(self.pid, signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)
        self.held_since = None


@dataclass(slots=True)
class Record:
    """What happened on a field."""

    hits: list[Moment] = field(default_factory=list)
    missed: list[Moment] = field(default_factory=list)
    """Moments that did not come: nothing was there to do, or the place is no more."""
    recoveries_s: list[float] = field(default_factory=list)
    """From the start of a bus until a shard and the slot were restored."""
    memory_bytes: Counter[str] = field(default_factory=Counter)
    """The most that any process of a role took."""
    troubles: list[str] = field(default_factory=list)
    """Processes that ended as they should not have."""

    def blows(self, blow: Blow = Blow.KILL) -> Counter[str]:
        """How often a process was hit so, by place."""
        return Counter(hit.place for hit in self.hits if hit.blow is blow)


class Field:
    """The processes of a scene; use it in a `with`, so that none outlives it."""

    def __init__(self, scene: Scene, chance: random.Random, plant: str | None = None, life: Life | None = None) -> None:
        """Nothing runs yet. `plant`: the bug of `PLANTS` that the processes of its role have."""
        self.scene = scene
        self.chance = chance
        self.record = Record()
        self.running: dict[Actor, Running] = {}
        self.slate: Slate = scene.slate()
        self._life = life or Life()
        self._planted = ("", "") if plant is None else (PLANTS[plant].role, plant)
        self._log = apsw.Connection(str(scene.home.log), apsw.SQLITE_OPEN_READONLY)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.chaos.warm"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        for running in self.running.values():
            running.process.kill()  # a stopped one too
            running.process.join()
        self._log.close()
        self.slate.__exit__(kind, fault, trace)

    # ---- one process ----

    def start(self, actor: Actor, moment: Moment | None = None, **life: Any) -> Running:
        """Start a process that is to be hit at this moment, or never."""
        role, agency = actor
        inside = None if moment is None or moment.place == ANYWHERE else moment
        plant = self._planted[1] if self._planted[0] == role else None
        how = self._life._replace(moment=inside, plant=plant, **life)
        targets: Mapping[str, tuple[Callable[..., None], str]] = {
            "publisher": (publish, agency),
            "subscriber": (subscribe, agency),
            "authority": (rule, agency),
            "bus": (serve, ""),
            "ingest": (serve, role),
            "correlate": (serve, role),
        }
        target, argument = targets[role]
        process = self._context.Process(target=target, args=(self.scene, argument, how), daemon=True)
        process.start()
        self.running[actor] = running = Running(process, moment, time.monotonic())
        return running

    def wait_for_stop(self, running: Running) -> None:
        """Wait until a process has stopped itself; publishers are granted what it may wait for."""
        until = time.monotonic() + PATIENCE_S
        while not running.is_stopped:
            if time.monotonic() > until or not running.process.is_alive():
                raise UnreachedError(f"{running.moment}: the process did not stop")
            self.grant_more()
            time.sleep(_LOOK_S)

    def wait_until_idle(self) -> None:
        """Wait until a bus has judged and delivered everything."""
        until = time.monotonic() + PATIENCE_S
        while self.behind() > 0:
            if time.monotonic() > until:
                raise UnreachedError("no bus does its work")
            time.sleep(_LOOK_S)

    def end(self, actor: Actor) -> int:
        """Ask a process to end, wait for it, and return its exit code."""
        running = self.running[actor]
        running.process.terminate()
        return self.joined(running)

    def joined(self, running: Running) -> int:
        """Wait until a process ends by itself; returns its exit code."""
        running.process.join(PATIENCE_S)
        code = running.process.exitcode
        if code is None:
            raise UnreachedError(f"{running.process.name} did not end")
        self.running = {actor: its for actor, its in self.running.items() if its is not running}
        return code

    # ---- what all share ----

    def grant(self, blocks: int) -> None:
        """Let each publisher publish more blocks."""
        self.slate[Shared.GRANTED] += blocks

    def grant_more(self, backlog: int = 0) -> None:
        """Let them publish one block more, where all that was granted is published and no more records than so wait."""
        if self.unpublished() == 0 and self.behind() <= backlog:
            self.grant(1)

    def leap(self) -> None:
        """Set the clock ahead."""
        leap_ms = self.chance.choice(_LEAPS_MS)
        if self.slate[Shared.AHEAD_MS] + leap_ms <= _FARTHEST_MS:
            self.slate[Shared.AHEAD_MS] += leap_ms

    def behind(self) -> int:
        """How many records the stages have yet to read; asked without the lock that a stopped process may hold."""
        records: Any = self._log.execute(_BEHIND).get
        return int(records)

    def unpublished(self) -> int:
        """How many blocks the publishers have yet to publish, all together."""
        numbers = range(Shared.PUBLISHED, Shared.PUBLISHED + len(self.scene.agencies))
        return sum(self.slate[Shared.GRANTED] - self.slate[number] for number in numbers)

    # ---- the end ----

    def drain(self) -> None:
        """Nobody is hit any more: publish what is granted, judge and deliver everything, read it to the end."""
        self.slate[Shared.CLOSING] = 1
        self._expect(actor for actor in self.running if actor[0] in ("publisher", "authority"))
        for actor in [actor for actor in self.running if actor[0] in BUS_ROLES]:
            code = self.end(actor)
            if code not in _STOPPED:
                self.record.troubles.append(f"{actor[0]} ended with {code} when it was asked to")
        self.start(THE_BUS, until_idle=True)
        self._expect([THE_BUS])
        self.slate[Shared.CLOSING] = 2
        self._expect(actor for actor in self.running if actor[0] == "subscriber")

    def _expect(self, actors: Iterable[Actor]) -> None:
        """These end by themselves, in peace."""
        for actor in list(actors):
            code = self.joined(self.running[actor])
            if code:
                self.record.troubles.append(f"{actor[0]} {actor[1]} ended with {code}, unharmed")


def every_actor(scene: Scene, *, apart: bool = False) -> list[Actor]:
    """The bus, in two processes where it is `apart`, and a publisher and a subscriber of each agency."""
    clients = [(role, agency) for role in ("publisher", "subscriber") for agency in scene.agencies]
    return [*(STAGES if apart else [THE_BUS]), *clients]


def _status(pid: int) -> dict[str, str]:
    """What the system says of a process; nothing where it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return dict(line.split(":", 1) for line in lines)
