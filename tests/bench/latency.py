"""From submit to outbox at a steady load: how long it takes until a reader can have what an agency has sent.

Part of `make bench`. The bus runs as `tocsin run` does, in processes of its own; agencies send each report at its time
whether the bus keeps up or not, and the wait counts from that time on: who sends late, because the log was busy, is
not forgiven (no coordinated omission). A wait ends when the delivery stands in a reader's outbox, durable.
"""

import argparse
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Final

from bus.clock import now_ms
from bus.log.protocol import NewRecord
from bus.log.sqlite import SqliteLog
from bus.log.topics import topic
from tests.bench.load import AGENCIES, Submitted, World, open_world, submissions

PER_S: Final = 500
SECONDS: Final = 20
WARM_S: Final = 3
"""Left out of the figures: files begin, caches fill."""
TARGET_MS: Final = 25.0
PATIENCE_S: Final = 60.0
READER: Final = AGENCIES[0]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=PER_S, help="reports a second (default %(default)s)")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="for how long (default %(default)s)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        world = open_world(Path(folder) / "home")
        made = submissions(world, options.rate * (options.seconds + WARM_S))
        with bus(world):
            waits = measure(world, made, options.rate)
        world.log.close()
    kept = sorted(waits[options.rate * WARM_S :])
    percents = quantiles(kept, n=1000)
    print(f"submit to outbox at {options.rate} reports a second, {len(kept):,} of them, five readers each")
    for name, value in (("p50", percents[499]), ("p90", percents[899]), ("p99", percents[989]), ("most", kept[-1])):
        judged = (
            f"   target <= {TARGET_MS:.0f} ms   {'pass' if value <= TARGET_MS else 'MISS'}" if name == "p99" else ""
        )
        print(f"  {name:<6}{value:>10.1f} ms{judged}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"  processor time of the bus: {used.ru_utime + used.ru_stime:.1f} s")
    return 0


@contextmanager
def bus(world: World, *flags: str) -> Iterator[subprocess.Popen[bytes]]:
    """`tocsin run` on this home, from when it owns its names until the end."""
    command = [str(Path(sys.executable).with_name("tocsin")), "--home", str(world.home.path), "run", *flags]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        names = {f"ingest-{name}" for name in AGENCIES} | {"correlate-0"}
        until = time.monotonic() + PATIENCE_S
        while not names <= {one.name for one in world.log.describe().owners if one.holder}:
            if time.monotonic() > until or process.poll() is not None:
                message = "the bus did not start"
                raise RuntimeError(message)
            time.sleep(0.1)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def measure(world: World, made: Sequence[Submitted], rate: int) -> list[float]:
    """Milliseconds from the time at which each was due to its delivery, in order."""
    seen: dict[bytes, float] = {}
    reading = threading.Thread(target=read, args=(world, made, seen))
    reading.start()
    began = time.monotonic() + 0.5
    due = [began + number / rate for number in range(len(made))]
    send(world.log, made, due)
    reading.join()
    if len(seen) < len(made):
        message = f"only {len(seen)} of {len(made)} reports were delivered"
        raise RuntimeError(message)
    return [(seen[one.ref.encode()] - at) * 1000 for one, at in zip(made, due, strict=True)]


def send(log: SqliteLog, made: Sequence[Submitted], due: Sequence[float]) -> None:
    """Append each when it is due; what has become due meanwhile goes with it, as a publisher sends what it has."""
    sent = 0
    while sent < len(made):
        if (left := due[sent] - time.monotonic()) > 0:
            time.sleep(left)
        until = bisect_right(due, time.monotonic())
        waiting: dict[str, list[NewRecord]] = defaultdict(list)
        for one in made[sent:until]:
            name = topic("submissions", one.agency)
            waiting[name].append(NewRecord(name, one.feed.encode(), one.data))
        for name, records in waiting.items():
            log.append(name, records)
        sent = until


def read(world: World, made: Sequence[Submitted], seen: dict[bytes, float]) -> None:
    """When each report stood in the reader's outbox, by its name."""
    log, name = SqliteLog(world.home.log, now_ms), topic("outbox", READER)
    position, until = log.end(name), time.monotonic() + PATIENCE_S
    wanted = {one.ref.encode() for one in made}
    while wanted and time.monotonic() < until:
        if not log.wait(0.25):
            continue
        at = time.monotonic()
        for record in log.read(name, position):
            position = record.offset + 1
            until = at + PATIENCE_S
            if record.key in wanted:
                wanted.remove(record.key)
                seen[record.key] = at
    log.close()


if __name__ == "__main__":
    sys.exit(main())
