"""The whole path, from submission to five outboxes: its cost against what no bus can avoid, speed, memory, start.

Part of `make bench`. Every figure stands beside its target; a miss is printed, and is no failure of the program.
"""

import argparse
import gc
import resource
import subprocess
import sys
import tempfile
import tracemalloc
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

from bus.clock import now_ms
from bus.config import Settings
from bus.log.protocol import NewRecord, Record
from bus.log.sqlite import SqliteLog
from bus.log.topics import topic
from bus.stages.correlate.stage import Correlate
from bus.stages.following import ControlFollower
from bus.stages.ingest import Ingest
from bus.stages.interpreter import tuned_interpreter
from bus.stages.relay import Relay
from bus.stages.run import Runner
from bus.stages.stage import Stage
from bus.stages.worker import Worker
from schemas.codec import decode_trusted
from schemas.registry import newest
from tests.bench.load import AGENCIES, Submitted, World, batches, open_world, submissions
from tests.bench.spent import Spent, now, total
from tests.bench.yardstick import Yardstick

BATCH: Final = 500
EVENTS: Final = 4_000
TARGET_RATIO: Final = 1.5
TARGET_PER_S: Final = 1_500
TARGET_BYTES: Final = 2_000
TARGET_START_S: Final = 0.3
STARTS: Final = 7
MORE: Final = 3
"""So many times the events where the start of processes counts too."""
_WHOLE: Final = 100
"""From here on figures are shown without decimals."""


@dataclass
class Stretch:
    """One part of the path: its time, and that of its primitives, batch by batch."""

    name: str
    path: list[Spent] = field(default_factory=list)
    bare: list[Spent] = field(default_factory=list)

    def add(self, path: Spent, bare: Spent) -> None:
        """One batch."""
        self.path.append(path)
        self.bare.append(bare)

    @property
    def ratio(self) -> Spent:
        """On each clock the median over the batches, the first left out: caches fill, and files begin."""
        pairs = list(zip(self.path, self.bare, strict=True))
        kept = pairs[1:] or pairs
        return Spent(
            median(path.wall_s / bare.wall_s for path, bare in kept),
            median(path.cpu_s / bare.cpu_s for path, bare in kept),
        )


class Watch:
    """Sees which records were written to the log since it last looked."""

    def __init__(self, log: SqliteLog) -> None:
        """Begin at the ends of all topics."""
        self._log = log
        self._ends = {state.name: state.end for state in log.describe().topics}

    def written(self) -> list[NewRecord]:
        """What was written since the last look."""
        found: list[NewRecord] = []
        for name, start in self._ends.items():
            end = self._log.end(name)
            if end > start:
                found += [NewRecord(one.topic, one.key, one.value, one.headers) for one in self._log.read(name, start)]
            self._ends[name] = end
        return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS, help="events in each part (default %(default)s)")
    events = parser.parse_args(arguments).events
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        path = Path(folder)
        with tuned_interpreter():
            whole, bare = _ratio(path / "ratio", events)
        spent = {number: _throughput(path / f"speed-{number}", MORE * events, number) for number in (0, 1)}
        state = _state(path / "state", events)
    start_s = _start()
    print()
    apart, together = (spent[number].wall_s / (MORE * events) for number in (1, 0))
    ratio = apart / bare.wall_s * events
    _line("whole path against its primitives", ratio, f"<= {TARGET_RATIO}", good=ratio <= TARGET_RATIO)
    _line("  the same, all in one thread, batch by batch", whole.wall_s)
    _line("  the same, on the processor's clock", whole.cpu_s)
    _line("  processor time of the run against its own", spent[1].cpu_s / (MORE * bare.cpu_s))
    _line("events/s, submit to outbox", 1 / apart, f">= {TARGET_PER_S:,}", good=1 / apart >= TARGET_PER_S)
    _line("  the same, all in one process", 1 / together)
    _line("bytes of state per open event", state, f"<= {TARGET_BYTES:,}", good=state <= TARGET_BYTES)
    _line("seconds to tocsin --help", start_s, f"<= {TARGET_START_S}", good=start_s <= TARGET_START_S)
    return 0


def _ratio(folder: Path, events: int) -> tuple[Spent, Spent]:
    """Cost of the path against its primitives: in one thread, batch by batch beside each other; and that of these."""
    world = open_world(folder)
    yardstick = Yardstick(folder, {name: key.public.raw for name, key in world.keys.items()})
    follower = ControlFollower(world.log, world.home.pin())
    relay = Relay()
    shards = [_worker(world, Ingest(name, follower, relay=relay)) for name in AGENCIES]
    slot = _worker(world, Correlate(world.log, pin=world.home.pin(), bus_key=world.bus_key, relay=relay))
    for worker in (*shards, slot):
        worker.drain()
    watch = Watch(world.log)
    submit, ingest, correlate = stretches = [Stretch("submit"), Stretch("ingest"), Stretch("correlate")]
    alerts = 0
    for batch in batches(submissions(world, events), BATCH):
        spent = _submit(world.log, batch)
        submit.add(spent, total(yardstick.commit(written) for written in _by_topic(watch.written())))
        bare = [yardstick.verify(batch), yardstick.decode(batch), yardstick.digest(batch)]
        turns = [_turn(worker, watch) for worker in shards]
        bare += [yardstick.commit(written) for _, written in turns]
        ingest.add(total(spent for spent, _ in turns), total(bare))
        spent, written = _turn(slot, watch)
        bodies = _alerts(written)
        correlate.add(spent, total([yardstick.commit(written), yardstick.sign(bodies)]))
        alerts += len(bodies)
    for worker in (*shards, slot):
        worker.release()
    yardstick.close()
    world.log.close()
    return _report(stretches, events, alerts)


