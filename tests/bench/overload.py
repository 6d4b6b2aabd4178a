"""Overload: one agency floods, one reader stalls, one place is hot; what that does to the others.

`python -m tests.bench.overload [--rate 50] [--seconds 12] [--only "bad signatures"]`. In each case four agencies send
at a steady rate, as in tests/bench/latency.py, and their wait until delivery is held against that of the quiet run.
Beside it stands what the bus's processes grew by, how often the flooder's shard paused, and what was refused.
"""

import argparse
import random
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import Final, NamedTuple

from bus.clock import now_ms
from bus.errors import Refusal
from bus.log.protocol import NewRecord
from bus.log.sqlite import SqliteLog
from bus.log.topics import topic
from bus.operate import Desk, FeedTerms
from bus.trust import frame
from bus.trust.frame import MAX_ENVELOPE_BYTES
from tests.bench.latency import WARM_S, bus, read, send
from tests.bench.load import AGENCIES, LABEL, Submitted, World, open_world, submissions

FLOODER: Final = AGENCIES[1]
BATCH: Final = 200
"""Records that a flooder appends at once; what it appended waits in its own topic."""
TARGET: Final = 2.0
"""By how much the others' p99 may grow, in every case."""
QUOTA: Final = 20


class Case(NamedTuple):
    """One way to be overloaded; `disturb` runs until it is told to end."""

    name: str
    disturb: Callable[[World, Sequence[Submitted], threading.Event], None]
    quota: int | None = None


class Seen(NamedTuple):
    """What was measured: the others' waits in ms, growth in MB, pauses and refusals of the flooder."""

    p50_ms: float
    p99_ms: float
    grown_mb: float
    pauses: int
    refused: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=50, help="the others' reports a second (default %(default)s)")
    parser.add_argument("--seconds", type=int, default=12, help="for how long in each case (default %(default)s)")
    parser.add_argument("--only", choices=[case.name for case in CASES], help="this case alone, beside the quiet one")
    options = parser.parse_args(arguments)
    quiet: Seen | None = None
    print(f"{'':<20}{'p50 ms':>9}{'p99 ms':>9}{'p50 x':>8}{'p99 x':>8}{'grown MB':>10}{'pauses':>8}  refused")
    for case in CASES:
        if quiet is not None and options.only not in (None, case.name):
            continue
        seen = tried(case, options.rate, options.seconds)
        quiet = quiet or seen
        half, most = seen.p50_ms / quiet.p50_ms, seen.p99_ms / quiet.p99_ms
        print(
            f"{case.name:<20}{seen.p50_ms:>9.1f}{seen.p99_ms:>9.1f}{half:>8.2f}{most:>8.2f}"
            f"{seen.grown_mb:>10.1f}{seen.pauses:>8}  {seen.refused}"
            + ("" if most <= TARGET else f"   MISS (<= {TARGET})"),
            flush=True,
        )
    return 0


def tried(case: Case, rate: int, seconds: int) -> Seen:
    """One case on a bus of its own."""
    with tempfile.TemporaryDirectory(prefix="tocsin-overload-") as folder:
        world = open_world(Path(folder) / "home")
        if case.quota is not None:
            desk = Desk(world.home, world.log)
            [feed] = desk.roster.agencies[[one.name for one in desk.roster.agencies].index(FLOODER)].feeds
            terms = FeedTerms(feed.name, LABEL, LABEL, curated=feed.curated, quota_records_per_day=case.quota)
            done = desk.feed(FLOODER, terms)
            assert not isinstance(done, Refusal), done
        made = submissions(world, 6 * rate * (seconds + WARM_S))
        others = [one for one in made if one.agency != FLOODER][: rate * (seconds + WARM_S)]
        flood = [one for one in made if one.agency == FLOODER]
        with measured_bus(world) as (pid, port):
            waits, grown = measured(world, others, rate, partial(case.disturb, world, flood), pid)
            told = metrics(port)
        world.log.close()
    percents = quantiles(waits[rate * WARM_S :], n=1000)
    reasons = {
        name.split('reason="')[1].split('"')[0]: int(value)
        for name, value in told.items()
        if name.startswith("tocsin_rejected_total") and FLOODER in name and value
    }
    pauses = sum(value for name, value in told.items() if name.startswith("tocsin_pauses_total") and FLOODER in name)
    refused = ", ".join(f"{number:,} {reason}" for reason, number in sorted(reasons.items())) or "-"
    return Seen(percents[499], percents[989], grown, int(pauses), refused)


@contextmanager
def measured_bus(world: World) -> Iterator[tuple[int, int]]:
    """`tocsin run` on this home, with its process and its port of metrics."""
    port = random.randint(20_000, 60_000)
    with bus(world, "--metrics-port", str(port)) as process:
        yield process.pid, port


