"""Pictures (pictures.md): on random histories the correlate stage delivers what the naive oracle says, byte for byte.

`python -m tests.bench.histories` runs thousands of histories; here are as many as a minute holds.
"""

import random
from pathlib import Path
from typing import Any

import pytest

from bus.client.opened import Opened, open_signed
from bus.log.sqlite import SqliteLog
from schemas.codec import decode_trusted
from schemas.models import AlertMessage
from schemas.registry import newest
from tests.support.compared import differences, expected, pictures, told
from tests.support.histories import LABELS, LEVELS, Author, history
from tests.support.oracle_prefix import open_accepted
from tests.support.orders import reordered, segments
from tests.support.replay import Deliveries, Replay, merge
from tests.support.simulator import DAY_MS, Key, World

SEEDS = range(32)
NO_NAMES = tuple(label for label in LABELS if "//FOR " not in label)
"""Labels that name no single reader."""
HIDDEN = "COALITION RESTRICTED//FOR bb, cc, dd"
"""A label that the agency aa can never read."""


def outboxes(world: World, values: list[bytes], restarts: random.Random | None = None) -> Deliveries:
    """All deliveries of these records, one by one, with a restart now and then."""
    replay = Replay(world)
    found: Deliveries = {}
    for value in values:
        merge(found, replay.step(value))
        if restarts is not None and restarts.random() < 0.1:
            merge(found, replay.restart())
    return found


def decoded(value: bytes) -> dict[str, Any]:
    return decode_trusted(newest("delivery"), value)


@pytest.mark.parametrize("seed", SEEDS)
def test_deliveries_are_the_oracles_at_every_position_after_any_restart_and_in_any_batches(seed: int) -> None:
    run, said = told(seed)
    assert [str(one) for one in differences(run, said, random.Random(seed))] == []


@pytest.mark.parametrize("seed", range(3))
def test_on_the_embedded_engine_too(seed: int, tmp_path: Path) -> None:
    run, said = told(seed)
    log = SqliteLog(tmp_path / "bus.db", lambda: 0)
    replay = Replay(run.world, log)
    for position, value in enumerate(run.values):
        assert replay.step(value) == said[position]
        if position % 5 == seed:
            assert replay.restart() == {}
    log.close()


