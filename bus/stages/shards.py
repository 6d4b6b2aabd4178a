"""All shards of ingest in this process: one for each agency of the roster, in one thread, served in turn."""

from collections.abc import Callable
from concurrent.futures import Executor

from bus.config import Settings
from bus.log.protocol import Log
from bus.metrics import Metrics
from bus.stages.authority import AuthorityIngest
from bus.stages.control import AUTHORITY, BUS
from bus.stages.following import ControlFollower
from bus.stages.ingest import Ingest
from bus.stages.relay import Relay
from bus.stages.stage import Stage
from bus.stages.ticks import Ticker
from bus.stages.worker import Worker


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

    @property
    def resting(self) -> bool:
        """Whether one failed in its last turn and another is to come."""
        return any(worker.resting for worker in self._workers.values())

    def turn(self) -> bool:
        """A turn of each; True if records were processed."""
        worked = self._workers[AUTHORITY].turn(0.0)
        names = [entry.name for entry in self._follower.read().trust.agencies if entry.name not in (BUS, AUTHORITY)]
        for gone in self._workers.keys() - {AUTHORITY, *names}:
            self._workers.pop(gone).release()
        for name in names:
            worker = self._workers.get(name)
            if worker is None:
                stage = Ingest(name, self._follower, self._pool, relay=self._relay, metrics=self._metrics)
                worker = self._workers[name] = self._worker(stage)
            worked |= worker.turn(0.0)
        return worked

    def release(self) -> None:
        """Let go of all names."""
        for worker in self._workers.values():
            worker.release()
