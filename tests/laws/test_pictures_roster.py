"""Pictures while the authority acts: in every order of its acts and of arrivals each reader holds what the oracle says.

`python -m tests.bench.histories --roster` runs thousands of these histories; here are as many as some seconds hold.
"""

import random
from typing import Any

import pytest

from bus.stages.correlate import verdict
from bus.stages.correlate.rights import Rights
from bus.stages.correlate.store import View
from schemas.codec import decode_trusted
from schemas.registry import newest
from tests.support.compared import Plant, differences, is_found, pictures, told
from tests.support.histories import LEVELS
from tests.support.replay import Deliveries, Replay, merge
from tests.support.roster_histories import roster_history
from tests.support.simulator import DAY_MS

SEEDS = (1, 6, 7, 15, 23, 25, 26, 27)
"""Together they hold all that is to be tried, see below."""


@pytest.mark.parametrize("seed", SEEDS)
def test_what_each_reader_holds_is_the_oracles_at_every_position_after_any_restart_and_in_any_batches(
    seed: int,
) -> None:
    run, said = told(seed, roster_history)
    assert [str(one) for one in differences(run, said, random.Random(seed))] == []


def test_the_histories_hold_what_they_are_meant_to_try() -> None:
    seen: set[tuple[str, str, str | None]] = set()
    changes: set[str] = set()
    keys: list[Any] = []
    for seed in SEEDS:
        run, said = told(seed, roster_history)
        keys += [key for agency in run.world.agencies.values() for key in agency.keys]
        for values in (values for delivered in said for values in delivered.values()):
            for one in (decode_trusted(newest("delivery"), value) for value in values):
                seen.add((one["kind"], one["change"], one["reason"]))
                changes.update(one["what_changed"])
    assert {("event", "RETRACTED", reason) for reason in ("TAINTED", "RIGHT_LOST", "AUTHOR_RETRACTED")} <= seen
    assert {("link", "RETRACTED", reason) for reason in ("TAINTED", "RIGHT_LOST")} <= seen
    assert {("retraction", "RETRACTED", reason) for reason in ("TAINTED", "RIGHT_LOST")} <= seen
    assert changes >= {"REVISION", "EVIDENCE", "SIGNATURE"}
    assert {("alert", "RETRACTED", reason) for reason in ("TAINTED", "RIGHT_LOST", "BELOW_THRESHOLD")} <= seen
    assert {("alert", "UPDATE", None), ("alert", "NEW", None), ("event", "UPDATE", None)} <= seen
    assert any(key.valid_until is not None and key.revoked_at is None for key in keys)
    assert any(key.revoked_at is not None and key.compromised_since is None for key in keys)
    assert any(key.compromised_since is not None for key in keys)
    assert any(key.feeds == ("field",) for key in keys)


@pytest.mark.parametrize("seed", [100, 102, 104])
def test_suspended_and_admitted_again_is_a_new_admission(seed: int) -> None:
    world = roster_history(seed).world
    reader, world.expires_at = world.agencies["aa"], world.now + 400 * DAY_MS
    reader.suspended = True
    world.admit("zz", {}, {})
    world.roster()
    replay = Replay(world)
    found: Deliveries = {}
    for value in world.values:
        merge(found, replay.step(value))
    assert not pictures(found).get("aa"), "all is gone"
    reader.suspended = False
    reader.clearance = world.agencies["zz"].clearance = {
        "policies": [{"policy": "COALITION", "levels": LEVELS, "need": ["HUMINT", "SIGINT"]}],
        "audiences": ["GEN", "NYC"],
        "realms": ["REAL", "VIGIL"],
    }
    world.roster()
    merge(found, replay.step(world.values[-1]))
    held = pictures(found)
    mine = {key: has for key, has in held["aa"].items() if b"//FOR" not in has[0]}
    assert mine
    assert mine == held["zz"]


def keep_what_a_thief_sent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(View, "counts", lambda self, entry, one: one is entry.shown or self.may_enter(one))


def let_no_clearance_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Rights, "_ends_clearance", lambda *_: False)


def hold_nothing_to_a_floor_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(verdict, "_reaches_floor", lambda *_: True)


@pytest.mark.parametrize(
    "plant",
    [keep_what_a_thief_sent, let_no_clearance_end, hold_nothing_to_a_floor_again],
    ids=lambda plant: plant.__name__,
)
def test_a_planted_bug_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_found(plant, SEEDS, monkeypatch, roster_history), f"not found in {len(SEEDS)} histories"
