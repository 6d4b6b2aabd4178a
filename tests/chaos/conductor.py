"""The conductor of a campaign: hits each process at its moments, one life after the other, all beside each other.

It also grants publishers their blocks, sets the clock ahead with each death of a bus, and writes down what happened.
"""

import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from tests.chaos.field import BUS_ROLES, Actor, Field, Running, UnreachedError
from tests.chaos.moments import ANYWHERE, Blow, Moment
from tests.chaos.slate import Shared

MISSED_S: Final = 30.0
"""A process that has not come to its moment by then is killed where it is."""
_LOOK_S: Final = 0.004
_IDLE_S: Final = 0.1
"""How often it is asked whether publishers may publish more."""
_MEASURE_S: Final = 0.05
_HELD_S: Final = 0.15
"""How long a stopped process is stopped."""
_READY: Final = (Shared.INGEST_READY, Shared.CORRELATE_READY)
_LIVES_ON_MS: Final = (30, 200)
"""How long a process lives on that was stopped or had a fault, before it is killed."""


class Pace(NamedTuple):
    """How much is published when."""

    with_each_life: int = 1
    """Blocks that each publisher is granted when a bus has died."""
    backlog: int = 0
    """Another block is granted where no more records than these wait."""
    total: int = 0
    """The campaign goes on until each publisher was granted so many."""
    limit_s: float = 300.0
    """How long it may take."""
    leaps: bool = True
    """Whether the clock leaps ahead with each death of a bus."""


EVERYDAY: Final = Pace()


class Conductor:
    """Conducts one campaign on a field."""

    def __init__(
        self,
        field: Field,
        moments: Mapping[Actor, Iterable[Moment]],
        pace: Pace,
        watch: Callable[[Field], None] = lambda _: None,
    ) -> None:
        """All actors are there; those without moments live undisturbed. `watch` is called now and then."""
        self._field = field
        self._waiting = {actor: deque(its) for actor, its in moments.items()}
        self._pace = pace
        self._watch = watch
        self._faults = 0
        self._asked = self._measured = 0.0

    def run(self) -> None:
        """Until all moments have come, and all is granted; everybody runs then, undisturbed."""
        field, until = self._field, time.monotonic() + self._pace.limit_s
        for actor in self._waiting:
            self._next(actor)
        while self._is_going_on():
            for actor in self._waiting:
                if self._look(actor):
                    self._next(actor)
                    if actor[0] in BUS_ROLES:
                        self._died()
            self._ask()
            if time.monotonic() > until:
                raise UnreachedError(f"still waiting: {[str(one.moment) for one in field.running.values()]}")
            time.sleep(_LOOK_S)

    def _died(self) -> None:
        """A bus has died."""
        self._field.grant(self._pace.with_each_life)
        if self._pace.leaps:
            self._field.leap()

    def _is_going_on(self) -> bool:
        is_waiting = any(self._field.running[actor].moment is not None for actor in self._waiting)
        return is_waiting or self._field.slate[Shared.GRANTED] < self._pace.total

    def _ask(self) -> None:
        """Grant more where the bus has little to do: what is to be hit may wait for work."""
        if time.monotonic() > self._asked + _IDLE_S:
            self._asked = time.monotonic()
            self._field.grant_more(self._pace.backlog)
            self._watch(self._field)

    def _next(self, actor: Actor) -> None:
        """The next life: with the next moment, or without one."""
        waiting = self._waiting[actor]
        self._field.start(actor, waiting.popleft() if waiting else None)

    def _look(self, actor: Actor) -> bool:
        """See what became of a process; True where its life is over and the next one is due."""
        running = self._field.running[actor]
        if not running.process.is_alive():
            self._bury(actor, running)
            return True
        if time.monotonic() > self._measured + _MEASURE_S:
            self._measured = time.monotonic()
            most = self._field.record.memory_bytes
            most[actor[0]] = max(most[actor[0]], running.memory_bytes)
        if running.moment is not None:
            self._approach(running, running.moment)
        return False

    def _approach(self, running: Running, moment: Moment) -> None:
        """See whether its moment has come, or whether it never does."""
        if moment.place == ANYWHERE:
            if running.age_s > moment.nth / 1000:
                self._strike(running, moment)
        elif moment.blow is Blow.FAULT:
            if self._field.slate[Shared.FAULTS] > self._faults:
                self._faults = self._field.slate[Shared.FAULTS]
                self._survived(running, moment)
        elif running.is_stopped:
            self._hold(running, moment)
        due = running.moment
        if due is not None and due.place != ANYWHERE and running.age_s > MISSED_S:
            self._field.record.missed.append(due)
            running.moment = Moment(ANYWHERE)

    def _strike(self, running: Running, moment: Moment) -> None:
        """Hit it from outside, wherever it is."""
        if moment.blow is Blow.KILL:
            running.process.kill()
            running.process.join()
            return
        if running.held_since is None:
            running.stop()
        self._hold(running, moment)

    def _hold(self, running: Running, moment: Moment) -> None:
        """A stopped process is woken after a while."""
        if running.held_since is None:
            running.held_since = time.monotonic()
        elif time.monotonic() > running.held_since + _HELD_S:
            running.wake()
            self._survived(running, moment)

    def _survived(self, running: Running, moment: Moment) -> None:
        """It lives on after a blow, until it is killed from outside."""
        self._field.record.hits.append(moment)
        lives_on_ms = self._field.chance.randint(*_LIVES_ON_MS)
        running.moment = Moment(ANYWHERE, int(running.age_s * 1000) + lives_on_ms)

    def _bury(self, actor: Actor, running: Running) -> None:
        """Write down how a life ended, and what its beginning took."""
        code, moment, record = running.process.exitcode, running.moment, self._field.record
        if code != -signal.SIGKILL or moment is None:
            record.troubles.append(f"{actor[0]} {actor[1]} ended with {code}, {moment or 'unharmed'}")
        elif moment.place == ANYWHERE:
            record.hits.append(moment._replace(place=f"{actor[0]}, {ANYWHERE}"))
        else:
            record.hits.append(moment)
        ready = self._ready(actor[0])
        if ready > running.started:
            record.recoveries_s.append(ready - running.started)

    def _ready(self, role: str) -> float:
        """When the stages of a role had last restored what they know; long ago where it has none."""
        names = {"ingest": (Shared.INGEST_READY,), "correlate": (Shared.CORRELATE_READY,), "bus": _READY}
        return min((self._field.slate[name] for name in names.get(role, ())), default=0) / 1e9