def _report(stretches: Sequence[Stretch], events: int, alerts: int) -> tuple[Spent, Spent]:
    """Print each stretch per event; the whole path's ratio, the median over the batches, and its primitives' time."""
    whole = Stretch("whole path")
    for path, bare in zip(
        zip(*(one.path for one in stretches), strict=True),
        zip(*(one.bare for one in stretches), strict=True),
        strict=True,
    ):
        whole.add(total(path), total(bare))
    print(f"{events:,} real reports, each delivered to {len(AGENCIES)} readers; {alerts:,} alerts signed\n")
    print(
        f"{'us per event':<14}{'path':>8}{'primitives':>12}{'ratio':>8}{'processor':>13}{'primitives':>12}{'ratio':>8}"
    )
    for one in (*stretches, whole):
        path, bare = total(one.path), total(one.bare)
        walls, cpus = [
            f"{spent / events * 1e6:>{width}.0f}{least / events * 1e6:>12.0f}{ratio:>8.2f}"
            for spent, least, ratio, width in zip(path, bare, one.ratio, (8, 13), strict=True)
        ]
        print(f"{one.name:<14}{walls}{cpus}")
    return whole.ratio, total(whole.bare)


def _throughput(folder: Path, events: int, processes: int) -> Spent:
    """The time of events through the runner as it is, submission and delivery durable, its processes' start included.

    So many processes of ingest, or none: then it runs in threads of this one.
    """
    world = open_world(folder)
    made = submissions(world, events)
    runner = Runner(
        world.log,
        pin=world.home.pin(),
        bus_key=world.bus_key,
        settings=Settings(ingest_workers=processes),
        home=world.home.path,
    )
    started, children = now(), _children_s()
    for batch in batches(made, BATCH):
        _submit(world.log, batch)
    runner.run(until_idle=True)
    spent = Spent.since(started)
    spent = Spent(spent.wall_s, spent.cpu_s + _children_s() - children)
    delivered = min(sum(1 for _ in world.log.read(topic("outbox", name))) for name in AGENCIES)
    if delivered < events:
        message = f"only {delivered} of {events} events were delivered"
        raise RuntimeError(message)
    world.log.close()
    return spent


def _children_s() -> float:
    """Processor time of the processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _state(folder: Path, events: int) -> float:
    """Bytes that correlate keeps for one more open event; the first half fills what is kept only once."""
    world = open_world(folder)
    for batch in batches(submissions(world, events), BATCH):
        _submit(world.log, batch)
    follower = ControlFollower(world.log, world.home.pin())
    for name in AGENCIES:
        shard = _worker(world, Ingest(name, follower))
        shard.drain()
        shard.release()
    stage = Correlate(world.log, pin=world.home.pin(), bus_key=world.bus_key)
    reader = world.log.take(stage.owner, stage.topics)
    stage.restore(world.log, reader)
    records = list(world.log.read(topic("events")))
    half = len(records) // 2
    tracemalloc.start()
    before = _held(stage, records[:half])
    used = _held(stage, records[half:]) - before
    tracemalloc.stop()
    reader.release()
    world.log.close()
    return used / (len(records) - half)


def _held(stage: Correlate, records: Sequence[Record]) -> int:
    """Bytes in use after these records."""
    for start in range(0, len(records), BATCH):
        stage.process(list(records[start : start + BATCH]))
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _start() -> float:
    """Seconds from the command to its help, the median of several starts."""
    command = [str(Path(sys.executable).with_name("tocsin")), "--help"]
    found: list[float] = []
    for _ in range(STARTS):
        started = perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found.append(perf_counter() - started)
    return median(found)


def _submit(log: SqliteLog, batch: Sequence[Submitted]) -> Spent:
    """Append a batch, one durable transaction per agency, as publishers do."""
    records = _by_topic([NewRecord(topic("submissions", one.agency), one.feed.encode(), one.data) for one in batch])
    started = now()
    for found in records:
        log.append(found[0].topic, found)
    return Spent.since(started)


def _turn(worker: Worker, watch: Watch) -> tuple[Spent, list[NewRecord]]:
    """One turn of a worker: its time, and what it wrote."""
    started = now()
    worker.turn(0.0)
    return Spent.since(started), watch.written()


def _worker(world: World, stage: Stage) -> Worker:
    return Worker(world.log, stage, settings=Settings(batch_records=BATCH), clock_ms=now_ms)


def _by_topic(records: Sequence[NewRecord]) -> list[list[NewRecord]]:
    """The records of each topic: what was appended in a transaction of its own."""
    found: dict[str, list[NewRecord]] = defaultdict(list)
    for record in records:
        found[record.topic].append(record)
    return list(found.values())


def _alerts(written: Sequence[NewRecord]) -> list[bytes]:
    """The alerts among deliveries, each once: what had to be signed."""
    delivery = newest("delivery")
    found = [decode_trusted(delivery, one.value) for one in written if one.topic.startswith("outbox.")]
    return sorted({one["body"] for one in found if one["kind"] == "alert" and one["body"]})


def _line(what: str, figure: float, target: str | None = None, *, good: bool = True) -> None:
    shown = f"{figure:,.0f}" if figure >= _WHOLE else f"{figure:.2f}"
    print(f"{what:<44}{shown:>10}" + ("" if target is None else f"   target {target:<10}{'pass' if good else 'MISS'}"))


if __name__ == "__main__":
    sys.exit(main())
