"""A process of ingest, as `bus.stages.processes` starts it: `python -m bus.stages.child HOME [--until-idle]`.

It serves its share of the shards until its stdin ends, which happens however its parent ends, or a signal asks it to.
On stdout it tells its parent, a JSON document a line, what its metrics counted, and at last the fault that ended it.
Ctrl-C reaches every process of a terminal: it is left to the parent.
"""

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any, Final

from bus import config
from bus.clock import now_ms
from bus.errors import TocsinError
from bus.home import Home
from bus.log.sqlite import SqliteLog
from bus.logs import log_to_stderr
from bus.metrics import Recorder
from bus.stages.run import Runner
from bus.stages.shards import RestingError

TELL_S: Final = 1.0
"""How often the parent hears what was counted."""
_TROUBLE: Final = 3


def main(arguments: list[str] | None = None) -> int:
    """Serve until asked to end; returns the exit code."""
    parser = argparse.ArgumentParser(prog="bus.stages.child", description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--until-idle", action="store_true")
    options = parser.parse_args(arguments)
    stop = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threading.Thread(target=_until_stdin_ends, args=(stop,), name="parent", daemon=True).start()
    try:
        _serve(options.home, stop, until_idle=options.until_idle)
    except RestingError as fault:
        _tell({"ailing": fault.ailing})
    except TocsinError as fault:
        advice = fault.advice or "Nothing is lost: run it again."
        _tell({"fault": {"what": str(fault), "advice": advice, "retriable": fault.retriable}})
        return _TROUBLE
    return 0


def _serve(path: Path, stop: threading.Event, *, until_idle: bool) -> None:
    home = Home.open(path, writing=True)
    settings = config.load(home.config)
    log_to_stderr(settings.log_level, settings.log_format, settings.log_interval_s)
    metrics, over = Recorder(), threading.Event()
    log = SqliteLog(home.log, now_ms, lease_s=settings.lease_s)
    telling = threading.Thread(target=_keep_telling, args=(metrics, over), name="metrics")
    telling.start()
    try:
        runner = Runner(log, pin=home.pin(), bus_key=None, settings=settings, metrics=metrics, stages=("ingest",))
        runner.run(until_idle=until_idle, stop=stop)
    finally:
        log.close()
        over.set()
        telling.join()


def _keep_telling(metrics: Recorder, over: threading.Event) -> None:
    while True:
        is_over = over.wait(TELL_S)
        if calls := metrics.take():
            _tell({"metrics": calls})
        if is_over:
            return


def _tell(what: dict[str, Any]) -> None:
    try:
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # The parent is gone: nobody is left to hear it, and stdin has ended too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _until_stdin_ends(stop: threading.Event) -> None:
    while os.read(0, 1):
        pass
    stop.set()


if __name__ == "__main__":
    sys.exit(main())
