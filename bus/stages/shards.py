"""The shards of ingest that this process serves, in one thread, in turn: one for each agency of the roster.

Several processes share them. Each takes what is free until it has its share, and lets go of what is beyond it when
another joins; what one held that died, the others take over. The authority's shard is nobody's share: whoever finds it
free serves it first, so that whom it admits is served in the same round.

A shard with a backlog is served in pieces and at correlate's pace where it has company (bus/stages/pace.py).

What ails one agency's shard stops no other: it rests, with pauses that grow, and is tried again. What ails the
authority's shard concerns everybody, and is raised; so is a fault of the log that lasted too long. A shard that another
process has is left to it.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Final

from bus.config import Settings
from bus.errors import TocsinError
from bus.log.faults import Fenced, Owned
from bus.log.protocol import Log
from bus.log.topics import topic
from bus.metrics import Meter
from bus.names import AUTHORITY, BUS
from bus.stages.authority import AuthorityIngest
from bus.stages.following import ControlFollower
from bus.stages.ingest import Ingest
from bus.stages.members import Members
from bus.stages.pace import Pace
from bus.stages.relay import Relay
from bus.stages.stage import Stage
from bus.stages.ticks import Ticker
from bus.stages.worker import Worker, can_mend, in_words

LOOK_S: Final = 1.0
"""How long a shard whose process died waits for another at most; a look costs some milliseconds."""
_PAUSE_S: Final = 0.005
"""How long all rest where only shards that pause have work; what is written meanwhile ends it."""
TAKING_S: Final = 0.05
"""For how long shards are taken in one turn: who starts a moment later finds some too."""

_log = logging.getLogger(__name__)


class RestingError(TocsinError):
    """Some agencies' shards rest after a fault; all others have done their work."""

    def __init__(self, ailing: dict[str, str]) -> None:
        """Name the agencies, each with what went wrong in its shard."""
        named = "; ".join(f"ingest-{name}: {what}" for name, what in sorted(ailing.items()))
        super().__init__(
            f"not all submissions are judged, for a shard failed and rests: {named}",
            "Nothing is lost and the other agencies are served. Run it again; if it fails again, report it.",
        )
        self.ailing = ailing

    @property
    def agencies(self) -> tuple[str, ...]:
        """Whose shards rest."""
        return tuple(sorted(self.ailing))


