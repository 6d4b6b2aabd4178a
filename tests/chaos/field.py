"""A field: the processes of one scene, hit at the moments that a campaign names, and started anew each time.

The conductor knows nothing of what they do. It grants publishers blocks, sets the clock ahead, kills and stops, wakes
what was stopped, and writes down what ended how.
"""

import multiprocessing
import os
import random
import signal
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import apsw

from tests.chaos.moments import ANYWHERE, Blow, Moment
from tests.chaos.plants import PLANTS
from tests.chaos.processes import Life, publish, serve, subscribe
from tests.chaos.scene import Scene
from tests.chaos.slate import Shared, Slate

_LOOK_S: Final = 0.004
_IDLE_S: Final = 0.1
"""So long after the last blow publishers are granted more: what is to be hit may wait for work."""
MISSED_S: Final = 10.0
"""A process that has not come to its moment by then is killed where it is."""
CAMPAIGN_S: Final = 120.0
"""How long a campaign may take."""
PATIENCE_S: Final = 60.0
"""How long a process may take to end."""
HELD_S: Final = 0.15
"""How long a stopped process is stopped."""
_LIVES_ON_MS: Final = (30, 200)
"""How long a process lives on that was stopped or had a fault, before it is killed."""
_MEASURE_S: Final = 0.05
_BEHIND: Final = "SELECT 1 FROM cursors JOIN topics ON number = topic WHERE position < next LIMIT 1"
_STOPPED: Final = (0, -signal.SIGTERM)
"""How a bus ends that is asked to: the second where it had only just begun."""
_LEAPS_MS: Final = (60_000, 60_000, 3_600_000, 86_400_000, 3 * 86_400_000)
"""By how much the clock is set ahead at a time."""

Actor = tuple[str, str]
"""Role and agency; the bus has none."""
THE_BUS: Final[Actor] = ("bus", "")


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
    def age_s(self) -> float:
        return time.monotonic() - self.started


@dataclass(slots=True)
class Record:
    """What happened on a field."""

    hits: list[Moment] = field(default_factory=list)
    missed: list[Moment] = field(default_factory=list)
    """Moments that did not come: nothing was there to do, or the place is no more."""
    recoveries_s: list[float] = field(default_factory=list)
    """From the start of a bus to the first stage that was restored, and its slot."""
    memory_bytes: Counter[str] = field(default_factory=Counter)
    """The most that any process of a role took."""
    troubles: list[str] = field(default_factory=list)
    """Processes that ended as they should not have."""

    def kills(self) -> Counter[str]:
        """How often a process was killed, by place."""
        return Counter(hit.place for hit in self.hits if hit.blow is Blow.KILL)


