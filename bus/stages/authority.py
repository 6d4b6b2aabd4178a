"""The authority's shard: its records change what holds, so it takes one after the other; it also appends the ticks.

An expired roster does not pause it, for the next roster comes through it; anything else is refused until then.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from bus.config import Settings
from bus.log.protocol import Log, Reader, Record
from bus.log.topics import TopicSpec, agency_topics, bus_topics
from bus.metrics import Meter
from bus.names import AUTHORITY, BUS
from bus.stages.ahead import check_clock
from bus.stages.checks import Accepted, Verdict, check
from bus.stages.control import Control
from bus.stages.following import ControlFollower
from bus.stages.ingest import Ingest
from bus.stages.stage import Outputs
from bus.stages.ticks import Ticker
from bus.stages.worker import Worker

PATIENCE: Final = 5
"""Faults in a row, about three seconds of them, that a command bears before it gives up."""


class AuthorityIngest(Ingest):
    """The shard of the agency `authority`."""

    def __init__(self, log: Log, follower: ControlFollower, ticker: Ticker, metrics: Meter | None = None) -> None:
        """Serve the authority's submissions; `log` is where the topics of new agencies are made."""
        super().__init__(AUTHORITY, follower, metrics=metrics)
        self._ticker = ticker
        self._log = log

    def restore(self, log: Log, reader: Reader) -> Outputs | None:
        """Go on after the last tick; make what topics of agencies are missing."""
        super().restore(log, reader)
        self._ticker.restore(reader.note())
        log.create([*bus_topics(), *_topics_of(self._follower.read())])
        return self._ticker.due()

    def due(self) -> Outputs | None:
        """A tick, when it is time."""
        super().due()
        return self._ticker.due()

    def _note(self) -> str | None:
        return None  # the ticks' place

    def _open(self, records: Sequence[Record], control: Control) -> int:  # noqa: ARG002 - never paused
        return len(records)

    def _judge(self, records: Sequence[Record], control: Control) -> Iterator[tuple[Record, Verdict]]:
        for record in records:
            verdict = check(
                record.value, agency=self.agency, at=record.append_time_ms, control=control, memory=self._memory
            )
            if isinstance(verdict, Accepted) and verdict.control is not control:
                control = verdict.control
                # Before the roster is committed: an agency that is admitted can submit at once.
                self._log.create(_topics_of(control))
            yield record, verdict


def _topics_of(control: Control) -> list[TopicSpec]:
    names = [entry.name for entry in control.trust.agencies if entry.name != BUS]
    return [spec for name in names for spec in agency_topics(name)]


def serve_authority(log: Log, *, pin: bytes, settings: Settings, clock_ms: Callable[[], int]) -> None:
    """Judge what the authority has submitted so far, and let go; raises `Owned` where a bus runs, which does so itself.

    So a roster comes into force without a running bus. Refuses to where the log is ahead of the clock.
    """
    check_clock(log, clock_ms())
    log.create([*bus_topics(), *agency_topics(AUTHORITY)])
    ticker = Ticker(settings.tick_interval_s, clock_ms)
    stage = AuthorityIngest(log, ControlFollower(log, pin), ticker)
    worker = Worker(log, stage, settings=settings, clock_ms=clock_ms, patience=PATIENCE)
    try:
        worker.drain()
    finally:
        worker.release()