class Shards:
    """The workers of the shards that this process has. Used by one thread."""

    def __init__(  # noqa: PLR0913 - what a shard is made of
        self,
        log: Log,
        *,
        pin: bytes,
        pool: Executor | None,
        settings: Settings,
        clock_ms: Callable[[], int],
        worker: Callable[[Stage], Worker],
        until_idle: bool,
        relay: Relay | None = None,
        metrics: Meter | None = None,
    ) -> None:
        """`worker` makes the worker of a shard; `pool` verifies signatures; `relay` hands over to correlate.

        `until_idle`: a shard without work is not taken, for to restore one costs time.
        """
        self._log = log
        self._worker = worker
        self._pool = pool
        self._until_idle = until_idle
        self._relay = relay
        self._metrics = metrics
        self._follower = ControlFollower(log, pin)
        self._ticker = Ticker(settings.tick_interval_s, clock_ms)
        self._members = Members(log)
        self._workers: dict[str, Worker] = {}
        self._ailing: dict[str, str] = {}
        self._pace = Pace(log, settings.batch_records)
        self._paused: set[str] = set()
        self._names: list[str] = []
        self._look_at = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        """The agencies whose shards this process has."""
        return tuple(self._workers)

    @property
    def resting(self) -> bool:
        """Whether one failed in its last turn and may do better in the next; not one that failed for good."""
        return any(worker.resting for name, worker in self._workers.items() if name not in self._ailing)

    @property
    def ailing(self) -> dict[str, str]:
        """The agencies whose shards rest after a fault that trying again did not mend, each with what it was."""
        return dict(self._ailing)

    def turn(self) -> bool:
        """A turn of each; True if records were processed, or shards taken."""
        worked = self._served(AUTHORITY)
        names = [entry.name for entry in self._follower.read().trust.agencies if entry.name not in (BUS, AUTHORITY)]
        for gone in self._workers.keys() - {AUTHORITY, *names}:
            self._let_go(gone)
        if names != self._names or time.monotonic() >= self._look_at:
            worked |= self._look(names)
        for name in names:
            worked |= self._served(name)
        if self._paused and not worked:
            self._log.wait(_PAUSE_S)
            worked = True
        if self._until_idle and not worked:
            self._look_at = 0.0
        return worked

    def release(self) -> None:
        """Let go of all names."""
        for worker in self._workers.values():
            worker.release()
        self._members.leave()

    def _look(self, names: list[str]) -> bool:
        """Let go of shards beyond this process's share, or take free ones up to it; True if one was taken."""
        self._names, now = names, time.monotonic()
        self._look_at = now + LOOK_S
        members = self._members.count()
        self._pace.is_shared = members > 1
        share = -(-len(names) // members)
        mine = [name for name in self._workers if name != AUTHORITY]
        for name in mine[share:]:
            self._let_go(name)
        taken = False
        for name in self._wanted(names):
            if name != AUTHORITY and len(self._workers.keys() - {AUTHORITY}) >= share:
                break
            if taken and time.monotonic() >= now + TAKING_S:
                self._look_at = 0.0  # the others in the next turn, which comes: this one was not idle
                break
            self._workers[name] = self._worker(self._stage(name))
            # A turn takes the name; where another process has it, this one forgets it again.
            self._served(name)
            taken |= name in self._workers
        return taken

    def _wanted(self, names: list[str]) -> list[str]:
        """The shards that this process would serve and has not."""
        if self._until_idle:
            state = self._log.describe()
            ends = {one.name: one.end for one in state.topics}
            read = {name: cursor for owner in state.owners for name, cursor in owner.cursors.items()}
            names = [
                name for name in names if ends[topic("submissions", name)] > read.get(topic("submissions", name), 0)
            ]
        return [name for name in (AUTHORITY, *names) if name not in self._workers]

    def _stage(self, name: str) -> Stage:
        if name == AUTHORITY:
            return AuthorityIngest(self._log, self._follower, self._ticker, self._metrics)
        return Ingest(name, self._follower, self._pool, relay=self._relay, metrics=self._metrics)

    def _most(self, name: str, worker: Worker) -> int | None:
        """How many records the shard may take now, None for a whole batch; 0: it waits."""
        try:
            return self._pace.most(name, worker.left)
        except TocsinError:
            return None  # the turn meets the same fault, and knows what to do

    def _pause(self, name: str) -> None:
        if name not in self._paused and self._metrics is not None:
            self._metrics.count("pauses_total", name)
        self._paused.add(name)

    def _let_go(self, name: str) -> None:
        self._ailing.pop(name, None)
        self._paused.discard(name)
        self._pace.forget(name)
        self._workers.pop(name).release()

    def _served(self, name: str) -> bool:
        """A turn of one shard, if this process has it; an agency's own fault stays its own."""
        worker = self._workers.get(name)
        if worker is None:
            return False
        most, started = self._most(name, worker), time.perf_counter()
        if most == 0:
            self._pause(name)
            return False
        self._paused.discard(name)
        try:
            worked = worker.turn(0.0, most)
            if name != AUTHORITY and worker.taken:
                self._pace.served(name, worker.taken, worker.left, time.perf_counter() - started)
        except Owned:
            self._let_go(name)
            return False
        except Fenced as fault:
            told = {"agency": name, "fault": str(fault)}
            _log.warning("ingest-%(agency)s: %(fault)s; it is left to the other process", told)
            self._let_go(name)
            self._members.leave()
            return False
        except Exception as fault:
            if name == AUTHORITY or can_mend(fault):
                raise
            self._ailing[name] = in_words(fault)
            told = {"agency": name, "fault": in_words(fault)}
            _log.error("ingest-%(agency)s: %(fault)s; it rests and is tried again, the others go on", told)
            worker.release()
            return False
        if not worker.resting:
            self._ailing.pop(name, None)
        return worked
