"""Check 8, the quota, asked last of all: a repeat needs no room, and what is refused anyway takes none.

How many records of a feed and label the log appended, hour by hour. So a verdict is a pure function of append times: a
shard that restarts or repeats says the same, and how fast it works changes nothing. By label, so that what an agency
publishes to few never decides what all others get (bus/decisions/quota.md).

The bound is hard and far: a backlog of an outage passes beside the usual traffic. What comes faster than the quota has
been slowed by its shard long before (bus/stages/shards.py).
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from bus.errors import Reason, Refusal, refuse
from bus.trust.roster import Trust
from bus.units import HOUR_MS
from schemas.models import FeedEntry

DEFAULT_RECORDS_PER_DAY: Final = 20_000
"""Where the roster says nothing: more than any single feed that we have seen brings, under one label."""
OUTAGE_DAYS: Final = 14
"""How long a publisher may be cut off and still bring all that it has; submissions too are kept so long."""
_DAYS: Final = 2 * OUTAGE_DAYS
"""What the bound holds in any `OUTAGE_DAYS`: the backlog of an outage, and the traffic of the days after it."""
_WINDOW_HOURS: Final = OUTAGE_DAYS * 24

Line: TypeAlias = tuple[str, str]
"""Feed and label."""


class _Hour(NamedTuple):
    """What was accepted in one hour since 1970 under one key."""

    hour: int
    key_id: str
    records: int


@dataclass(slots=True)
class Used:
    """How much of its quota an agency has used: a pure fold over its accepted records, in order."""

    _hours: dict[Line, deque[_Hour]] = field(default_factory=dict)
    _sums: dict[Line, int] = field(default_factory=dict, compare=False)
    _asked: tuple[int, Trust | None] = field(default=(0, None), compare=False)
    """The hour and the roster for which the sums are."""

    def count(self, line: Line, key_id: str, at: int) -> None:
        """One more record was accepted (`at`: append time, UTC ms)."""
        hours = self._hours.setdefault(line, deque())
        hour = at // HOUR_MS
        if hours and hours[-1][:2] == (hour, key_id):
            hours[-1] = _Hour(hour, key_id, hours[-1].records + 1)
        else:
            hours.append(_Hour(hour, key_id, 1))
        while hours[0].hour <= hour - _WINDOW_HOURS:
            hours.popleft()
        if hour != self._asked[0]:
            self._sums.clear()
        elif line in self._sums:
            self._sums[line] += 1

    def within(self, line: Line, at: int, trust: Trust) -> int:
        """How many of the last 14 days count; a thief's do not, so that they leave the author its room."""
        hour = at // HOUR_MS
        if self._asked[0] != hour or self._asked[1] is not trust:
            self._asked = hour, trust
            self._sums.clear()
            self._forget(hour)
        if line not in self._sums:
            self._sums[line] = sum(
                one.records
                for one in self._hours.get(line, ())
                if one.hour > hour - _WINDOW_HOURS and not trust.is_tainted(one.key_id, one.hour * HOUR_MS)
            )
        return self._sums[line]

    def _forget(self, hour: int) -> None:
        """Lines under which nothing was accepted within the window: an author may invent labels without end."""
        quiet = [line for line, hours in self._hours.items() if hours[-1].hour <= hour - _WINDOW_HOURS]
        for line in quiet:
            del self._hours[line]


def per_day(feed: FeedEntry) -> int:
    """Records a day under one label."""
    return feed.quota_records_per_day or DEFAULT_RECORDS_PER_DAY


def judge_quota(feed: FeedEntry, used: int) -> Refusal | None:
    """OVER_QUOTA, where the bound is reached already."""
    bound = _DAYS * per_day(feed)
    if used < bound:
        return None
    expected = f"at most {bound} records of one label in {OUTAGE_DAYS} days: {_DAYS} days of the feed's quota"
    return refuse(Reason.OVER_QUOTA, "header.feed", expected)
