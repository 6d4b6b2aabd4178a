"""The whole bus in one process: from publishers to subscribers, on the embedded log."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from bus.client import Outcome, Publisher, Subscriber
from bus.client.publication import Act
from bus.config import Settings
from bus.log.faults import LogFullError, Owned
from bus.log.protocol import NewRecord
from bus.log.sqlite import SqliteLog
from bus.log.topics import agency_topics, bus_topics, topic
from bus.metrics import Metrics
from bus.operate.doctor import stages
from bus.operate.progress import stage_states
from bus.stages.correlate.stage import Correlate
from bus.stages.following import ControlFollower
from bus.stages.ingest import Ingest
from bus.stages.run import Runner
from bus.stages.shards import RestingError
from bus.stages.threads import PartError
from schemas.models import Status
from tests.support.submissions import NOW, RESTRICTED, Office, event_body

SETTINGS = Settings(batch_records=10, poll_timeout_s=0.02)


def drafts(prefix: str, number: int) -> list[Act]:
    """Events that are far from each other."""
    when = {"start": NOW - 86_400_000, "end": NOW - 3_600_000}
    return [
        Act("event", f"test:{prefix}{n}", Status.ACTUAL, event_body(when=when, where={"lat": float(n), "lon": 1.0}))
        for n in range(number)
    ]


class World:
    """A bus whose authority has submitted its roster and policy; fra and deu read each other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.start = time.monotonic()
        self.office = Office()
        for name, entry in self.office.entries.items():
            self.clear(name, entry)
        self.log = self.open()
        self.log.create([*bus_topics(), *agency_topics("authority")])
        self.say(self.office.roster(), self.office.policy())

    @staticmethod
    def clear(name: str, entry: dict[str, Any]) -> None:
        levels = ("UNCLASSIFIED", "RESTRICTED")
        entry["clearance"] |= {
            "policies": [{"policy": "COALITION", "levels": levels, "need": ()}],
            "audiences": (name.upper(),),
        }

    def clock(self) -> int:
        return NOW + int((time.monotonic() - self.start) * 1000)

    def open(self) -> SqliteLog:
        return SqliteLog(self.path / "bus.db", self.clock)

    def say(self, *data: bytes) -> None:
        name = topic("submissions", "authority")
        self.log.append(name, [NewRecord(name, b"control", one) for one in data])

    def runner(self, log: SqliteLog | None = None, metrics: Metrics | None = None) -> Runner:
        key = self.office.keys["bus"]
        pin = self.office.pin
        return Runner(log or self.log, pin=pin, bus_key=key, settings=SETTINGS, clock_ms=self.clock, metrics=metrics)

    def publisher(self, agency: str = "fra") -> Publisher:
        policies = ControlFollower(self.log, self.office.pin).read().policies
        key = self.office.keys[agency]
        path, pin = self.path / f"{agency}.db", self.office.pin
        return Publisher(self.log, agency, key, path, policies, pin=pin, clock_ms=self.clock)

    def events(self, agency: str) -> set[str]:
        return set(Subscriber(self.log, agency, self.office.pin).catch_up().events())


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.log.close()


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "in time"
        time.sleep(0.02)


def test_what_is_published_reaches_who_may_read_it_and_then_nothing_is_left_to_do(world: World) -> None:
    world.runner().run(until_idle=True)
    assert world.publisher("fra").publish(drafts("f", 25), "main", RESTRICTED).count(Outcome.NEW) == 25
    world.publisher("deu").publish(drafts("d", 5), "main", RESTRICTED)
    world.runner().run(until_idle=True)
    expected = {f"fra/main/test:f{n}" for n in range(25)} | {f"deu/main/test:d{n}" for n in range(5)}
    assert world.events("deu") == expected
    assert world.events("fra") == expected
    assert world.events("authority") == set()
    outbox = world.log.end(topic("outbox", "deu"))
    world.runner().run(until_idle=True)
    assert world.log.end(topic("outbox", "deu")) == outbox, "nothing twice"


def test_the_metrics_say_what_was_done(world: World) -> None:
    world.runner().run(until_idle=True)
    world.publisher().publish(drafts("f", 12), "main", RESTRICTED)
    name = topic("submissions", "fra")
    world.log.append(name, [NewRecord(name, b"main", b"poison")])
    registry = CollectorRegistry()
    world.runner(metrics=Metrics(registry, "0")).run(until_idle=True)

    def value(metric: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"tocsin_{metric}", labels)

    assert value("submissions_total", agency="fra") == 13
    assert value("accepted_total", agency="fra", feed="main") == 12
    assert value("rejected_total", agency="fra", reason="BAD_FRAME") == 1
    assert value("stage_lag_records", stage="ingest", owner="ingest-fra") == 0
    assert value("stage_lag_records", stage="correlate", owner="correlate-0") == 0
    assert value("deliveries_total", agency="deu", change="NEW") == 12
    assert value("stage_last_progress_timestamp_seconds", stage="ingest") == pytest.approx(NOW / 1000, abs=100)
    assert value("log_append_seconds_count", engine="sqlite")
    assert value("stage_seconds_count", stage="correlate")


def test_a_second_runner_is_told_who_runs(world: World) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=lambda: world.runner().run(stop=stop))
    thread.start()
    try:
        until(lambda: world.log.end("control") == 2)
        other = world.open()
        try:
            with pytest.raises(Owned, match="is owned by process") as fault:
                world.runner(other).run(until_idle=True)
            assert fault.value.advice
        finally:
            other.close()
    finally:
        stop.set()
        thread.join()
    world.runner().run(until_idle=True)


