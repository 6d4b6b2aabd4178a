"""A process that writes to the log or works on it until it is killed.

`python -m tests.support.log_worker ROLE DB ACKS NAME DIE_AT`: what was acknowledged to it stands in the file ACKS, one
line each. With DIE_AT > 0 it kills itself at that call of its disk.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

from bus.clock import now_ms
from bus.log.protocol import Log, NewRecord
from bus.log.sqlite import SqliteLog
from tests.support.faulty_disk import FaultyDisk

SUBMISSIONS, EVENTS = "submissions.fra", "events"


class DeadlyDisk(FaultyDisk):
    """Kills its process at the n-th write or sync."""

    def __init__(self, name: str, die_at: int) -> None:
        self.left = die_at
        super().__init__(name)

    def done(self, what: str, file: str, place: int = 0, data: bytes = b"") -> None:
        """Count, and die when it is time."""
        del what, file, place, data
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def write(log: Log, acks: int, name: str) -> None:
    """Append batches of chance sizes for ever."""
    number = 0
    while True:
        batch = [f"{name}:{n}" for n in range(number, number + random.randint(1, 20))]
        log.append(SUBMISSIONS, [NewRecord(SUBMISSIONS, b"k", value.encode()) for value in batch])
        os.write(acks, "".join(f"{value}\n" for value in batch).encode())
        number += len(batch)


def work(log: Log, acks: int, name: str) -> None:
    """Copy submissions to events for ever, outputs and cursor in one commit."""
    reader = log.take(name, [SUBMISSIONS])
    os.write(acks, b"taken\n")
    while True:
        batch = reader.poll(random.randint(1, 30), 0.2)
        if not batch:
            continue
        cursor = batch[-1].offset + 1
        reader.commit([NewRecord(EVENTS, b"k", record.value) for record in batch], {SUBMISSIONS: cursor}, str(cursor))
        os.write(acks, b"%d\n" % cursor)


def hold(log: Log, acks: int, name: str) -> None:
    """Own the name and do nothing, but look at the log now and then."""
    reader = log.take(name, [SUBMISSIONS])
    os.write(acks, b"taken\n")
    while True:
        reader.poll(1, 0.05)
        time.sleep(0.01)


def main(role: str, path: str, acks: str, name: str, die_at: int) -> None:
    """Open the log and play the role."""
    disk = DeadlyDisk("deadly", die_at) if die_at else None
    log = SqliteLog(Path(path), now_ms, vfs="deadly" if disk else None, lease_s=1.0 if role == "hold" else 15.0)
    file = os.open(acks, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    {"write": write, "work": work, "hold": hold}[role](log, file, name)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]))
