"""What the checks look at: a home's folder, and the bus in it as far as it can be opened."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bus.config import Settings
from bus.home import Home
from bus.log.protocol import Log, LogState, TopicState
from bus.operate.disk import Disk
from bus.operate.progress import StageState, yet_to_read
from bus.stages.control import Control

SUBMISSIONS: Final = "submissions."


@dataclass(frozen=True, slots=True)
class Place:
    """A home's folder at a time (UTC ms). `named`: how the commands are told of it, where it is not the default."""

    path: Path
    now: int
    disk: Disk
    named: str = ""

    def tocsin(self, *words: str) -> str:
        """A command of ours, as it is typed for this home."""
        home = ("--home", self.named) if self.named else ()
        return shlex.join(("tocsin", *words, *home))


@dataclass(frozen=True, slots=True)
class Patient:
    """The bus of a home: its log as it was at one moment, and what the authority has said."""

    place: Place
    home: Home
    log: Log
    state: LogState
    control: Control
    stages: tuple[StageState, ...]
    settings: Settings

    @property
    def now(self) -> int:
        """UTC ms."""
        return self.place.now

    @property
    def topics(self) -> dict[str, TopicState]:
        """By name."""
        return {topic.name: topic for topic in self.state.topics}

    @property
    def waiting_records(self) -> int:
        """Records that a stage has yet to read, of submissions those that no shard has ever looked at too."""
        read = {name for owner in self.state.owners for name in owner.cursors}
        new = (one for one in self.state.topics if one.name.startswith(SUBMISSIONS) and one.name not in read)
        return sum(stage.lag_records for stage in self.stages) + sum(yet_to_read(one, 0) for one in new)

    @property
    def stands_still(self) -> bool:
        """Whether something waits, and nothing runs that would take it up."""
        return self.waiting_records > 0 and not any(stage.holder for stage in self.stages)

    def stage(self, name: str) -> StageState | None:
        """One shard or slot."""
        return next((stage for stage in self.stages if stage.name == name), None)
