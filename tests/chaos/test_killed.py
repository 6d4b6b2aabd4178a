"""Killed, stopped and failing at every place and at any moment: nothing acknowledged is lost, nothing comes twice.

The bus in each of its stages, publishers and subscribers; the clock leaps by minutes and days meanwhile, so that
events expire and alerts close. What is found in the end is judged by what the log alone says.
"""

import os
import random
import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bus.clock import now_ms
from bus.log.sqlite import SqliteLog
from schemas.codec import decode_trusted
from schemas.registry import newest
from tests.chaos.campaign import wage
from tests.chaos.conductor import Pace
from tests.chaos.field import STAGES, THE_AUTHORITY, THE_BUS, Actor, Field
from tests.chaos.folds import naive
from tests.chaos.moments import ANYWHERE, CORRELATE, INGEST, ONCE, PUBLISHER, SUBSCRIBER, TICK, UPKEEP, Blow, Moment
from tests.chaos.processes import SHORT, Life
from tests.chaos.scene import AGENCIES, Scene, make_scene
from tests.chaos.slate import Shared

FIRST = Moment("ingest.after")
"""After it there is something to restore."""


def each(places: Sequence[str], chance: random.Random) -> list[Moment]:
    """One kill at each place, in any order."""
    drawn = chance.sample(places, len(places))
    return [Moment(place, 1 if place in ONCE else chance.randint(1, 2)) for place in drawn]


def anywhere(number: int, chance: random.Random) -> list[Moment]:
    """From outside, so many milliseconds after the start."""
    return [Moment(ANYWHERE, chance.randint(20, 500)) for _ in range(number)]


def assert_outlived(scene: Scene, moments: Mapping[Actor, Sequence[Moment]], least: int = 0, **how: Any) -> None:
    """Wage it: every blow fell, at least so many, and every promise was kept."""
    outcome = wage(scene, moments, **how)
    assert not outcome.findings, "\n".join(map(str, outcome.findings))
    assert not outcome.record.missed
    wanted = Counter(one.place for its in moments.values() for one in its if one.place != ANYWHERE)
    assert wanted <= Counter(one.place for one in outcome.record.hits)
    counts = outcome.judgement.counts
    assert min(counts.acknowledged, counts.accepted, counts.refused, counts.deliveries) > 0, counts
    assert outcome.record.blows().total() >= least


def assert_clock_leapt(scene: Scene) -> None:
    """The ticks saw the clock leap: a field's processes live by it."""
    with scene.slate() as slate:
        ahead_ms = slate[Shared.AHEAD_MS]
    log, tick = SqliteLog(scene.home.log, now_ms), newest("tick")
    ticks = [
        decode_trusted(tick, one.value)["minute"] for one in log.read("events") if one.value.startswith(tick.prefix)
    ]
    log.close()
    assert ahead_ms > 0
    assert max(ticks) - min(ticks) >= ahead_ms


@pytest.mark.slow
def test_killed_in_ingest(tmp_path: Path, founded: Path) -> None:
    chance, scene = random.Random(1), make_scene(tmp_path, 1, like=founded)
    moments = {THE_BUS: [FIRST, *each(INGEST, chance), Moment("ingest.process", 2, Blow.FAULT)]}
    assert_outlived(scene, moments, 9, fold=naive)
    assert_clock_leapt(scene)


@pytest.mark.slow
def test_killed_in_correlate(tmp_path: Path, founded: Path) -> None:
    chance, scene = random.Random(2), make_scene(tmp_path, 2, like=founded)
    moments = {THE_BUS: [FIRST, *each(CORRELATE, chance), Moment("correlate.process", 2, Blow.FAULT)]}
    assert_outlived(scene, moments, 9)


@pytest.mark.slow
def test_killed_at_a_tick_and_in_upkeep(tmp_path: Path, founded: Path) -> None:
    chance, scene = random.Random(3), make_scene(tmp_path, 3, like=founded)
    moments = {THE_BUS: [FIRST, *each(TICK, chance), *each(UPKEEP, chance)]}
    assert_outlived(scene, moments, 9)


