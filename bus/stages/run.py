"""The whole bus: ingest in processes of its own or in a thread, the slot of correlate in a thread; or one stage alone.

In one process two more threads verify signatures, since the library that does so lets others work meanwhile; a process
of ingest does all in one thread, and more processes are started instead (bus/decisions/processes.md). Each part
restores itself from the log (the worker loop); what ends one for good ends the others cleanly, and then this run.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from bus.clock import now_ms
from bus.config import Settings
from bus.errors import TocsinError, UsageError
from bus.log.protocol import Log
from bus.log.topics import agency_topics, bus_topics
from bus.metrics import Meter
from bus.names import AUTHORITY
from bus.stages.ahead import check_clock
from bus.stages.authority import PATIENCE
from bus.stages.correlate.stage import NAME as CORRELATE
from bus.stages.correlate.stage import BusKeys, Correlate
from bus.stages.ingest import NAME as INGEST
from bus.stages.interpreter import tuned_interpreter
from bus.stages.processes import Processes, wanted
from bus.stages.relay import Relay
from bus.stages.shards import RestingError, Shards
from bus.stages.stage import Progress, Stage
from bus.stages.threads import Threads
from bus.stages.upkeep import may_remove
from bus.stages.worker import Worker
from bus.trust.keys import SigningKey

STAGES: Final = (INGEST, CORRELATE)
VERIFIERS: Final = 2
"""Threads that verify: as many as the cores that one process can count on."""
_SHORT_S: Final = 0.02
"""How long the slot waits for the shards before it looks whether they are done, or whether it may try again."""

_log = logging.getLogger(__name__)


class Runner:
    """Runs ingest and correlate, or one of them. One slot of correlate at a time per log: a second raises `Owned`."""

    def __init__(  # noqa: PLR0913 - what a bus is made of
        self,
        log: Log,
        *,
        pin: bytes,
        bus_key: SigningKey | BusKeys | None,
        settings: Settings,
        clock_ms: Callable[[], int] = now_ms,
        metrics: Meter | None = None,
        stages: Collection[str] = STAGES,
        home: Path | None = None,
        progress: Progress | None = None,
    ) -> None:
        """`pin` is the digest of the first roster; `bus_key` signs the alerts, ingest alone needs none.

        `home`: where processes of ingest find all this again; without it everything runs in this process, by
        `clock_ms`, which gives UTC ms.
        """
        self._log = log
        self._pin = pin
        self._bus_key = bus_key
        self._settings = settings
        self._clock_ms = clock_ms
        self._metrics = metrics
        self._stages = frozenset(stages)
        self._home = home
        self._progress = progress
        self._relay = Relay()
        self._retained_at = time.monotonic()

    def run(self, *, until_idle: bool = False, stop: threading.Event | None = None) -> None:
        """Run until `stop` is set, or until nothing is left to do; a tick is never work.

        Refuses to start where the log is ahead of the clock. What is in hand is finished and committed first. Raises
        what ended a part for good, or at the end `RestingError` where agencies' shards rest after a fault.
        """
        check_clock(self._log, self._clock_ms())
        self._log.create([*bus_topics(), *agency_topics(AUTHORITY)])
        threads = Threads(stop or threading.Event())
        processes = self._processes(until_idle=until_idle)
        with tuned_interpreter(), self._verifiers(processes) as pool:
            shards = self._shards(pool, until_idle=until_idle) if INGEST in self._stages else None
            slot = self._slot(until_idle=until_idle) if CORRELATE in self._stages else None
            try:
                if slot is not None:
                    slot.own()  # before anything else begins: the bus may run already
                self._run_parts(shards, slot, processes, threads, until_idle=until_idle)
            finally:
                _release(shards, slot)
        ailing = {
            agency: what for part in (processes, shards) if part is not None for agency, what in part.ailing.items()
        }
        if ailing:
            raise RestingError(ailing)

    def _run_parts(
        self,
        shards: Shards | None,
        slot: Worker | None,
        processes: Processes | None,
        threads: Threads,
        *,
        until_idle: bool,
    ) -> None:
        """All parts beside each other; then what came while one of them had ended."""
        ingested = threading.Event() if until_idle else None
        parts: dict[str, Callable[[], None]] = {}
        if processes is not None:
            parts[INGEST] = partial(self._ingest_apart, processes, threads, ingested)
        elif shards is not None:
            parts[INGEST] = partial(self._ingest, shards, threads, ingested)
        elif ingested is not None:
            ingested.set()
        if slot is not None:
            parts[CORRELATE] = partial(self._correlate, slot, threads, ingested)
        threads.run(parts, meanwhile=self._keep_house)
        if until_idle:
            self._drain(shards, slot, threads)

    def _ingest_apart(self, processes: Processes, threads: Threads, ingested: threading.Event | None) -> None:
        """Look after the processes; with `ingested`, until all have done their work, and then say so."""
        with processes:
            while not threads.over:
                if not processes.watch():
                    break
        if ingested is not None:
            ingested.set()

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

    def _drain(self, shards: Shards | None, slot: Worker | None, threads: Threads) -> None:
        """What came while one of the parts had ended: in turn, until neither finds anything."""
        worked = True
        while worked and not threads.over:
            worked = shards is not None and shards.turn()
            worked |= slot is not None and slot.turn(0.0)
            is_resting = (shards is not None and shards.resting) or (slot is not None and slot.resting)
            if not worked and is_resting:
                worked = True
                threads.rest(_SHORT_S)
            self._keep_house()

    def _keep_house(self) -> None:
        """Remove what is past its retention, now and then; where that fails it waits for the next time."""
        if time.monotonic() < self._retained_at + self._settings.retain_interval_s:
            return
        self._retained_at = time.monotonic()
        try:
            now = self._clock_ms()
            if may_remove(self._log, self._pin, now):
                self._log.retain(now)
        except TocsinError as fault:
            _log.warning("retention failed, tried again later: %s", fault)

    def _processes(self, *, until_idle: bool) -> Processes | None:
        """Those of ingest, if they pay."""
        if self._home is None or not self._stages.issuperset(STAGES):
            return None
        number = wanted(self._settings, self._log, until_idle=until_idle)
        return Processes(self._home, number, self._metrics, until_idle=until_idle) if number else None

    @contextmanager
    def _verifiers(self, processes: Processes | None) -> Iterator[Executor | None]:
        """Threads that verify, where ingest and correlate share this process."""
        if processes is not None or not self._stages.issuperset(STAGES):
            yield None
            return
        with ThreadPoolExecutor(VERIFIERS, "verify") as pool:
            yield pool

    def _shards(self, pool: Executor | None, *, until_idle: bool) -> Shards:
        return Shards(
            self._log,
            pin=self._pin,
            pool=pool,
            settings=self._settings,
            clock_ms=self._clock_ms,
            worker=lambda stage: self._worker(stage, until_idle=until_idle),
            until_idle=until_idle,
            relay=None if pool is None else self._relay,
            metrics=self._metrics,
        )

    def _slot(self, *, until_idle: bool) -> Worker:
        if self._bus_key is None:
            raise UsageError("correlate signs alerts and has no key of the bus", "Run it where the bus's key is.")
        slot = Correlate(
            self._log,
            pin=self._pin,
            bus_key=self._bus_key,
            relay=self._relay,
            progress=self._progress,
            metrics=self._metrics,
        )
        return self._worker(slot, until_idle=until_idle)

    def _worker(self, stage: Stage, *, until_idle: bool) -> Worker:
        return Worker(
            self._log,
            stage,
            settings=self._settings,
            clock_ms=self._clock_ms,
            patience=PATIENCE if until_idle else None,
            metrics=self._metrics,
        )


def _release(*parts: Shards | Worker | None) -> None:
    """Let go of all names; where the log can't, the lease ends with the process."""
    for part in parts:
        try:
            if part is not None:
                part.release()
        except TocsinError as fault:
            _log.warning("names could not be let go: %s", fault)
