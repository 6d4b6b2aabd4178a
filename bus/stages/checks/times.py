"""Check 8, times: all against the moment at which the log appended the submission (UTC ms)."""

from typing import Any, Final

from bus.errors import Reason, Refusal, refuse
from bus.stages.checks.content import Content
from bus.units import DAY_MS, HOUR_MS, MINUTE_MS

AHEAD_MS: Final = 10 * MINUTE_MS
"""How far two honest clocks may differ."""
DAY_AHEAD_MS: Final = 14 * HOUR_MS
"""Where only a day is given: it begins 14 hours before UTC's in the easternmost time zone (UTC+14)."""
EXPECTED_AHEAD_MS: Final = 366 * DAY_MS
"""How far ahead a forecast may look."""
TOO_OLD_MS: Final = 60 * DAY_MS
"""Receipts outlive `events` by this margin: what ingest has forgotten can't come again."""


def judge_times(content: Content, at: int) -> Refusal | None:
    """FROM_THE_FUTURE, TOO_OLD, EXPIRED; `when.end` is never compared with a clock."""
    header = content.header
    ahead = _ahead("header.created_at", header["created_at"], at, AHEAD_MS) or _ahead_of_event(content.body, at)
    if ahead is not None:
        return ahead
    if header["created_at"] < at - TOO_OLD_MS:
        return refuse(Reason.TOO_OLD, "header.created_at", "a time at most 60 days before the log's")
    if header["expires_at"] is not None and header["expires_at"] <= at:
        return refuse(Reason.EXPIRED, "header.expires_at", "a time after the log's")
    return None


def _ahead_of_event(body: dict[str, Any], at: int) -> Refusal | None:
    source, when = body.get("source"), body.get("when")
    found = None
    if source is not None and source["reported_at"] is not None:
        found = _ahead("body.source.reported_at", source["reported_at"], at, AHEAD_MS)
    if found is None and when is not None:
        found = _ahead("body.when.start", when["start"], at, _allowance(body["nature"], when))
    return found


def _allowance(nature: str, when: dict[str, Any]) -> int:
    """How far `when.start` may lie ahead."""
    if nature == "EXPECTED":
        return EXPECTED_AHEAD_MS
    start, end = when["start"], when["end"]
    # The interval is the precision; where it has no end yet, a start at midnight is a mere date.
    is_day = start % DAY_MS == 0 if end is None else end - start >= DAY_MS
    return DAY_AHEAD_MS if is_day else AHEAD_MS


def _ahead(place: str, time: int, at: int, allowance: int) -> Refusal | None:
    if time <= at + allowance:
        return None
    return refuse(Reason.FROM_THE_FUTURE, place, f"a time at most {allowance // MINUTE_MS} minutes ahead of the log's")
