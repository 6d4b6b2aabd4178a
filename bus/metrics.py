"""Every Prometheus metric of the bus, in one table.

No metric tells who reads an operator's page what a label hides: ids, places, texts and labels are never values here.
prometheus_client is loaded when the metrics are made, not with this module, so that a command without them starts fast.
"""

from collections import deque
from collections.abc import Container, Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

PREFIX: Final = "tocsin_"
# From a tenth of a millisecond (one record) to ten seconds (a roster change that owes a million deliveries).
BUCKETS_S: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Type(StrEnum):
    """What a metric is."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(NamedTuple):
    """One row of the table; the name is without the prefix, the unit stands in the name."""

    name: str
    type: Type
    labels: tuple[str, ...]
    help: str


TABLE: Final = (
    Metric("submissions_total", Type.COUNTER, ("agency",), "Submissions that ingest has judged."),
    Metric("accepted_total", Type.COUNTER, ("agency", "feed"), "Submissions accepted, repeats left out."),
    Metric("rejected_total", Type.COUNTER, ("agency", "reason"), "Submissions refused, by reason code."),
    Metric("pauses_total", Type.COUNTER, ("agency",), "Times that an agency's backlog had to wait for the others."),
    Metric("stage_seconds", Type.HISTOGRAM, ("stage",), "Time that a stage takes for one transaction's records."),
    Metric("stage_lag_records", Type.GAUGE, ("stage", "owner"), "Records that a stage's owner has yet to read."),
    Metric("stage_last_progress_timestamp_seconds", Type.GAUGE, ("stage",), "When a stage last committed (UTC)."),
    Metric(
        "stage_faults", Type.GAUGE, ("stage", "owner"), "Faults in a row of a stage's owner, which rests; 0 is well."
    ),
    Metric("deliveries_total", Type.COUNTER, ("agency", "change"), "Deliveries written to an agency's outbox."),
    Metric("open_events", Type.GAUGE, (), "Events that correlate holds open."),
    Metric("feed_silence_seconds", Type.GAUGE, ("agency", "feed"), "How long since a feed's last accepted record."),
    Metric(
        "feed_heartbeat_interval_seconds",
        Type.GAUGE,
        ("agency", "feed"),
        "How soon its last heartbeat promised the next.",
    ),
    Metric(
        "outbox_oldest_age_seconds", Type.GAUGE, ("agency",), "Age of the oldest delivery that was not fetched, or 0."
    ),
    Metric("roster_expiry_timestamp_seconds", Type.GAUGE, (), "When the roster in force expires (UTC)."),
    Metric("log_size_bytes", Type.GAUGE, (), "What the log takes on the disk."),
    Metric("disk_free_bytes", Type.GAUGE, (), "What is free where the home lies."),
    Metric("log_append_seconds", Type.HISTOGRAM, ("engine",), "Time until a transaction is durable in the log."),
    Metric("build_info", Type.GAUGE, ("version",), "1, with the version of Tocsin that runs."),
)


Call: TypeAlias = tuple[str, str, float, tuple[str, ...]]
"""What was told, in JSON's terms too: the method, the metric's name, the number, its labels."""


class Meter(Protocol):
    """Whoever is told what happens: the metrics themselves, or what keeps it for those of another process."""

    def count(self, name: str, *labels: str, by: int = 1) -> None:
        """Add to a counter."""
        ...

    def set(self, name: str, value: float, *labels: str) -> None:
        """Set a gauge."""
        ...

    def observe(self, name: str, seconds: float, *labels: str) -> None:
        """Put a duration into a histogram."""
        ...


class Recorder:
    """Keeps what it is told until it is taken. Each operation is one of a deque: threads need no lock."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._calls: deque[Call] = deque()

    def count(self, name: str, *labels: str, by: int = 1) -> None:
        """Add to a counter."""
        self._calls.append(("count", name, by, labels))

    def set(self, name: str, value: float, *labels: str) -> None:
        """Set a gauge."""
        self._calls.append(("set", name, value, labels))

    def observe(self, name: str, seconds: float, *labels: str) -> None:
        """Put a duration into a histogram."""
        self._calls.append(("observe", name, seconds, labels))

    def take(self) -> list[Call]:
        """What was told since the last time, in order."""
        return [self._calls.popleft() for _ in range(len(self._calls))]


class Metrics:
    """The metrics of one process, in a registry of the caller's."""

    def __init__(self, registry: "CollectorRegistry", version: str, names: Container[str] | None = None) -> None:
        """Make every metric of the table, or those of these names; `version` is Tocsin's."""
        from prometheus_client import Counter, Gauge, Histogram  # noqa: PLC0415 - see above

        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        for name, kind, labels, meaning in TABLE:
            if names is not None and name not in names:
                continue
            full = PREFIX + name
            match kind:
                case Type.COUNTER:
                    self._counters[name] = Counter(full, meaning, labels, registry=registry)
                case Type.GAUGE:
                    self._gauges[name] = Gauge(full, meaning, labels, registry=registry)
                case Type.HISTOGRAM:
                    self._histograms[name] = Histogram(full, meaning, labels, registry=registry, buckets=BUCKETS_S)
        self.set("build_info", 1, version)

    def count(self, name: str, *labels: str, by: int = 1) -> None:
        """Add to a counter."""
        counter = self._counters[name]
        (counter.labels(*labels) if labels else counter).inc(by)

    def set(self, name: str, value: float, *labels: str) -> None:
        """Set a gauge."""
        gauge = self._gauges[name]
        (gauge.labels(*labels) if labels else gauge).set(value)

    def observe(self, name: str, seconds: float, *labels: str) -> None:
        """Put a duration into a histogram."""
        histogram = self._histograms[name]
        (histogram.labels(*labels) if labels else histogram).observe(seconds)


def replay(calls: Iterable[Call], meter: Meter) -> None:
    """Tell a meter what a `Recorder` kept, of this process or another."""
    for method, name, value, labels in calls:
        if method == "count":
            meter.count(name, *labels, by=int(value))
        elif method == "set":
            meter.set(name, value, *labels)
        else:
            meter.observe(name, value, *labels)