@pytest.mark.parametrize("seed", [5008, 5018, 5048, 5056])
def test_what_never_rests_closes_by_age(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    run = history(seed, steps=90, months=False)
    endless = expected(run)
    # Hardly anything in so short a history grows for 300 days; the age of the window shows the same.
    monkeypatch.setattr("tests.support.oracle.LONGEST_MS", 14 * DAY_MS)
    monkeypatch.setattr("bus.stages.correlate.closing.LONGEST_MS", 14 * DAY_MS)
    said = expected(run)
    assert said != endless
    assert [str(one) for one in differences(run, said, random.Random(seed))] == []


def test_a_tie_that_changed_no_byte_is_remembered_when_its_alert_is_closed() -> None:
    run = history(5066, steps=90, months=False)
    assert [str(one) for one in differences(run, expected(run), random.Random(5066))] == []


def test_the_histories_hold_what_they_are_meant_to_try() -> None:
    seen = set()
    for seed in SEEDS:
        for delivered in told(seed)[1]:
            for value in (value for values in delivered.values() for value in values):
                one = decoded(value)
                seen.add((one["kind"], one["change"], one["reason"]))
    events = ("AUTHOR_RETRACTED", "REPLACED", "TAINTED", "EXPIRED", "RIGHT_LOST", "LABEL_INVALID")
    alerts = ("AUTHOR_RETRACTED", "REPLACED", "EXPIRED", "RIGHT_LOST", "MERGED", "BELOW_THRESHOLD")
    assert {("event", "RETRACTED", reason) for reason in events} <= seen
    assert {("alert", "RETRACTED", reason) for reason in alerts} <= seen
    assert {("alert", "CLOSED", "QUIET"), ("alert", "UPDATE", None), ("link", "RETRACTED", "AUTHOR_RETRACTED")} <= seen


def test_every_member_of_a_delivered_alert_was_delivered_before() -> None:
    alerts = 0
    for seed in SEEDS[:12]:
        had: dict[str, set[str]] = {}
        deliveries = [(name, value) for step in told(seed)[1] for name, values in step.items() for value in values]
        for reader, value in deliveries:
            one = decoded(value)
            opened = None if one["body"] is None else open_signed(one["body"])
            if isinstance(opened, Opened) and isinstance(opened.message, AlertMessage):
                alerts += 1
                assert {member.digest for member in opened.message.body.members} <= had[reader]
            elif isinstance(opened, Opened):
                had.setdefault(reader, set()).add(opened.envelope.digest.hex())
    assert alerts > 50


@pytest.mark.parametrize("seed", range(1000, 1004))
def test_the_order_of_accepted_events_changes_no_byte_of_the_final_pictures(seed: int) -> None:
    run, chance = history(seed, steps=90), random.Random(seed)
    first = pictures(outboxes(run.world, run.values))
    assert any(kind == "alert" for picture in first.values() for kind, _ in picture)
    for _ in range(5):
        values = reordered(run.values, chance)
        assert values != run.values
        replay = Replay(run.world)
        found: Deliveries = {}
        start = 0
        while start < len(values):
            size = chance.randint(1, 40)
            merge(found, replay.step(*values[start : start + size]))
            start += size
        assert pictures(found) == first


@pytest.mark.parametrize("seed", range(2000, 2008))
def test_what_was_inserted_and_retracted_leaves_no_trace_but_the_retraction(seed: int) -> None:
    run, chance = history(seed), random.Random(seed)
    world, before = run.world, list(run.values)
    first, last = chance.choice([(start, end) for start, end in segments(before) if end - start > 1])
    world.now = open_accepted(before[first]).accepted_at
    # Of a key that is never stolen: a retraction that is tainted later takes nothing away.
    name, key = next(
        (one.name, key) for one in world.agencies.values() if (key := one.keys[0]).compromised_since is None
    )
    body = run.author.reporter.report(world.now) | {"replaces": []}
    world.accept("event", (name, "field", "guest:1"), LABELS[0], body, key=key)
    named = {"kind": "event", "feed": "field", "id": "guest:1", "up_to_revision": 1}
    world.accept("retraction", (name, "field", "guest:2"), LABELS[0], {"retracts": [named], "reason": "ERROR"}, key=key)
    event, retraction = world.values[-2:]
    found = outboxes(world, [*before[:first], event, *before[first:last], retraction, *before[last:]])
    with_guest = pictures(found)
    for picture in with_guest.values():
        picture.pop(("retraction", f"{name}/field/guest:2"), None)
    assert with_guest == pictures(outboxes(world, before))


@pytest.mark.parametrize("seed", range(3000, 3006))
def test_lower_then_raise_is_a_new_admission(seed: int) -> None:
    # What is forgotten after months leaves the fold, not a subscriber.
    world = history(seed, labels=NO_NAMES, months=False).world
    reader, world.expires_at = world.agencies["aa"], world.now + 400 * DAY_MS
    reader.suspended, reader.clearance = False, {}
    world.admit("zz", {}, {})
    world.roster()
    lowered = list(world.values)
    assert not pictures(outboxes(world, lowered)).get("aa")
    reader.clearance = world.agencies["zz"].clearance = {
        "policies": [{"policy": "COALITION", "levels": LEVELS, "need": ["HUMINT", "SIGINT"]}],
        "audiences": ["GEN", "NYC"],
        "realms": ["REAL", "VIGIL"],
    }
    world.roster()
    found = pictures(outboxes(world, world.values))
    assert found["aa"]
    assert found["aa"] == found["zz"]


def hide(author: Author, values: list[bytes], chance: random.Random) -> tuple[list[bytes], list[bytes]]:
    """Two runs: with records among them that the agency aa may not read, and without.

    The hidden ones are of the same incidents, amend, retract, and link what is open; and open links name hidden events.
    """
    world = author.world
    told = [(value, False) for value in values]
    for number in range(28):
        start, end = chance.choice(list(segments([value for value, _ in told])))
        position = chance.randint(start, end)
        world.now = open_accepted(told[min(position, end - 1)][0]).accepted_at
        name = chance.choice(("bb", "cc", "dd"))
        ref, hidden = (name, "field", f"hidden:{number}"), f"hidden:{number - 1}"
        kind, body, label = "event", author.reporter.report(world.now), HIDDEN
        match number % 7:
            case 2:
                kind, body = "link", author.binding()
            case 4:
                named = {"kind": "event", "feed": "field", "id": hidden, "up_to_revision": 1}
                kind, body = "retraction", {"retracts": [named], "reason": "ERROR"}
            case 6:
                kind, body, label = "link", author.binding(), LABELS[0]
                body["events"].append({"agency": chance.choice(("bb", "cc", "dd")), "feed": "field", "id": hidden})
        world.accept(kind, ref, label, body, key=good_key(world, name))
        told.insert(position, (world.values[-1], label == HIDDEN))
    return [value for value, is_hidden in told if not is_hidden], [value for value, _ in told]


def good_key(world: World, name: str) -> Key:
    """A key of the agency that was good at that time."""
    keys = world.agencies[name].keys
    return next((key for key in keys if key.valid_from <= world.now < (key.revoked_at or world.now + 1)), keys[0])


@pytest.mark.parametrize("seed", range(4000, 4008))
def test_what_a_reader_may_not_read_changes_no_byte_of_its_deliveries(seed: int) -> None:
    run, chance = history(seed), random.Random(seed)
    without, among = hide(run.author, list(run.values), chance)
    low, high = outboxes(run.world, without), outboxes(run.world, among, restarts=chance)
    assert low["aa"] == high["aa"]
    assert low != high
