"""The engines that the contract of the log is tried on; each opens views of one log, as several processes have them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bus.log.protocol import Log, NewRecord
from bus.log.sqlite import SqliteLog
from bus.log.topics import agency_topics, bus_topics

NOW = 1_790_000_000_000


class Engine(Protocol):
    """What an engine's tests need beside the protocol."""

    def open(self) -> Log:
        """One more view of the log, with the topics of the bus and of the agencies fra and deu."""
        ...

    def pass_time(self, ms: int) -> None:
        """Let time pass, for append times; an engine that can't waits, or skips."""
        ...

    def let_ownership_lapse(self) -> None:
        """Let every owner seem to hang for so long that another may take its name."""
        ...

    def close(self) -> None:
        """Close all views."""
        ...


@dataclass
class Clock:
    """A clock that a test sets."""

    now: int = NOW

    def __call__(self) -> int:
        """UTC ms."""
        return self.now


@dataclass
class SqliteEngine:
    """The embedded engine in a folder."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    views: list[SqliteLog] = field(default_factory=list)
    lease_s: float = 15.0

    def open(self) -> SqliteLog:
        """One more view of the log."""
        view = SqliteLog(self.folder / "bus.db", self.clock, lease_s=self.lease_s)
        view.create([*bus_topics(), *agency_topics("fra"), *agency_topics("deu")])
        self.views.append(view)
        return view

    def pass_time(self, ms: int) -> None:
        """Set the clock forward."""
        self.clock.now += ms

    def let_ownership_lapse(self) -> None:
        """Let the leases run out."""
        self.clock.now += int(self.lease_s * 1000) + 1

    def close(self) -> None:
        """Close all views."""
        for view in self.views:
            view.close()


ENGINES: Mapping[str, Callable[[Path], Engine]] = {"sqlite": SqliteEngine}


def new(topic: str, *values: bytes, key: bytes = b"k") -> list[NewRecord]:
    """Records with these values and one key."""
    return [NewRecord(topic, key, value) for value in values]
