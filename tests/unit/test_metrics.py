"""The metrics are the documented ones, and none can carry what a label hides."""

import subprocess
import sys

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from bus.metrics import TABLE, Metrics, Type

DOCUMENTED = {
    "submissions_total{agency}",
    "accepted_total{agency,feed}",
    "rejected_total{agency,reason}",
    "pauses_total{agency}",
    "stage_seconds{stage}",
    "stage_lag_records{stage,owner}",
    "stage_last_progress_timestamp_seconds{stage}",
    "stage_faults{stage,owner}",
    "deliveries_total{agency,change}",
    "open_events",
    "feed_silence_seconds{agency,feed}",
    "feed_heartbeat_interval_seconds{agency,feed}",
    "outbox_oldest_age_seconds{agency}",
    "roster_expiry_timestamp_seconds",
    "log_size_bytes",
    "disk_free_bytes",
    "log_append_seconds{engine}",
    "build_info{version}",
}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> Metrics:
    return Metrics(registry, "1.2.3")


def test_the_table_is_the_documented_list() -> None:
    found = [f"{m.name}{{{','.join(m.labels)}}}" if m.labels else m.name for m in TABLE]
    assert len(found) == len(DOCUMENTED)
    assert set(found) == DOCUMENTED


def test_names_tell_unit_and_type() -> None:
    for metric in TABLE:
        assert metric.name.endswith("_total") == (metric.type is Type.COUNTER)
        assert (metric.type is not Type.HISTOGRAM) or metric.name.endswith("_seconds")
        assert metric.help.endswith(".")


def test_every_metric_is_exported_under_its_name(registry: CollectorRegistry, metrics: Metrics) -> None:
    for metric in TABLE:
        values = [f"a-{label}" for label in metric.labels]
        match metric.type:
            case Type.COUNTER:
                metrics.count(metric.name, *values, by=2)
            case Type.GAUGE:
                metrics.set(metric.name, 2, *values)
            case Type.HISTOGRAM:
                metrics.observe(metric.name, 2, *values)
        suffix = "_sum" if metric.type is Type.HISTOGRAM else ""
        labels = dict(zip(metric.labels, values, strict=True))
        assert registry.get_sample_value(f"tocsin_{metric.name}{suffix}", labels) == 2
    assert b"# HELP tocsin_open_events Events that correlate holds open." in generate_latest(registry)
    assert registry.get_sample_value("tocsin_build_info", {"version": "1.2.3"}) == 1


def test_two_registries_share_nothing(metrics: Metrics) -> None:
    other = CollectorRegistry()
    Metrics(other, "1")
    metrics.set("open_events", 5)
    assert other.get_sample_value("tocsin_open_events") == 0


def test_a_process_can_leave_out_what_it_can_not_tell(registry: CollectorRegistry) -> None:
    Metrics(registry, "1", {"build_info", "log_size_bytes"})
    assert {metric.name for metric in registry.collect()} == {"tocsin_build_info", "tocsin_log_size_bytes"}


def test_what_the_table_does_not_have_is_an_error(metrics: Metrics) -> None:
    with pytest.raises(KeyError):
        metrics.count("events_total", "fra")
    with pytest.raises(KeyError):
        metrics.count("open_events")
    with pytest.raises(ValueError, match="label"):
        metrics.count("accepted_total", "fra")


def test_importing_the_table_does_not_load_the_library() -> None:
    script = "import sys, bus.metrics; print(any(name.startswith('prometheus') for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
