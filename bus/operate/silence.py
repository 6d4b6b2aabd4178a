"""Feeds that have fallen silent: each held against what its last heartbeat promised.

Any record that ingest accepted is a sign of life. A feed that never sent a heartbeat promised nothing, so it is never
late; neither is one of a suspended agency, which may not speak.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bus.log.protocol import LogState
from bus.names import AUTHORITY, BUS
from bus.operate.progress import INGEST
from bus.stages.control import Control
from bus.stages.heard import heard_of
from bus.units import MINUTE_MS

MOST_GRACE_MS: Final = 10 * MINUTE_MS
"""What a heartbeat may be late: half its interval, and never more than this, so that a weekly one is missed in time."""


@dataclass(frozen=True, slots=True)
class FeedSilence:
    """How long one feed has been silent. Times in UTC ms, lengths in seconds; None: not heard, or nothing promised."""

    agency: str
    feed: str
    heard_at: int | None = None
    interval_s: int | None = None
    silent_s: float | None = None
    late: bool = False


def feed_silence(control: Control, state: LogState, now: int) -> tuple[FeedSilence, ...]:
    """Every feed of the roster in force, as the log knows it; `now` is UTC ms."""
    return tuple(_silences(control, state, now))


def _silences(control: Control, state: LogState, now: int) -> Iterator[FeedSilence]:
    notes = {owner.name: owner.note for owner in state.owners}
    for agency in control.trust.agencies:
        if agency.name in (AUTHORITY, BUS):
            continue
        heard = heard_of(notes.get(INGEST + agency.name))
        for feed in agency.feeds:
            last = heard.get(feed.name)
            if last is None:
                yield FeedSilence(agency.name, feed.name)
                continue
            silent_ms = max(0, now - last.at)
            late = not agency.suspended and last.interval_s is not None and silent_ms > _bound_ms(last.interval_s)
            yield FeedSilence(agency.name, feed.name, last.at, last.interval_s, silent_ms / 1000, late)


def _bound_ms(interval_s: int) -> int:
    interval_ms = interval_s * 1000
    return interval_ms + min(interval_ms // 2, MOST_GRACE_MS)