@pytest.mark.slow
def test_killed_and_stopped_from_outside(tmp_path: Path, founded: Path) -> None:
    chance, scene = random.Random(4), make_scene(tmp_path, 4, like=founded)
    stops = [Moment(place, 1, Blow.STOP) for place in ("ingest.before", "correlate.within", "correlate.after")]
    moments = {THE_BUS: [FIRST, *anywhere(8, chance), *stops, Moment(ANYWHERE, 120, Blow.STOP)]}
    assert_outlived(scene, moments, 13)


@pytest.mark.slow
def test_killed_publishers_and_subscribers(tmp_path: Path, founded: Path) -> None:
    chance, scene = random.Random(5), make_scene(tmp_path, 5, like=founded)
    moments: dict[Actor, list[Moment]] = {THE_BUS: [FIRST, *anywhere(2, chance)]}
    for agency in AGENCIES:
        moments["publisher", agency] = [*each(chance.sample(PUBLISHER, 4), chance), *anywhere(1, chance)]
        moments["subscriber", agency] = [*each(SUBSCRIBER, chance), *anywhere(1, chance)]
    assert_outlived(scene, moments, 30)


@pytest.mark.slow
def test_killed_where_each_stage_is_a_process(tmp_path: Path, founded: Path) -> None:
    chance, scene = random.Random(6), make_scene(tmp_path, 6, like=founded)
    ingest, correlate = STAGES
    moments: dict[Actor, list[Moment]] = {
        ingest: [FIRST, *each(("ingest.before", "ingest.within", "ingest.reading", "tick.after"), chance)],
        correlate: [Moment("correlate.after"), *each(CORRELATE[3:], chance), *anywhere(1, chance)],
    }
    assert_outlived(scene, moments, 11)


@pytest.mark.slow
def test_killed_while_rights_change(tmp_path: Path, founded: Path) -> None:
    """The authority's desk judges its rosters itself where no bus does: the two take the shard from each other."""
    chance, scene = random.Random(8), make_scene(tmp_path, 8, like=founded)
    moments: dict[Actor, list[Moment]] = {
        THE_BUS: [FIRST, *each((*CORRELATE[2:], *TICK), chance), *anywhere(2, chance)],
        THE_AUTHORITY: [Moment(ANYWHERE, chance.randint(20, 600)) for _ in range(4)],
    }
    assert_outlived(scene, moments, pace=Pace(leaps=False))
    log = SqliteLog(scene.home.log, now_ms)
    given = [
        decode_trusted(newest("delivery"), one.value) for name in ("bb", "cc") for one in log.read(f"outbox.{name}")
    ]
    rosters = sum(1 for _ in log.read("control"))
    log.close()
    assert {"RIGHT_LOST"} <= {one["reason"] for one in given}
    assert rosters > 10


@pytest.mark.slow
def test_killed_with_its_processes_of_ingest(tmp_path: Path, founded: Path) -> None:
    """The bus and the processes that it starts, each killed from outside; theirs is the clock on the wall."""
    chance, scene = random.Random(7), make_scene(tmp_path, 7, like=founded)
    killed: set[int] = set()

    def kill_a_child(field: Field) -> None:
        children = field.running[THE_BUS].children()
        if children and chance.random() < 0.2:
            killed.add(chosen := chance.choice(children))
            with suppress(ProcessLookupError):
                os.kill(chosen, signal.SIGKILL)

    moments: dict[Actor, list[Moment]] = {THE_BUS: [Moment(ANYWHERE, time) for time in (2500, 1500, 3500)]}
    life = Life(settings=(*SHORT, ("INGEST_WORKERS", 2)))
    assert_outlived(scene, moments, life=life, watch=kill_a_child, pace=Pace(leaps=False))
    assert killed
