"""Two buses on one home: the second waits its turn, takes over from one that hangs, and the first one is fenced.

The first stops itself with outputs in its hands, beyond its lease; when it wakes it writes none of them.
"""

import random
import time
from pathlib import Path
from typing import Final

import pytest

from tests.chaos.field import THE_BUS, Field, every_actor
from tests.chaos.folds import replayed
from tests.chaos.judge import judge
from tests.chaos.moments import Blow, Moment
from tests.chaos.processes import SHORT, Life
from tests.chaos.scene import make_scene
from tests.chaos.slate import Shared

LEASE_S: Final = 1
FIRST: Final = ("bus", "first")
OWNED, FENCED = 1, 3


@pytest.mark.slow
@pytest.mark.parametrize("place", ["ingest.before", "correlate.before", "tick.before", "correlate.after"])
def test_one_that_hangs_beyond_its_lease_is_fenced(place: str, tmp_path: Path, founded: Path) -> None:
    scene = make_scene(tmp_path, 21, like=founded)
    with Field(scene, random.Random(21), life=Life(settings=(*SHORT, ("LEASE_S", LEASE_S)))) as field:
        start_clients(field)
        first = field.start(FIRST, Moment(place, 3, Blow.STOP))
        field.wait_for_stop(first)
        time.sleep(LEASE_S)
        field.start(THE_BUS)
        field.grant(2)
        field.wait_until_idle()
        first.wake()
        assert field.joined(first) == FENCED
        assert "was taken over by another process" in scene.said("bus").read_text("utf-8")
        field.drain()
        assert_kept(field)


@pytest.mark.slow
def test_a_second_one_ends_and_names_the_first(tmp_path: Path, founded: Path) -> None:
    scene = make_scene(tmp_path, 22, like=founded)
    with Field(scene, random.Random(22)) as field:
        start_clients(field)
        first = field.start(THE_BUS)
        while not field.slate[Shared.CORRELATE_READY]:
            assert first.process.is_alive()
            time.sleep(0.02)
        second = field.start(("bus", "second"))
        field.grant(2)
        assert field.joined(second) == OWNED
        assert f"is owned by process {first.process.pid}" in scene.said("bus").read_text("utf-8")
        field.drain()
        assert_kept(field)


def start_clients(field: Field) -> None:
    """All publishers and subscribers, with something to publish."""
    for actor in every_actor(field.scene):
        if actor != THE_BUS:
            field.start(actor)
    field.grant(2)


def assert_kept(field: Field) -> None:
    """Every promise was kept, and something was promised."""
    assert not field.record.troubles
    judgement = judge(field.scene, replayed)
    assert not judgement.findings, "\n".join(map(str, judgement.findings))
    assert min(judgement.counts[:3]) > 0
