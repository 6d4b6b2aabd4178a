"""The demo in eight acts, all through the real bus, in a home of its own.

1 found the bus and admit the agencies 2 each publishes its files 3 attack 4 run the bus 5 one report is corrected, one
taken back 6 every agency reads, and verifies 7 count what happened 8 play the exercise, in another home, and tell.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from bus.demo import screen
from bus.demo.cast import CastError, cast
from bus.demo.tally import Tally
from bus.demo.theatre import Theatre
from bus.exercise import Result, Story, play_apart, read_story, shipped
from bus.exercise.ground import quiet

Progress = Callable[[str], None]


def play(home: Path | None, out: TextIO, *, as_json: bool, progress: Progress | None = None) -> int:
    """Play the demo and tell it on `out`: 0 if all went as it must, else 1.

    `home` None: a temporary folder, which is removed; else a new or empty one, which is kept. `progress` takes a line
    per act, and an empty one at the end.
    """
    tally = perform(home, progress or _silent)
    screen.show(tally, out, as_json=as_json)
    return 0 if tally.is_good else 1


def perform(home: Path | None, progress: Progress) -> Tally:
    """Play the demo, and count what happened."""
    with _folder(home) as path, quiet():
        tally = _acts(path, progress)
    progress("")
    return tally


def exercise() -> Result:
    """Play the exercise that comes with Tocsin, with a clock of its own."""
    story = read_story(shipped())
    if not isinstance(story, Story):
        raise CastError(f"the shipped exercise is damaged: {story[0]}", "Install Tocsin again.")
    return play_apart(story)


def _acts(path: Path, progress: Progress) -> Tally:
    started = time.perf_counter()
    progress("1 of 8  founding the bus and admitting the agencies")
    with Theatre.open(path, cast()) as theatre:
        progress("2 of 8  publishing the files")
        theatre.publish()
        progress("3 of 8  attacking")
        theatre.attack()
        progress("4 of 8  running the bus: checking, fusing, delivering")
        theatre.run()
        progress("5 of 8  correcting one report, taking back another")
        theatre.correct()
        theatre.run()
        progress("6 of 8  reading and verifying, as every agency")
        theatre.read()
        progress("7 of 8  counting")
        tally = theatre.tally()
    progress("8 of 8  playing an exercise")
    return tally._replace(exercise=exercise(), seconds=time.perf_counter() - started)


@contextmanager
def _folder(home: Path | None) -> Iterator[Path]:
    if home is not None:
        yield home
        return
    with tempfile.TemporaryDirectory(prefix="tocsin-demo-") as folder:
        yield Path(folder) / "home"


def _silent(_line: str) -> None:
    """Say nothing of the progress."""
