"""What the processes of a field do: the bus, publishers, subscribers. Each is killed and started anew, again and again.

All run the shipped code; around it stand the trap, perhaps a planted bug, and a clock that the field sets ahead.
"""

import hashlib
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import bus.clock
from bus.cli.main import main
from bus.client import Subscriber, open_publisher, open_subscriber
from bus.errors import TocsinError
from bus.log.sqlite import SqliteLog, compaction, file
from tests.chaos.book import Book, read_book
from tests.chaos.moments import Moment, Trap, watch_bus, watch_log, watch_publisher, watch_subscriber
from tests.chaos.plan import Plan
from tests.chaos.plants import PLANTS
from tests.chaos.scene import Scene
from tests.chaos.slate import Shared, Slate

READER: Final = "chaos"
NEW_LIFE: Final = "*"
TROUBLE: Final = "! "
"""How lines of a subscriber's book begin that are no deliveries."""
_PAUSE_S: Final = 0.02
_OFTEN_PAGES: Final = 24
_OFTEN_RECORDS: Final = 40
SHORT: Final = (("TICK_INTERVAL_S", 1), ("RETAIN_INTERVAL_S", 1), ("BATCH_RECORDS", 4), ("INGEST_WORKERS", 0))
"""Settings of a bus in a field: what comes by seldom in a day comes by in each of its short lives; one process."""
_GROUPS: Final = ("--audience", "GEN", "--audience", "NYC")
_CLEARANCES: Final = (
    ("bb", "--level", "COALITION RESTRICTED", *_GROUPS),
    ("cc", "--level", "COALITION SECRET", "--need", "SIGINT", *_GROUPS),
    ("bb", "--level", "COALITION SECRET", "--need", "HUMINT", *_GROUPS),
    ("cc",),
)


class Life(NamedTuple):
    """How one process is to live: when it is hit, with which planted bug, under which settings."""

    moment: Moment | None = None
    plant: str | None = None
    settings: tuple[tuple[str, float], ...] = SHORT
    until_idle: bool = False
    often: bool = True
    """Whether checkpoints and compaction come often."""
    verifies: bool = True
    """Whether every subscriber verifies signatures, or only the first agency's."""


# ---- the bus ----


def serve(scene: Scene, stage: str, life: Life) -> None:
    """`tocsin run`, of both stages or of one."""
    with _life(scene, "bus", life, watch_bus):
        for name, value in life.settings:
            os.environ[f"TOCSIN_{name}"] = str(value)
        words = ["run", "--home", str(scene.folder / "home")]
        words += ["--stage", stage] if stage else []
        sys.exit(main([*words, "--until-idle"] if life.until_idle else words))


# ---- a publisher ----


def publish(scene: Scene, agency: str, life: Life) -> None:
    """Publish block by block what is granted, and write into a book what was acknowledged."""
    with _life(scene, "publisher", life, watch_publisher) as (slate, trap):
        path, plan = scene.acknowledged(agency), Plan(scene, agency)
        block, number = sum(1 for _ in read_book(path)), Shared.PUBLISHED + scene.agencies.index(agency)
        clock_ms = _clock(slate)
        log = SqliteLog(scene.home.log, clock_ms)
        publisher = open_publisher(scene.home, log, agency, "field", clock_ms=clock_ms)
        with Book(path) as book:
            while block < slate[Shared.GRANTED] or not slate[Shared.CLOSING]:
                slate[number] = block
                if block >= slate[Shared.GRANTED]:
                    time.sleep(_PAUSE_S)
                    continue
                done = plan.perform(block, publisher, log)
                book.write([json.dumps(done)])
                trap.passes("publisher.acknowledged")
                block += 1
        publisher.close()
        log.close()


# ---- the authority ----


def rule(scene: Scene, _agency: str, life: Life) -> None:
    """Raise and lower clearances, one with each block that publishers are granted; `tocsin agency clearance`."""
    with _life(scene, "authority", life, watch_bus) as (slate, _), Book(scene.acknowledged("authority")) as book:
        act = sum(1 for _ in read_book(book.path))
        while act < slate[Shared.GRANTED] or not slate[Shared.CLOSING]:
            if act >= slate[Shared.GRANTED]:
                time.sleep(_PAUSE_S)
                continue
            code = main(["agency", "clearance", *_CLEARANCES[act % len(_CLEARANCES)], "--home", str(scene.home.path)])
            if code:
                sys.exit(code)
            book.write(["[]"])
            act += 1


# ---- a subscriber ----


def subscribe(scene: Scene, agency: str, life: Life) -> None:
    """Read, and write into a book the number and chain of each delivery; in the end, what the picture holds."""
    with _life(scene, "subscriber", life, watch_subscriber) as (slate, trap):
        log = SqliteLog(scene.home.log, _clock(slate))
        subscriber = open_subscriber(
            scene.home, log, agency, name=READER, verify=life.verifies or agency == scene.agencies[0]
        )
        with Book(scene.received(agency)) as book:
            book.write([NEW_LIFE])
            while True:
                is_last = slate[Shared.CLOSING] == 2
                try:
                    _read(subscriber, book, trap)
                except TocsinError as fault:
                    book.write([f"{TROUBLE}{fault}"])
                    sys.exit(1)
                if is_last:
                    break
                log.wait(_PAUSE_S)
        with Book(scene.picture(agency)) as book:
            book.write(_held(subscriber))
        subscriber.close()
        log.close()


def _read(subscriber: Subscriber, book: Book, trap: Trap) -> None:
    for received in subscriber.poll():
        trap.passes("subscriber.read")
        sequence, chain = received.delivery.sequence, received.delivery.chain.hex()
        book.write([f"{sequence} {chain}"])
        if not received.good:
            book.write([f"{TROUBLE}delivery {sequence} is not signed as it should be"])
        trap.passes("subscriber.booked")


def _held(subscriber: Subscriber) -> Iterator[str]:
    for (kind, ref), held in sorted(subscriber.picture.held.items()):
        yield f"{kind} {ref} {held.revision} {int(held.closed)} {hashlib.sha256(held.body).hexdigest()}"


# ---- all of them ----


@contextmanager
def _life(scene: Scene, role: str, life: Life, watch: Callable[[Trap, Slate], None]) -> Iterator[tuple[Slate, Trap]]:
    """Say what there is to say into a file, look at the field's clock, set the trap, and plant the bug around it."""
    _say_into(scene.said(role))
    threading.Thread(target=_end_with_conductor, daemon=True).start()
    with scene.slate() as slate:
        bus.clock.now_ms = _clock(slate)
        trap = Trap(life.moment, slate)
        if life.often:
            file.CHECKPOINT_PAGES = _OFTEN_PAGES  # type: ignore[misc]
            compaction.LEAST_RECORDS = _OFTEN_RECORDS  # type: ignore[misc]
        watch_log(trap)
        watch(trap, slate)
        if life.plant is not None:
            PLANTS[life.plant].put(slate)
        yield slate, trap


def _end_with_conductor() -> None:
    """No process outlives the one that conducts, however that ends."""
    conductor = multiprocessing.parent_process()
    assert conductor is not None
    conductor.join()
    os.kill(os.getpid(), signal.SIGKILL)


def _clock(slate: Slate) -> Callable[[], int]:
    return lambda: time.time_ns() // 1_000_000 + slate[Shared.AHEAD_MS]


def _say_into(path: Path) -> None:
    said = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(said, stream)
    os.close(said)
