"""Where an exercise is played: in a home and with a clock of its own, or in a real home with the real clock.

A ground lets time pass, and lets the bus do all that there is to do.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from bus.clock import now_ms
from bus.config import Settings
from bus.errors import Refusal, TocsinError
from bus.exercise.story import Story
from bus.home import Home
from bus.log.faults import Owned
from bus.log.protocol import Log
from bus.log.sqlite import SqliteLog
from bus.log.topics import topic
from bus.names import AUTHORITY
from bus.operate import Desk, found
from bus.operate.keys import HomeKeys
from bus.stages.run import Runner
from bus.stages.ticks import last_tick
from bus.units import HOUR_MS

ACT_MS: Final = 1000
"""How long an act takes, where the clock is the story's own."""
PATIENCE_S: Final = 180.0
"""How long a bus that runs may take for what an exercise sent; a tick comes once a minute."""
_LOOK_AGAIN_S: Final = 0.05


class UnsettledError(TocsinError):
    """The bus that runs in the home did not get through what the exercise sent."""

    retriable = True


class Ground(Protocol):
    """A home, its log, and the time there."""

    @property
    def home(self) -> Home:
        """Where it is."""

    @property
    def log(self) -> Log:
        """Its log."""

    def now_ms(self) -> int:
        """The time there, UTC ms."""

    def turn(self) -> None:
        """The next act begins."""

    def wait(self, length_ms: int) -> None:
        """Let so much time pass."""

    def settle(self) -> None:
        """Let the bus do all that there is to do; what the last wait brings is done then."""


class OwnGround:
    """A home of the exercise's own, in which time passes only as the story tells."""

    def __init__(self, home: Home, log: Log, clock: "StoryClock") -> None:
        """Play in this home, which nobody else uses."""
        self.home = home
        self.log = log
        self._clock = clock
        self._runner = _runner(home, log, Settings(), clock)

    @staticmethod
    def found(path: Path, story: Story) -> None:
        """Make the home, and admit everyone who takes part."""
        clock = StoryClock(story.starts_at_ms - HOUR_MS)
        home = found(path, clock_ms=clock)
        log = SqliteLog(home.log, clock)
        try:
            desk = Desk(home, log, clock_ms=clock)
            for agency in story.agency:
                clock.advance(ACT_MS)
                feeds = tuple(feed.terms for feed in agency.feed)
                entry = desk.admit(agency.name, feeds, agency.terms(story.exercise))
                if isinstance(entry, Refusal):
                    raise TocsinError(f"{agency.name} can't take part: {entry}", "Correct the story's file.")
        finally:
            log.close()

    @classmethod
    @contextmanager
    def open(cls, path: Path, story: Story) -> Iterator["OwnGround"]:
        """Enter a home that `found` made, at the moment when the story begins."""
        clock = StoryClock(story.starts_at_ms)
        home = Home.open(path, writing=True)
        log = SqliteLog(home.log, clock)
        try:
            yield cls(home, log, clock)
        finally:
            log.close()

    def now_ms(self) -> int:
        """The story's time."""
        return self._clock()

    def turn(self) -> None:
        """An act takes its time."""
        self._clock.advance(ACT_MS)

    def wait(self, length_ms: int) -> None:
        """Turn the clock."""
        self._clock.advance(length_ms)

    def settle(self) -> None:
        """Run the bus until nothing is left to do; each start is a tick."""
        self._runner.run(until_idle=True)


class RealGround:
    """A home that is in use. Where a bus runs there it does the work; else it is run here until nothing is left."""

    def __init__(self, home: Home, log: Log, settings: Settings) -> None:
        """Play in this home, beside whatever else it does."""
        self.home = home
        self.log = log
        self._runner = _runner(home, log, settings, now_ms)
        self._waited_until = 0

    def now_ms(self) -> int:
        """The real time."""
        return now_ms()

    def turn(self) -> None:
        """Time passes by itself."""

    def wait(self, length_ms: int) -> None:
        """Really wait."""
        time.sleep(length_ms / 1000)
        self._waited_until = now_ms()

    def settle(self) -> None:
        """Run the bus until nothing is left to do, or wait until the one that runs has got so far."""
        try:
            self._runner.run(until_idle=True)
        except Owned:
            self._follow()

    def _follow(self) -> None:
        until = time.monotonic() + PATIENCE_S
        submitted = {
            owner.name: end
            for owner in self.log.describe().owners
            if owner.name.startswith("ingest-")
            and (end := self.log.end(topic("submissions", owner.name.removeprefix("ingest-"))))
        }
        while not self._is_done(submitted):
            if time.monotonic() > until:
                raise UnsettledError(
                    f"the bus that runs in this home has not done within {PATIENCE_S:.0f} s what the exercise sent",
                    "Look at `tocsin status`, then play the exercise again.",
                )
            time.sleep(_LOOK_AGAIN_S)

    def _is_done(self, submitted: dict[str, int]) -> bool:
        """Whether all of these submissions are judged, time has acted, and every slot is through with both."""
        owners = {owner.name: owner for owner in self.log.describe().owners}
        end = self.log.end("events")
        judged = all(
            owners[name].cursors.get(topic("submissions", name.removeprefix("ingest-")), 0) >= there
            for name, there in submitted.items()
        )
        authority = owners.get(f"ingest-{AUTHORITY}")
        ticked = (last_tick(authority.note) or 0) >= self._waited_until if authority is not None else False
        slots = [owner for name, owner in owners.items() if name.startswith("correlate-")]
        delivered = bool(slots) and all(slot.cursors.get("events", 0) >= end for slot in slots)
        return judged and ticked and delivered


class StoryClock:
    """A clock that stands still until it is turned."""

    def __init__(self, at_ms: int) -> None:
        """Begin at this moment, UTC ms."""
        self._now_ms = at_ms

    def __call__(self) -> int:
        """The time, UTC ms."""
        return self._now_ms

    def advance(self, length_ms: int) -> None:
        """Turn it on."""
        self._now_ms += length_ms


@contextmanager
def quiet() -> Iterator[None]:
    """The bus tells its operator of every refused submission; here the screen tells them all."""
    log = logging.getLogger("bus.stages")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def _runner(home: Home, log: Log, settings: Settings, clock_ms: Callable[[], int]) -> Runner:
    return Runner(log, pin=home.pin(), bus_key=HomeKeys(home), settings=settings, clock_ms=clock_ms)
