"""`tocsin run --until-idle` on a home, in a process that may kill itself at a chosen commit.

`python -m tests.support.run_worker HOME WHERE COMMIT`: WHERE is `before` (outputs are made, nothing is written),
`within` (they are written, the transaction is open), `after` (it is committed, nobody knows yet) or `never`; COMMIT
counts the commits of all stages that have outputs. `never` pauses at each, so that somebody else's kill finds work.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import apsw

from bus.cli.main import main
from bus.log.protocol import NewRecord
from bus.log.sqlite.reader import SqliteReader
from bus.log.sqlite.tables import Tables, Topic

PAUSE_S = 0.01


def die() -> NoReturn:
    """End at once, as a crash does."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a killed process does not go on")


def plant(where: str, commit: int) -> None:
    """Let this process die at that commit."""
    commits, append = SqliteReader.commit, Tables.append
    counted, lock = [0], threading.Lock()
    inside = threading.local()

    def counting(self: SqliteReader, outputs: Sequence[NewRecord], *args: Any, **more: Any) -> None:
        with lock:
            counted[0] += bool(outputs)
            is_last = bool(outputs) and counted[0] == commit
        if where == "never":
            time.sleep(PAUSE_S)
        if is_last and where == "before":
            die()
        inside.last = is_last and where == "within"
        commits(self, outputs, *args, **more)
        if is_last and where == "after":
            die()

    def appending(
        self: Tables, connection: apsw.Connection, topic: Topic, records: Sequence[NewRecord], now: int
    ) -> int:
        at = append(self, connection, topic, records, now)
        if getattr(inside, "last", False):
            die()
        return at

    changed: Mapping[type, tuple[str, Any]] = {SqliteReader: ("commit", counting), Tables: ("append", appending)}
    for owner, (name, patched) in changed.items():
        setattr(owner, name, patched)


if __name__ == "__main__":
    plant(sys.argv[2], int(sys.argv[3]))
    sys.exit(main(["run", "--until-idle", "--home", sys.argv[1]]))
