"""How often each agency was refused for each reason, since when and until when."""

from dataclasses import dataclass, field
from typing import NamedTuple

from bus.operate.quarantine.rows import Rejected


class Line(NamedTuple):
    """One agency and reason; times in UTC ms. `waiting`: rows that somebody still has to see to."""

    agency: str
    reason: str
    times: int
    waiting: int
    first_at: int
    last_at: int


@dataclass(slots=True)
class Histogram:
    """Counts rows as they come by: as small as there are agencies and reasons."""

    _lines: dict[tuple[str, str], Line] = field(default_factory=dict)

    def count(self, row: Rejected) -> None:
        """One more row."""
        key = (row.agency, row.reason)
        seen = self._lines.get(key, Line(*key, 0, 0, row.at, row.at))
        self._lines[key] = Line(
            *key,
            times=seen.times + 1,
            waiting=seen.waiting + row.waits,
            first_at=min(seen.first_at, row.at),
            last_at=max(seen.last_at, row.at),
        )

    def lines(self) -> list[Line]:
        """What waits most first."""
        return sorted(self._lines.values(), key=lambda line: (-line.waiting, -line.times, line.agency, line.reason))
