"""Two processes of ingest against one: how much faster the same submissions are judged.

Part of `make bench`. Four agencies send the same number each; nothing else runs. The clock starts with the first
receipts, when the processes stand, and ends with the last: the rate counts, not the start.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bus.clock import now_ms
from bus.config import Settings
from bus.log.protocol import NewRecord
from bus.log.topics import topic
from bus.stages.authority import serve_authority
from bus.stages.processes import Processes
from tests.bench.load import AGENCIES, World, open_world, submissions

EVENTS: Final = 8_000
BATCH: Final = 500
SENDERS: Final = AGENCIES[:4]
TARGET: Final = 1.7
PATIENCE_S: Final = 600.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS, help="submissions (default %(default)s)")
    events = parser.parse_args(arguments).events
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        one, two = (judged_per_s(Path(folder) / f"home-{number}", events, number) for number in (1, 2))
    print(f"{'submissions/s judged by one process of ingest':<44}{one:>10,.0f}")
    print(f"{'  by two':<44}{two:>10,.0f}")
    print(
        f"{'two against one':<44}{two / one:>10.2f}   target >= {TARGET:<7}{'pass' if two / one >= TARGET else 'MISS'}"
    )
    return 0


def judged_per_s(folder: Path, events: int, number: int) -> float:
    """Submissions that so many processes judge a second."""
    world = open_world(folder)
    serve_authority(world.log, pin=world.home.pin(), settings=Settings(), clock_ms=now_ms)
    fill(world, events // len(SENDERS))
    with Processes(world.home.path, number, None, until_idle=False) as processes:
        until = time.monotonic() + PATIENCE_S
        begun: tuple[float, int] | None = None
        while (judged := receipts(world)) < events:
            if judged and begun is None:
                begun = time.monotonic(), judged
            if not processes.watch() or time.monotonic() > until:
                message = "not all was judged"
                raise RuntimeError(message)
        ended = time.monotonic()
    world.log.close()
    if begun is None:
        message = "too few events for a rate"
        raise RuntimeError(message)
    return (events - begun[1]) / (ended - begun[0])


def fill(world: World, each: int) -> None:
    """So many submissions of every sender; made of the load, in which some agencies have more than others."""
    left = Counter(dict.fromkeys(SENDERS, each))
    made = submissions(world, each, SENDERS)
    for name in SENDERS:
        to = topic("submissions", name)
        mine = [NewRecord(to, one.feed.encode(), one.data) for one in made if one.agency == name]
        for start in range(0, len(mine), BATCH):
            world.log.append(to, mine[start : start + BATCH])
        left[name] -= len(mine)
    if any(left.values()):
        message = "the load is uneven"
        raise RuntimeError(message)


def receipts(world: World) -> int:
    """How many of them were judged."""
    return sum(world.log.end(topic("receipts", name)) for name in SENDERS)


if __name__ == "__main__":
    sys.exit(main())
