"""A long life: 200,000 events over years of the bus's own time, what it holds in memory, and how fast it starts again.

`make bench-long`. What is open or remembered is bounded by time: 14 days in the graph, 104 in the slot, 460 in ingest.
So time passes here, 480 days in each quarter of the events: after the first quarter memory must stay as it is. At the
end the slot and all shards start again, as after a crash; and once more on a home whose events are all open.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Final

from bus.config import Settings
from bus.errors import Refusal
from bus.log.protocol import NewRecord
from bus.log.topics import topic
from bus.operate import Desk
from bus.stages.correlate.stage import Correlate
from bus.stages.interpreter import tuned_interpreter
from bus.stages.shards import Shards
from bus.stages.stage import Stage
from bus.stages.worker import Worker
from bus.units import DAY_MS
from tests.bench.load import AGENCIES, Submitted, World, open_world, stream

EVENTS: Final = 200_000
OPEN: Final = 20_000
STEPS: Final = 400
"""In which time passes and memory is looked at."""
QUARTER_DAYS: Final = 480
RETAIN_STEPS: Final = 20
RENEW_DAYS: Final = 300
BATCH: Final = 500
TARGET_GROWTH: Final = 1.1
"""Of memory at the end against that after the first quarter."""
TARGET_START_S: Final = 30.0
BEGAN: Final = 1_790_000_000_000


class Clock:
    """UTC ms; it stands until it is set, and moves a millisecond with each look."""

    def __init__(self) -> None:
        """Begin."""
        self.now = BEGAN

    def __call__(self) -> int:
        """The time."""
        self.now += 1
        return self.now


class Bus:
    """All stages in this process, turn by turn, by a clock of their own."""

    def __init__(self, world: World, clock: Clock) -> None:
        """Not started."""
        self.world, self.clock = world, clock
        self.settings = Settings(batch_records=BATCH)
        self.shards = Shards(
            world.log,
            pin=world.home.pin(),
            pool=None,
            settings=self.settings,
            clock_ms=clock,
            worker=self.worker,
            until_idle=False,
        )
        self.slot = self.worker(Correlate(world.log, pin=world.home.pin(), bus_key=world.bus_key))

    def worker(self, stage: Stage) -> Worker:
        """The worker of a stage."""
        return Worker(self.world.log, stage, settings=self.settings, clock_ms=self.clock)

    def drain(self) -> None:
        """Until nothing is left to do."""
        while self.shards.turn() | self.slot.turn(0.0):
            pass

    def release(self) -> None:
        """Let go of all names."""
        self.shards.release()
        self.slot.release()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=EVENTS, help="over the years (default %(default)s)")
    parser.add_argument("--open", type=int, default=OPEN, help="on the home where all are open (default %(default)s)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder, tuned_interpreter():
        live(Path(folder) / "years", options.events, QUARTER_DAYS * 4)
        live(Path(folder) / "open", options.open, 1)
    return 0


def live(folder: Path, events: int, days: int) -> None:
    """So many events in so many days, and a start afterwards."""
    clock = Clock()
    world = open_world(folder, clock)
    bus, load = Bus(world, clock), stream(world, clock)
    print(f"{events:,} events in {days:,} days of the bus's time")
    held: list[int] = []
    renewed, began = clock.now, perf_counter()
    for step in range(STEPS):
        submit(world, load, events // STEPS)
        bus.drain()
        clock.now += days * DAY_MS // STEPS
        if clock.now > renewed + RENEW_DAYS * DAY_MS:
            bus.release()
            renewed = renew(world, clock)
        if step % RETAIN_STEPS == 0:
            world.log.retain(clock.now)
        held.append(memory_mb())
        if (step + 1) % (STEPS // 4) == 0:
            done = events * (step + 1) // STEPS
            print(f"  {done:>9,} events{held[-1]:>9,} MB{done / (perf_counter() - began):>9,.0f} events/s", flush=True)
    bus.release()
    if days > 1:
        quarter, end = max(held[: STEPS // 4]), max(held[-STEPS // 4 :])
        told("memory at the end against the first quarter's", end / quarter, TARGET_GROWTH)
    start(world, clock, events)
    world.log.close()


def submit(world: World, load: Iterator[Submitted], number: int) -> None:
    """So many submissions, a transaction for each agency."""
    made = list(islice(load, number))
    for name in AGENCIES:
        to = topic("submissions", name)
        world.log.append(to, [NewRecord(to, one.feed.encode(), one.data) for one in made if one.agency == name])


def renew(world: World, clock: Clock) -> int:
    """The same roster for another year; returns when."""
    done = Desk(world.home, world.log, clock_ms=clock).renew()
    assert not isinstance(done, Refusal), done
    return clock.now


def start(world: World, clock: Clock, events: int) -> None:
    """How long it takes until the next record could be read."""
    bus, began = Bus(world, clock), perf_counter()
    bus.slot.turn(0.0)
    slot_s = perf_counter() - began
    while len(bus.shards.names) <= len(AGENCIES):
        bus.shards.turn()
    shards_s = perf_counter() - began - slot_s
    bus.release()
    told(f"seconds to start again: the slot {slot_s:.1f}, all shards {shards_s:.1f}", slot_s + shards_s, TARGET_START_S)
    print(f"    {(slot_s + shards_s) / events * 1e6:,.0f} us for each event", flush=True)


def memory_mb() -> int:
    """What this process holds now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


def told(what: str, figure: float, target: float) -> None:
    """One figure, and whether it meets its target."""
    print(f"  {what:<66}{figure:>8.2f}   target <= {target:<6}{'pass' if figure <= target else 'MISS'}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
