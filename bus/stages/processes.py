"""Ingest in processes of its own, beside correlate in this one: they are started, watched, heard and ended here.

Each is this interpreter anew (`bus.stages.child`), never a fork: no connection to the log is ever shared. It ends when
its stdin ends, so none outlives this process, however that ends. It tells on stdout, a JSON document a line, what its
metrics counted, and if it fails for good, why: then the whole bus ends with that fault. One that is gone without a word
was killed: another takes its place, with pauses that grow, and its shards meanwhile are taken by the others.
"""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from bus.config import Settings
from bus.errors import TocsinError
from bus.log.protocol import Log
from bus.metrics import Meter, replay
from bus.stages.worker import MOST_PAUSE_S

MOST_BY_ITSELF: Final = 4
"""Processes that are started unasked: beyond, correlate is what limits."""
WORTH: Final = 5_000
"""Submissions that must wait before a run that ends by itself starts processes: each start costs as much as 1,000."""
DEATHS: Final = 5
"""In a row, after which a run that ends by itself gives up."""
_FIRST_PAUSE_S: Final = 0.1
_HEALTHY_S: Final = 60.0
"""A process that lived so long was well: the next pause is the first again."""
_LOOK_S: Final = 0.05
_END_S: Final = 30.0
"""How long what is in hand may take; then the process is killed, which loses nothing."""

_log = logging.getLogger(__name__)


class ChildError(TocsinError):
    """A process of ingest failed for good; it says why."""


class Child:
    """One process, and who listens to it."""

    def __init__(self, command: Sequence[str], metrics: Meter | None) -> None:
        """Start it."""
        self._metrics = metrics
        self.fault: ChildError | None = None
        self.ailing: dict[str, str] = {}
        self.started = time.monotonic()
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - ours
        self._listener = threading.Thread(target=self._listen, name=f"ingest-{self.pid}", daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def ended(self) -> int | None:
        """Its exit code, when it is gone and all that it said was heard; negative where a signal killed it."""
        code = self._process.poll()
        if code is not None:
            self._listener.join()
        return code

    def ask(self) -> None:
        """Let it finish what is in hand and end."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def end(self, until: float) -> None:
        """Wait for its end, which was asked for, no longer than until then; a process that hangs is killed."""
        self.ask()
        try:
            self._process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            _log.warning("the ingest process %d did not end in time and is killed; nothing is lost", self.pid)
            self._process.kill()
            self._process.wait()
        self._listener.join()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            self._heard(json.loads(line))

    def _heard(self, said: dict[str, Any]) -> None:
        if self._metrics is not None:
            replay(said.get("metrics", ()), self._metrics)
        self.ailing = said.get("ailing", self.ailing)
        if (fault := said.get("fault")) is not None:
            self.fault = ChildError(fault["what"], fault["advice"], retriable=fault["retriable"])


class Processes:
    """So many of them, while it is entered."""

    def __init__(self, home: Path, number: int, metrics: Meter | None, *, until_idle: bool) -> None:
        """They serve this home; with `until_idle` each ends when it finds nothing more to do."""
        self._command = [sys.executable, "-P", "-m", "bus.stages.child", str(home)]
        if until_idle:
            self._command.append("--until-idle")
        self._metrics = metrics
        self._until_idle = until_idle
        self.ailing: dict[str, str] = {}
        self._children: list[Child | None] = [None] * number
        self._is_done = [False] * number
        self._deaths = [0] * number
        self._start_at = [0.0] * number

    def __enter__(self) -> Self:
        """They are started by `watch`."""
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        """End all: each finishes what is in hand."""
        until = time.monotonic() + _END_S
        children = [child for child in self._children if child is not None]
        for child in children:
            child.ask()
        for child in children:
            child.end(until)
            self.ailing |= child.ailing
        failed = next((child.fault for child in children if child.fault is not None), None)
        if failed is not None and fault is None:
            raise failed

    def watch(self) -> bool:
        """Look after them, and wait a little; False when all have done their work."""
        for number, child in enumerate(self._children):
            if child is None:
                self._start(number)
            elif (code := child.ended()) is not None:
                self._follow(number, child, code)
        time.sleep(_LOOK_S)
        return not all(self._is_done)

    def _start(self, number: int) -> None:
        if not self._is_done[number] and time.monotonic() >= self._start_at[number]:
            self._children[number] = Child(self._command, self._metrics)

    def _follow(self, number: int, child: Child, code: int) -> None:
        """What comes after one that is gone."""
        child.end(0.0)
        self._children[number] = None
        self.ailing |= child.ailing
        if child.fault is not None:
            raise child.fault
        if code == 0 and self._until_idle:
            self._is_done[number] = True
            return
        was_well = time.monotonic() - child.started >= _HEALTHY_S
        self._deaths[number] = deaths = 1 if was_well else self._deaths[number] + 1
        if self._until_idle and deaths >= DEATHS:
            raise ChildError(
                f"the ingest process ended {deaths} times with code {code} and no word",
                "Nothing is lost. Look whether the machine's memory is full, and run it again; with"
                " `TOCSIN_INGEST_WORKERS=0` the bus runs in one process.",
            )
        pause_s = min(MOST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** (deaths - 1))
        self._start_at[number] = time.monotonic() + pause_s
        _log.warning("the ingest process %d ended with code %d; another starts in %.1f s", child.pid, code, pause_s)


def wanted(settings: Settings, log: Log, *, until_idle: bool) -> int:
    """How many processes pay: 0 where all is better done in threads of this one."""
    if until_idle and _waiting(log) < WORTH:
        return 0
    if settings.ingest_workers >= 0:
        return settings.ingest_workers
    return min(MOST_BY_ITSELF, _processors() - 1)


def _waiting(log: Log) -> int:
    """Submissions that no shard has judged."""
    state = log.describe()
    ends = {one.name: one.end for one in state.topics if one.name.startswith("submissions.")}
    read = {name: cursor for owner in state.owners for name, cursor in owner.cursors.items()}
    return sum(end - read.get(name, 0) for name, end in ends.items())


def _processors() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
