"""All shards of ingest in this process: one for each agency of the roster, in one thread, served in turn.

What ails one agency's shard stops no other: it rests, with pauses that grow, and is tried again. What ails the
authority's shard concerns everybody, and is raised; so is a fault of the log that lasted too long, and the loss of a
name to another process.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Executor

from bus.config import Settings
from bus.errors import TocsinError
from bus.log.faults import Fenced, Owned
from bus.log.protocol import Log
from bus.metrics import Metrics
from bus.names import AUTHORITY, BUS
from bus.stages.authority import AuthorityIngest
from bus.stages.following import ControlFollower
from bus.stages.ingest import Ingest
from bus.stages.relay import Relay
from bus.stages.stage import Stage
from bus.stages.ticks import Ticker
from bus.stages.worker import Worker, can_mend, in_words

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
        self.agencies = tuple(sorted(ailing))


class Shards:
    """The shards' workers; the authority's comes first, so that whom it admits is served in the same round."""

    def __init__(  # noqa: PLR0913 - what a shard is made of
        self,
        log: Log,
        *,
        pin: bytes,
        pool: Executor,
        settings: Settings,
        clock_ms: Callable[[], int],
        worker: Callable[[Stage], Worker],
        relay: Relay | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        """`worker` makes the worker of a shard; `pool` verifies signatures; `relay` hands over to correlate."""
        self._worker = worker
        self._pool = pool
        self._relay = relay
        self._metrics = metrics
        self._follower = ControlFollower(log, pin)
        ticker = Ticker(settings.tick_interval_s, clock_ms)
        authority = worker(AuthorityIngest(log, self._follower, ticker, metrics))
        self._workers: dict[str, Worker] = {AUTHORITY: authority}
        self._ailing: dict[str, str] = {}

    @property
    def resting(self) -> bool:
        """Whether one failed in its last turn and may do better in the next; not one that failed for good."""
        return any(worker.resting for name, worker in self._workers.items() if name not in self._ailing)

    @property
    def ailing(self) -> RestingError | None:
        """The shards that rest after a fault that trying again did not mend, or None."""
        return RestingError(self._ailing) if self._ailing else None

    def turn(self) -> bool:
        """A turn of each; True if records were processed."""
        worked = self._workers[AUTHORITY].turn(0.0)
        names = [entry.name for entry in self._follower.read().trust.agencies if entry.name not in (BUS, AUTHORITY)]
        for gone in self._workers.keys() - {AUTHORITY, *names}:
            self._ailing.pop(gone, None)
            self._workers.pop(gone).release()
        for name in names:
            worker = self._workers.get(name)
            if worker is None:
                stage = Ingest(name, self._follower, self._pool, relay=self._relay, metrics=self._metrics)
                worker = self._workers[name] = self._worker(stage)
            worked |= self._served(name, worker)
        return worked

    def _served(self, name: str, worker: Worker) -> bool:
        """A turn of one agency's shard, whose own fault stays its own."""
        try:
            worked = worker.turn(0.0)
        except (Fenced, Owned):
            raise
        except Exception as fault:
            if can_mend(fault):
                raise
            self._ailing[name] = in_words(fault)
            _log.error("ingest-%s: %s; it rests and is tried again, the others go on", name, in_words(fault))
            worker.release()
            return False
        if not worker.resting:
            self._ailing.pop(name, None)
        return worked

    def release(self) -> None:
        """Let go of all names."""
        for worker in self._workers.values():
            worker.release()
