"""2 what the authority said: `control`, from the pin on, as every stage reads it."""

from bisect import bisect_right
from collections.abc import Iterator

from bus.errors import Refusal, TocsinError
from bus.log.protocol import Log
from bus.operate.soundness.finding import Finding, at
from bus.stages.control import CONTROL, Control
from bus.stages.following import follow
from bus.trust.roster import Key


class Rosters:
    """Every version of what held, and since when; after damage, those before it."""

    def __init__(self, pin: bytes) -> None:
        """Know the pin only."""
        self.pin = pin
        self.versions = [Control.start(pin)]
        self.records: list[bytes] = []
        self._since: list[int] = []

    def read(self, log: Log, end: int) -> Iterator[Finding]:
        """Fold `control`; what the pinned authority did not say ends it."""
        for record in log.read(CONTROL, 0, end):
            try:
                accepted_at, control = follow(self.versions[-1], record)
            except TocsinError as fault:
                yield Finding(at(CONTROL, record.offset), str(fault))
                return
            self.versions.append(control)
            self.records.append(record.value)
            self._since.append(accepted_at)

    def judge_bus_key(self, key_id: str, feed: str, when: int) -> Key | Refusal:
        """The key, if the bus could sign with it at `when` (UTC ms), by what held then or was said of it later."""
        first = min(max(bisect_right(self._since, when), 1), len(self.versions) - 1)
        judged = [control.trust.judge_key(key_id, feed, when) for control in self.versions[first:]]
        return next((found for found in judged if isinstance(found, Key)), judged[0])