class Field:
    """The processes of a scene; use it in a `with`, so that none outlives it."""

    def __init__(self, scene: Scene, chance: random.Random, plant: str | None = None, life: Life | None = None) -> None:
        """Nothing runs yet. `plant`: the bug of `PLANTS` that the processes of its role have."""
        self.scene = scene
        self.record = Record()
        self._chance = chance
        self._life = life or Life()
        self._planted = ("", "") if plant is None else (PLANTS[plant].role, plant)
        self._slate: Slate = scene.slate()
        self._log = apsw.Connection(str(scene.home.log), apsw.SQLITE_OPEN_READONLY)
        self._running: dict[Actor, Running] = {}
        self._faults = 0
        self._measured = 0.0
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.chaos.processes", "bus.cli.run", "bus.stages.run", "bus.operate"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        for running in self._running.values():
            running.process.kill()
            running.process.join()
        self._log.close()
        self._slate.__exit__(kind, fault, trace)

    # ---- one process ----

    def start(self, actor: Actor, moment: Moment | None = None, **life: Any) -> Running:
        """Start a process that is to be hit at this moment, or never."""
        role, agency = actor
        inside = None if moment is None or moment.place == ANYWHERE else moment
        plant = self._planted[1] if self._planted[0] == role else None
        how = self._life._replace(moment=inside, plant=plant, **life)
        targets: Mapping[str, tuple[Callable[..., None], tuple[Any, ...]]] = {
            "bus": (serve, (self.scene, how)),
            "publisher": (publish, (self.scene, agency, how)),
            "subscriber": (subscribe, (self.scene, agency, how)),
        }
        target, arguments = targets[role]
        process = self._context.Process(target=target, args=arguments, daemon=True)
        process.start()
        self._running[actor] = running = Running(process, moment, time.monotonic())
        return running

    def wake(self, running: Running) -> None:
        """Let a stopped process go on."""
        os.kill(_pid(running), signal.SIGCONT)
        running.held_since = None

    def wait_for_stop(self, running: Running) -> None:
        """Wait until a process has stopped itself."""
        until = time.monotonic() + PATIENCE_S
        while not _is_stopped(running):
            if time.monotonic() > until or not running.process.is_alive():
                raise UnreachedError(f"{running.moment}: the process did not stop")
            self.grant(1)
            time.sleep(10 * _LOOK_S)

    def end(self, actor: Actor) -> int:
        """Ask a process to end, wait for it, and return its exit code."""
        running = self._running.pop(actor)
        running.process.terminate()
        return self.joined(running)

    def joined(self, running: Running) -> int:
        """Wait until a process ends by itself; returns its exit code."""
        running.process.join(PATIENCE_S)
        code = running.process.exitcode
        if code is None:
            running.process.kill()
            running.process.join()
            raise UnreachedError(f"process {running.process.name} did not end")
        return code

    def grant(self, blocks: int) -> None:
        """Let each publisher publish more blocks."""
        self._slate[Shared.GRANTED] += blocks

    def leap(self) -> None:
        """Set the clock ahead."""
        self._slate[Shared.AHEAD_MS] += self._chance.choice(_LEAPS_MS)

    def _is_idle(self) -> bool:
        """Whether nothing is left to judge or to deliver; asked without the lock that a stopped process may hold."""
        return not self._log.execute(_BEHIND).fetchall()

    # ---- a campaign ----

    def conduct(
        self, moments: Mapping[Actor, Iterable[Moment]], blocks: int = 1, watch: Callable[[Self], None] | None = None
    ) -> None:
        """Hit each actor at its moments, one life after the other; all actors beside each other.

        With each life of the bus every publisher is granted so many `blocks`.
        """
        waiting = {actor: deque(its) for actor, its in moments.items()}
        for actor, its in waiting.items():
            self._next(actor, its)
        begun = granted = time.monotonic()
        while any(self._running[actor].moment is not None for actor in waiting):
            for actor, its in waiting.items():
                if self._look(actor):
                    self._next(actor, its)
                    granted = time.monotonic()
                    if actor == THE_BUS:
                        self.grant(blocks)
                        self.leap()
            if time.monotonic() > granted + _IDLE_S and self._is_idle():
                granted = time.monotonic()
                self.grant(1)
            if time.monotonic() > begun + CAMPAIGN_S:
                raise UnreachedError(f"still waiting: {[str(one.moment) for one in self._running.values()]}")
            if watch is not None:
                watch(self)
            time.sleep(_LOOK_S)

    def _next(self, actor: Actor, waiting: deque[Moment]) -> None:
        """The next life: with the next moment, or without one."""
        self.start(actor, waiting.popleft() if waiting else None)

    def _look(self, actor: Actor) -> bool:
        """See what became of a process; True where its life is over and the next one is due."""
        running = self._running[actor]
        if not running.process.is_alive():
            self._bury(actor, running)
            return True
        self._measure(actor, running)
        moment = running.moment
        if moment is None:
            return False
        if moment.place == ANYWHERE:
            self._strike(running, moment)
        elif moment.blow is Blow.FAULT:
            if self._slate[Shared.FAULTS] > self._faults:
                self._faults = self._slate[Shared.FAULTS]
                self._survived(running, moment)
        elif _is_stopped(running):
            self._hold(running, moment)
        if running.age_s > MISSED_S and running.moment.place != ANYWHERE:
            self.record.missed.append(moment)
            running.moment = Moment(ANYWHERE)
        return False

    def _strike(self, running: Running, moment: Moment) -> None:
        """Hit it from outside when it is time: wherever it is."""
        if running.age_s < moment.nth / 1000:
            return
        if moment.blow is Blow.KILL:
            running.process.kill()
            running.process.join()
        elif running.held_since is None:
            os.kill(_pid(running), signal.SIGSTOP)
            self._hold(running, moment)
        else:
            self._hold(running, moment)

    def _hold(self, running: Running, moment: Moment) -> None:
        """A stopped process is woken after a while."""
        if running.held_since is None:
            running.held_since = time.monotonic()
        elif time.monotonic() > running.held_since + HELD_S:
            self.wake(running)
            self._survived(running, moment)

    def _survived(self, running: Running, moment: Moment) -> None:
        """It lives on after a blow, until it is killed from outside."""
        self.record.hits.append(moment)
        running.moment = Moment(ANYWHERE, int(running.age_s * 1000) + self._chance.randint(*_LIVES_ON_MS))

    def _bury(self, actor: Actor, running: Running) -> None:
        code = running.process.exitcode
        if code == -signal.SIGKILL and running.moment is not None:
            self.record.hits.append(
                running.moment._replace(place=f"{actor[0]}, {ANYWHERE}")
                if running.moment.place == ANYWHERE
                else running.moment
            )
        else:
            self.record.troubles.append(f"{actor[0]} {actor[1]} ended with {code}, {running.moment or 'unharmed'}")
        self._recovered(actor, running)

    def _recovered(self, actor: Actor, running: Running) -> None:
        """How long this life of the bus took to be where the last one was."""
        ready = min(self._slate[Shared.INGEST_READY], self._slate[Shared.CORRELATE_READY]) / 1e9
        if actor == THE_BUS and ready > running.started:
            self.record.recoveries_s.append(ready - running.started)

    def _measure(self, actor: Actor, running: Running) -> None:
        if time.monotonic() > self._measured + _MEASURE_S:
            self._measured = time.monotonic()
            taken = _memory_bytes(_pid(running))
            self.record.memory_bytes[actor[0]] = max(self.record.memory_bytes[actor[0]], taken)

    # ---- the end ----

    def drain(self) -> None:
        """Nobody is hit any more: publish what is granted, judge and deliver everything, read it to the end."""
        self._slate[Shared.CLOSING] = 1
        publishers = [actor for actor in self._running if actor[0] == "publisher"]
        self._expect(publishers)
        self.record.troubles += [f"bus ended with {code}" for code in (self.end(THE_BUS),) if code not in _STOPPED]
        self.start(THE_BUS, until_idle=True)
        self._expect([THE_BUS])
        self._slate[Shared.CLOSING] = 2
        self._expect([actor for actor in self._running if actor[0] == "subscriber"])

    def _expect(self, actors: Iterable[Actor]) -> None:
        """These end by themselves, in peace."""
        for actor in list(actors):
            code = self.joined(self._running.pop(actor))
            if code:
                self.record.troubles.append(f"{actor[0]} {actor[1]} ended with {code}, unharmed")


def every_actor(scene: Scene) -> list[Actor]:
    """The bus, and a publisher and a subscriber of each agency."""
    return [THE_BUS, *((role, agency) for role in ("publisher", "subscriber") for agency in scene.agencies)]


def _pid(running: Running) -> int:
    pid = running.process.pid
    assert pid is not None
    return pid


def _status(pid: int) -> dict[str, str]:
    """What the system says of a process; nothing where it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return dict(line.split(":", 1) for line in lines)


def _is_stopped(running: Running) -> bool:
    return _status(_pid(running)).get("State", "").strip().startswith("T")


def _memory_bytes(pid: int) -> int:
    return int(_status(pid).get("VmHWM", "0 kB").split()[0]) * 1024
