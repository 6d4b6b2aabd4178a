"""The worker's loop after faults: pauses that grow up to a bound, and an end to them when the fault has gone."""

from contextlib import suppress
from typing import Final

import pytest
from prometheus_client import CollectorRegistry

from bus.config import Settings
from bus.log.faults import LogFullError
from bus.log.protocol import Log, NewRecord, Reader, Record
from bus.metrics import Metrics
from bus.stages import worker as loop
from bus.stages.stage import Outputs
from bus.stages.worker import LASTING_PAUSE_S, MOST_PAUSE_S, Worker
from tests.support.memory_log import MemoryLog

NOW: Final = 1_790_000_000_000


class Faulty:
    """A stage that follows `events` and fails as long as it holds a fault."""

    name = "faulty"
    owner = "faulty-0"
    topics = ("events",)

    def __init__(self, fault: Exception) -> None:
        self.fault: Exception | None = fault
        self.tries = 0

    def restore(self, _log: Log, _reader: Reader) -> Outputs | None:
        return None

    def due(self) -> Outputs | None:
        return None

    def process(self, records: list[Record]) -> Outputs:
        self.tries += 1
        if self.fault is not None:
            raise self.fault
        return Outputs([], taken=len(records))


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    perf_counter = monotonic


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(loop, "time", made)
    return made


@pytest.fixture
def log() -> MemoryLog:
    made = MemoryLog()
    made.append("events", [NewRecord("events", b"a", b"a")])
    return made


def fails(worker: Worker, stage: Faulty) -> bool:
    """One turn; whether the stage was tried, and failed as it was told to."""
    tries = stage.tries
    with suppress(ZeroDivisionError, LogFullError):
        worker.turn(0.0)
    return stage.tries > tries


@pytest.mark.parametrize(
    ("fault", "most_s"), [(ZeroDivisionError(), LASTING_PAUSE_S), (LogFullError("full"), MOST_PAUSE_S)]
)
def test_pauses_double_up_to_their_bound_however_many_the_faults_and_end_with_them(
    log: MemoryLog, clock: Clock, fault: Exception, most_s: float
) -> None:
    stage, registry = Faulty(fault), CollectorRegistry()
    worker = Worker(log, stage, settings=Settings(), clock_ms=lambda: NOW, metrics=Metrics(registry, "0"))

    def shown() -> float | None:
        return registry.get_sample_value("tocsin_stage_faults", {"stage": "faulty", "owner": "faulty-0"})

    assert fails(worker, stage)
    pause_s = 0.1
    for faults in range(1, 1_100):  # more than a doubling without end could bear
        assert shown() == faults
        clock.now += pause_s - 0.01
        assert not fails(worker, stage), "it rests"
        clock.now += 0.02
        assert fails(worker, stage)
        pause_s = min(most_s, 2 * pause_s)
    stage.fault = None
    clock.now += most_s
    assert worker.turn(0.0)
    assert (shown(), worker.resting) == (0, False)