def test_an_agency_that_is_admitted_is_served_without_a_restart(world: World) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=lambda: world.runner().run(stop=stop))
    thread.start()
    try:
        until(lambda: world.log.end("control") == 2)
        world.office.admit("ita")
        world.clear("ita", world.office.entries["ita"])
        world.say(world.office.roster())
        until(lambda: world.log.end("control") == 3)
        world.publisher("ita").publish(drafts("i", 3), "main", "COALITION RESTRICTED//REL TO ITA")
        until(lambda: len(world.events("ita")) == 3)
        assert world.events("fra") == set()
    finally:
        stop.set()
        thread.join()


def test_an_agency_that_left_the_roster_is_served_no_more_and_its_name_is_free(world: World) -> None:
    world.office.admit("ita")
    world.office.entries["ita"]["keys"] = []  # whoever has had a key stays
    world.say(world.office.roster())
    stop = threading.Event()
    thread = threading.Thread(target=lambda: world.runner().run(stop=stop))
    thread.start()

    def held() -> set[str]:
        return {owner.name for owner in world.log.describe().owners if owner.holder is not None}

    try:
        until(lambda: "ingest-ita" in held())
        del world.office.entries["ita"]
        world.say(world.office.roster())
        until(lambda: "ingest-ita" not in held())
        assert held() >= {"ingest-authority", "ingest-deu"}
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize(("part", "name"), [(Ingest, "ingest"), (Correlate, "correlate")])
def test_a_fault_in_one_part_ends_the_other_and_is_raised_with_advice(
    world: World, monkeypatch: pytest.MonkeyPatch, part: type[Ingest | Correlate], name: str
) -> None:
    def failing(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(part, "process", failing)
    with pytest.raises(PartError, match="ZeroDivisionError") as fault:
        world.runner().run()
    assert fault.value.advice
    assert isinstance(fault.value.__cause__, ZeroDivisionError)
    monkeypatch.undo()
    world.runner().run(until_idle=True)
    world.publisher().publish(drafts("f", 3), "main", RESTRICTED)
    world.runner().run(until_idle=True)
    assert len(world.events("deu")) == 3


def fra_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Ingest.process

    def failing(self: Ingest, records: Any) -> Any:
        if self.agency == "fra":
            raise KeyError("CANARY")
        return process(self, records)

    monkeypatch.setattr(Ingest, "process", failing)


def test_one_agencys_broken_shard_ends_the_run_only_after_all_others_are_idle(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.runner().run(until_idle=True)
    world.publisher("fra").publish(drafts("f", 3), "main", RESTRICTED)
    world.publisher("deu").publish(drafts("d", 25), "main", RESTRICTED)
    registry = CollectorRegistry()
    with monkeypatch.context() as patch:
        fra_fails(patch)
        with pytest.raises(RestingError, match="ingest-fra: KeyError") as fault:
            world.runner(metrics=Metrics(registry, "0")).run(until_idle=True)
    assert fault.value.agencies == ("fra",)
    assert fault.value.advice
    assert "CANARY" not in str(fault.value)
    assert world.events("deu") == {f"deu/main/test:d{n}" for n in range(25)}
    faults = {"stage": "ingest", "owner": "ingest-fra"}
    assert registry.get_sample_value("tocsin_stage_faults", faults) == 2
    assert registry.get_sample_value("tocsin_stage_faults", faults | {"owner": "ingest-deu"}) == 0
    world.runner().run(until_idle=True)
    assert len(world.events("deu")) == 28


def test_one_agencys_broken_shard_is_shown_rests_and_comes_back_while_the_bus_runs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.runner().run(until_idle=True)
    world.publisher("fra").publish(drafts("f", 3), "main", RESTRICTED)
    stop = threading.Event()
    thread = threading.Thread(target=lambda: world.runner().run(stop=stop))

    def troubles() -> str:
        return "\n".join(one.what for one in stages.resting(stage_states(world.log, world.log.describe())))

    with monkeypatch.context() as patch:
        fra_fails(patch)
        thread.start()
        until(lambda: "fra rests" in troubles())
        world.publisher("deu").publish(drafts("d", 3), "main", RESTRICTED)
        until(lambda: len(world.events("deu")) == 3)
    try:
        until(lambda: len(world.events("deu")) == 6)
        assert "rests" not in troubles()
    finally:
        stop.set()
        thread.join()


def test_a_full_disk_is_borne_for_a_while_and_then_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.runner().run(until_idle=True)
    world.publisher().publish(drafts("f", 3), "main", RESTRICTED)
    faults = [LogFullError("full", "Make room.")]
    process = Ingest.process

    def failing(self: Ingest, records: Any) -> Any:
        if faults:
            raise faults[-1]
        return process(self, records)

    monkeypatch.setattr(Ingest, "process", failing)
    monkeypatch.setattr("bus.stages.run.PATIENCE", 1)
    with pytest.raises(LogFullError):
        world.runner().run(until_idle=True)
    stop = threading.Event()
    thread = threading.Thread(target=lambda: world.runner().run(stop=stop))
    thread.start()
    time.sleep(0.4)
    faults.clear()
    try:
        until(lambda: len(world.events("deu")) == 3)
    finally:
        stop.set()
        thread.join()


def test_stopping_finishes_what_is_in_hand(world: World) -> None:
    stop = threading.Event()
    stop.set()
    world.runner().run(stop=stop)
    assert all(owner.holder is None for owner in world.log.describe().owners)


def test_what_comes_while_the_parts_have_ended_is_done_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.runner().run(until_idle=True)
    world.publisher().publish(drafts("f", 3), "main", RESTRICTED)
    monkeypatch.setattr("bus.stages.threads.Threads.run", lambda *_, **__: None)
    world.runner().run(until_idle=True)
    assert len(world.events("deu")) == 3
