"""The whole bus in one process: all shards of ingest in one thread, the slot of correlate in another.

Two more threads verify signatures, since the library that does so lets others work meanwhile. Each part restores itself
from the log (the worker loop); what ends one for good ends the other cleanly, and then this run.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from bus.clock import now_ms
from bus.config import Settings
from bus.errors import TocsinError
from bus.log.protocol import Log
from bus.log.topics import agency_topics, bus_topics
from bus.metrics import Metrics
from bus.names import AUTHORITY
from bus.stages.ahead import check_clock
from bus.stages.authority import PATIENCE
from bus.stages.correlate.stage import Correlate
from bus.stages.interpreter import tuned_interpreter
from bus.stages.relay import Relay
from bus.stages.shards import Shards
from bus.stages.stage import Stage
from bus.stages.threads import Threads
from bus.stages.worker import Worker
from bus.trust.keys import SigningKey

VERIFIERS: Final = 2
"""Threads that verify: as many as the cores that one process can count on."""
_SHORT_S: Final = 0.02
"""How long the slot waits for the shards before it looks whether they are done, or whether it may try again."""

_log = logging.getLogger(__name__)


class Runner:
    """Runs ingest and correlate. One at a time per log: a second one raises `Owned`, which names the first."""

    def __init__(  # noqa: PLR0913 - what a bus is made of
        self,
        log: Log,
        *,
        pin: bytes,
        bus_key: SigningKey,
        settings: Settings,
        clock_ms: Callable[[], int] = now_ms,
        metrics: Metrics | None = None,
    ) -> None:
        """`pin` is the digest of the first roster; `bus_key` signs the alerts; `clock_ms` gives UTC ms."""
        self._log = log
        self._pin = pin
        self._bus_key = bus_key
        self._settings = settings
        self._clock_ms = clock_ms
        self._metrics = metrics
        self._relay = Relay()
        self._retained_at = time.monotonic()

    def run(self, *, until_idle: bool = False, stop: threading.Event | None = None) -> None:
        """Run until `stop` is set, or until nothing is left to do; a tick is never work.

        Refuses to start where the log is ahead of the clock. What is in hand is finished and committed first. Raises
        what ended a part for good, or at the end `RestingError` where agencies' shards rest after a fault.
        """
        check_clock(self._log, self._clock_ms())
        self._log.create([*bus_topics(), *agency_topics(AUTHORITY)])
        patience = PATIENCE if until_idle else None
        threads = Threads(stop or threading.Event())
        with tuned_interpreter(), ThreadPoolExecutor(VERIFIERS, "verify") as pool:
            shards = self._shards(pool, patience)
            slot = self._worker(self._slot(), patience)
            try:
                self._run(shards, slot, threads, until_idle=until_idle)
            finally:
                _release(shards, slot)
            if shards.ailing is not None:
                raise shards.ailing

    def _run(self, shards: Shards, slot: Worker, threads: Threads, *, until_idle: bool) -> None:
        """Both parts beside each other; then what came while one of them had ended."""
        ingested = threading.Event() if until_idle else None
        parts = {
            "ingest": partial(self._ingest, shards, threads, ingested),
            "correlate": partial(self._correlate, slot, threads, ingested),
        }
        threads.run(parts, meanwhile=self._keep_house)
        if until_idle:
            self._drain(shards, slot, threads)

    def _ingest(self, shards: Shards, threads: Threads, ingested: threading.Event | None) -> None:
        """Serve the shards; with `ingested`, until none finds anything, and then say so."""
        while not threads.over:
            if shards.turn():
                continue
            if ingested is not None and not shards.resting:
                ingested.set()
                return
            self._log.wait(self._settings.poll_timeout_s)

    def _correlate(self, slot: Worker, threads: Threads, ingested: threading.Event | None) -> None:
        """Serve the slot; with `ingested`, until that is set and nothing was found since."""
        wait_s = self._settings.poll_timeout_s if ingested is None else _SHORT_S
        while not threads.over:
            is_last = ingested is not None and ingested.is_set()
            if slot.turn(wait_s):
                continue
            if slot.resting:
                threads.rest(_SHORT_S)
            elif is_last:
                return

    def _drain(self, shards: Shards, slot: Worker, threads: Threads) -> None:
        """What came while one of the parts had ended: in turn, until neither finds anything."""
        worked = True
        while worked and not threads.over:
            worked = shards.turn() | slot.turn(0.0)
            if not worked and (shards.resting or slot.resting):
                worked = True
                threads.rest(_SHORT_S)
            self._keep_house()

    def _keep_house(self) -> None:
        """Remove what is past its retention, now and then; where that fails it waits for the next time."""
        if time.monotonic() < self._retained_at + self._settings.retain_interval_s:
            return
        self._retained_at = time.monotonic()
        try:
            self._log.retain(self._clock_ms())
        except TocsinError as fault:
            _log.warning("retention failed, tried again later: %s", fault)

    def _shards(self, pool: ThreadPoolExecutor, patience: int | None) -> Shards:
        return Shards(
            self._log,
            pin=self._pin,
            pool=pool,
            settings=self._settings,
            clock_ms=self._clock_ms,
            worker=lambda stage: self._worker(stage, patience),
            relay=self._relay,
            metrics=self._metrics,
        )

    def _slot(self) -> Correlate:
        return Correlate(self._log, pin=self._pin, bus_key=self._bus_key, relay=self._relay, metrics=self._metrics)

    def _worker(self, stage: Stage, patience: int | None) -> Worker:
        return Worker(
            self._log,
            stage,
            settings=self._settings,
            clock_ms=self._clock_ms,
            patience=patience,
            metrics=self._metrics,
        )


def _release(shards: Shards, slot: Worker) -> None:
    """Let go of all names; where the log can't, the lease ends with the process."""
    for part in (shards, slot):
        try:
            part.release()
        except TocsinError as fault:
            _log.warning("names could not be let go: %s", fault)