def measured(
    world: World, others: Sequence[Submitted], rate: int, disturb: Callable[[threading.Event], None], pid: int
) -> tuple[list[float], float]:
    """The others' waits in ms, in order; and MB by which the bus grew from the end of the warm-up on."""
    seen: dict[bytes, float] = {}
    over = threading.Event()
    parts = [
        threading.Thread(target=read, args=(world, others, seen)),
        threading.Thread(target=disturb, args=(over,)),
    ]
    for part in parts:
        part.start()
    began = time.monotonic() + 0.5
    due = [began + number / rate for number in range(len(others))]
    warm = rate * WARM_S
    send(world.log, others[:warm], due[:warm])
    before = resident_mb(pid)
    send(world.log, others[warm:], due[warm:])
    grown = resident_mb(pid) - before
    over.set()
    for part in parts:
        part.join()
    if len(seen) < len(others):
        message = f"only {len(seen)} of {len(others)} reports were delivered"
        raise RuntimeError(message)
    return [(seen[one.ref.encode()] - at) * 1000 for one, at in zip(others, due, strict=True)], grown


def resident_mb(pid: int) -> float:
    """Memory of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    own = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
    return own / 1024 + sum(resident_mb(int(child)) for child in children)


def metrics(port: int) -> dict[str, float]:
    """The bus's counters, once what its processes told lately has come in."""
    time.sleep(2.5)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}


# ---- the cases ----


def nothing(world: World, flood: Sequence[Submitted], over: threading.Event) -> None:
    """Quiet."""


def flooded(world: World, flood: Sequence[Submitted], over: threading.Event) -> None:
    """Good reports, as many as it has, as fast as they can be appended."""
    _append(world, [one.data for one in flood], over, rest_s=0.0)


def flooded_badly(world: World, flood: Sequence[Submitted], over: threading.Event) -> None:
    """Reports of another key's signature: each costs a verification."""
    spoiled = [frame.Envelope(one.envelope.payload_type, one.envelope.payload, _swapped(one)) for one in flood]
    _append(world, [one.encode() for one in spoiled], over, rest_s=0.0, again=True)


def flooded_with_garbage(world: World, flood: Sequence[Submitted], over: threading.Event) -> None:
    """256 KiB of nothing, 4 MB at a time."""
    chance = random.Random(1)
    garbage = [chance.randbytes(MAX_ENVELOPE_BYTES) for _ in range(16)]
    _append(world, garbage, over, rest_s=0.1, again=True)


def stalled(world: World, flood: Sequence[Submitted], over: threading.Event) -> None:
    """A reader begins to read its outbox and stops in the middle of it; the flood gives it more."""
    log = SqliteLog(world.home.log, now_ms)
    name = topic("outbox", AGENCIES[2])
    while not log.end(name) and not over.wait(0.1):
        pass
    reading = iter(log.read(name))
    next(reading, None)
    _append(world, [one.data for one in flood], over, rest_s=1.0)
    over.wait()
    del reading
    log.close()


def hot(world: World, flood: Sequence[Submitted], over: threading.Event) -> None:
    """One report, told again and again of one place and day under new ids."""
    _append(world, [one.data for one in _copies(world, flood[0], 4000)], over, rest_s=0.5)


def _append(
    world: World, values: Sequence[bytes], over: threading.Event, *, rest_s: float, again: bool = False
) -> None:
    log = SqliteLog(world.home.log, now_ms)
    name = topic("submissions", FLOODER)
    records = [NewRecord(name, b"reports", value) for value in values]
    time.sleep(WARM_S)
    start = 0
    while start < len(records) and not over.is_set():
        log.append(name, records[start : start + BATCH])
        start += BATCH
        if again and start >= len(records):
            start = 0
        if again and not rest_s:
            _wait_for(log, name, over)
        over.wait(rest_s)
    log.close()


def _wait_for(log: SqliteLog, name: str, over: threading.Event) -> None:
    """Keep some ten thousand records in the queue: more would only fill the disk of who measures."""
    while log.end(name) - log.cursors(f"ingest-{FLOODER}").get(name, 0) > 10_000 and not over.wait(0.05):
        pass


def _swapped(one: Submitted) -> tuple[frame.Signature, ...]:
    [signature] = one.envelope.signatures
    return (frame.Signature(signature.key_id, signature.value[:32] + signature.value[32:][::-1]),)


def _copies(world: World, first: Submitted, number: int) -> Iterator[Submitted]:
    """The same report under new ids, signed."""
    from schemas.codec import decode, encode, parse_payload_type, resolve  # noqa: PLC0415
    from schemas.registry import Schema  # noqa: PLC0415

    named = parse_payload_type(first.envelope.payload_type)
    assert not isinstance(named, Refusal)
    schema = resolve(named)
    assert isinstance(schema, Schema)
    value = decode(schema, first.envelope.payload)
    assert isinstance(value, dict)
    for copy in range(number):
        value["header"] = {**value["header"], "id": f"hot:{copy}", "sequence": copy + 1}
        envelope = frame.sign(first.envelope.payload_type, encode(schema, value), world.keys[FLOODER])
        yield Submitted(
            first.agency, first.feed, envelope, envelope.encode(), f"{first.agency}/{first.feed}/hot:{copy}"
        )


CASES: Final = (
    Case("quiet", nothing),
    Case("flood", flooded),
    Case("flood over quota", flooded, QUOTA),
    Case("bad signatures", flooded_badly),
    Case("256 KiB garbage", flooded_with_garbage),
    Case("stalled reader", stalled),
    Case("hot place", hot),
)


if __name__ == "__main__":
    sys.exit(main())
