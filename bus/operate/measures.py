"""What the log tells of a bus, as metrics: asked for when somebody looks, and at most once a second."""

import threading
import time
from collections.abc import Callable
from typing import Final

from bus.clock import now_ms
from bus.config import Settings
from bus.home import Home
from bus.log.protocol import Log
from bus.log.topics import topic
from bus.metrics import Metrics
from bus.operate.disk import disk_of
from bus.operate.doctor import Patient, Place, look
from bus.operate.outboxes import outbox_states
from bus.operate.silence import feed_silence
from bus.stages.following import ControlFollower
from schemas.codec import decode_own

GAUGES: Final = frozenset(
    {
        "feed_silence_seconds",
        "feed_heartbeat_interval_seconds",
        "outbox_oldest_age_seconds",
        "roster_expiry_timestamp_seconds",
        "log_size_bytes",
        "disk_free_bytes",
    }
)
"""What no stage tells by itself."""
FROM_THE_LOG: Final = GAUGES | {
    "build_info",
    "submissions_total",
    "rejected_total",
    "deliveries_total",
    "stage_lag_records",
    "stage_last_progress_timestamp_seconds",
}
"""What can be told without running the stages; the counters count from the first look on."""
LOOK_S: Final = 1.0


class Measures:
    """Looks at a home's bus and sets its metrics. Threads may share it."""

    def __init__(  # noqa: PLR0913 - what is looked at, and whom it is told
        self,
        home: Home,
        log: Log,
        metrics: Metrics,
        settings: Settings,
        *,
        alone: bool = False,
        clock_ms: Callable[[], int] = now_ms,
    ) -> None:
        """`alone`: no stage of this process tells the rest, so the log must, as far as it can."""
        self._home, self._log, self._metrics, self._settings = home, log, metrics, settings
        self._follower = ControlFollower(log, home.pin())
        self._clock_ms = clock_ms
        self._counters = _Counters(log, metrics) if alone else None
        self._looking = threading.Lock()
        self._patient: Patient | None = None
        self._again_at = 0.0

    def refresh(self) -> Patient:
        """The bus as it is, or was less than a second ago; the metrics are set by it."""
        with self._looking:
            if self._patient is None or time.monotonic() >= self._again_at:
                self._patient = self._look()
                self._again_at = time.monotonic() + LOOK_S
            return self._patient

    def _look(self) -> Patient:
        path = self._home.path
        place = Place(path, self._clock_ms(), disk_of(path))
        patient = look(place, self._home, self._log, self._follower.read(), self._settings)
        self._set_gauges(patient)
        if self._counters is not None:
            self._set_stages(patient)
            self._counters.count(patient)
        return patient

    def _set_gauges(self, patient: Patient) -> None:
        metrics, now = self._metrics, patient.now
        for feed in feed_silence(patient.control, patient.state, now):
            if feed.silent_s is not None:
                metrics.set("feed_silence_seconds", feed.silent_s, feed.agency, feed.feed)
            if feed.interval_s is not None:
                metrics.set("feed_heartbeat_interval_seconds", feed.interval_s, feed.agency, feed.feed)
        for box in outbox_states(patient.log, patient.state, patient.control, patient.home):
            age_s = 0.0 if box.oldest_at is None else (now - box.oldest_at) / 1000
            metrics.set("outbox_oldest_age_seconds", max(0.0, age_s), box.agency)
        metrics.set("roster_expiry_timestamp_seconds", patient.control.trust.expires_at / 1000)
        metrics.set("log_size_bytes", patient.state.size_bytes)
        metrics.set("disk_free_bytes", patient.place.disk.free_bytes)

    def _set_stages(self, patient: Patient) -> None:
        progress: dict[str, int] = {}
        for stage in patient.stages:
            name = stage.name.partition("-")[0]
            self._metrics.set("stage_lag_records", stage.lag_records, name, stage.name)
            if stage.progress_at is not None:
                progress[name] = max(progress.get(name, 0), stage.progress_at)
        for name, at in progress.items():
            self._metrics.set("stage_last_progress_timestamp_seconds", at / 1000, name)


class _Counters:
    """Counts what other processes write, from the first look on."""

    def __init__(self, log: Log, metrics: Metrics) -> None:
        self._log, self._metrics = log, metrics
        self._next: dict[str, int] = {}
        self._is_first = True

    def count(self, patient: Patient) -> None:
        """What came since the last look."""
        for agency in patient.control.trust.agencies:
            for kind in ("receipts", "rejected", "outbox"):
                name = topic(kind, agency.name)
                if (state := patient.topics.get(name)) is not None:
                    start = self._next.get(name, state.end if self._is_first else 0)
                    self._count(kind, agency.name, name, start, state.end)
                    self._next[name] = state.end
        self._is_first = False

    def _count(self, kind: str, agency: str, name: str, start: int, end: int) -> None:
        if kind == "receipts":
            self._metrics.count("submissions_total", agency, by=max(0, end - start))
            return
        for record in self._log.read(name, start, end):
            if kind == "outbox":
                self._metrics.count("deliveries_total", agency, decode_own("delivery", record.value)["change"])
            else:
                self._metrics.count("rejected_total", agency, dict(record.headers).get("reason", b"").decode())
