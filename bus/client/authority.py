"""What the authority has said, verified from the pin on: every roster that was in force, and the label policies."""

from bisect import bisect_right
from collections.abc import Mapping

from bus.errors import Refusal
from bus.labels import Policy
from bus.log.protocol import Log
from bus.stages.control import CONTROL, Control
from bus.stages.correlate.state import ADMISSION_MS
from bus.stages.following import follow
from bus.trust.roster import Key, Trust


class Authority:
    """The authority's records, read and checked from the first on, as every stage of the bus does it."""

    def __init__(self, log: Log, pin: bytes) -> None:
        """Read the control topic to its end."""
        self._log = log
        self._since: list[int] = []
        self._rosters: list[Trust] = []
        self._control = Control.start(pin)
        self._next = 0
        self.refresh()

    def refresh(self) -> bool:
        """Take in what the authority has said since; whether it has said anything."""
        before = self._next
        for record in self._log.read(CONTROL, self._next):
            accepted_at, self._control = follow(self._control, record)
            self._next = record.offset + 1
            if self._control.roster_version > len(self._rosters):
                self._since.append(accepted_at)
                self._rosters.append(self._control.trust)
        return self._next > before

    @property
    def policies(self) -> Mapping[str, Policy]:
        """The label policies in force."""
        return self._control.policies

    @property
    def trust(self) -> Trust:
        """The roster in force."""
        return self._control.trust

    def judge_key(self, key_id: str, feed: str, at: int) -> Key | Refusal:
        """The key, if it could sign for this feed what the bus accepted at `at`, by the log's time (UTC ms).

        By the roster that was in force then, or by a later one that says so of that time: what waited while the bus
        stood still was judged by a newer roster.
        """
        index = bisect_right(self._since, at)
        if index == 0:
            return Trust.pinned(self.trust.pin).judge_key(key_id, feed, at)
        judged = [trust.judge_key(key_id, feed, at) for trust in self._rosters[index - 1 :]]
        return next((found for found in judged if isinstance(found, Key)), judged[0])

    def moments(self, delivered_at: int) -> list[int]:
        """When the bus may have accepted what it delivered then, latest first: each time keys stood differently.

        A reader whose rights grow is given the records of 14 days, whose keys may have ended meanwhile.
        """
        since = delivered_at - ADMISSION_MS
        return [delivered_at, *(at - 1 for at in reversed(self._since) if since < at <= delivered_at), since]
