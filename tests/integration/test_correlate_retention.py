"""What retention takes from `events`, a slot that restarts does not need."""

from pathlib import Path

import pytest

from bus.log.sqlite import SqliteLog
from bus.log.topics import EVENTS_MS
from bus.stages.correlate.restore import MissingRecordError
from tests.support.desk import DAY_MS, Desk
from tests.support.replay import Replay

ONGOING = {"discipline": "OSINT", "reliability": "B", "credibility": 2, "derived_from": ["glide:DR-2026-000001"]}
"""Whatever tells of the same record is of one story, however far apart."""


class Slot:
    """A slot on an embedded log whose clock is the desk's."""

    def __init__(self, path: Path) -> None:
        self.desk = Desk()
        self.desk.world.expires_at = self.desk.world.now + 2 * EVENTS_MS
        self.desk.roster()
        self.log = SqliteLog(path, lambda: self.desk.world.now)
        self.replay = Replay(self.desk.world, self.log)
        self._read = 0

    def follow(self) -> None:
        values = self.desk.world.values
        for value in values[self._read :]:
            self.replay.step(value)
        self._read = len(values)

    def retained(self) -> int:
        """Let retention act; returns how many records of `events` it took."""
        self.log.retain(self.desk.world.now)
        return len(self.desk.world.values) - sum(1 for _ in self.log.read("events"))


def test_a_story_that_never_rests_needs_nothing_that_retention_took(tmp_path: Path) -> None:
    slot = Slot(tmp_path / "bus.db")
    for number in range(48):
        slot.desk.report(f"ann/field/n:{number}", source=ONGOING)
        slot.desk.tick(10)
        slot.follow()
    assert slot.retained() > 5, "the first reports are gone"
    assert slot.replay.restart() == {}
    slot.log.close()


def test_a_record_that_is_missing_is_a_fault_with_advice(tmp_path: Path) -> None:
    slot = Slot(tmp_path / "bus.db")
    slot.desk.report("ann/field/n:1")
    slot.follow()
    # Nothing ticks, as under a roster that has expired.
    slot.desk.world.now += EVENTS_MS + DAY_MS
    assert slot.retained() > 0
    with pytest.raises(MissingRecordError) as raised:
        slot.replay.restart()
    assert "backup" in raised.value.advice
    slot.log.close()
