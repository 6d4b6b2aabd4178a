"""Keys from one roster to the next: who follows whom, and what is said of a theft."""

from typing import Any

import pytest

from bus.errors import Refusal
from bus.operate.endings import days_left, endings
from bus.operate.rotation import in_force, with_revocation, with_roots, with_successors
from bus.trust.succession import find_flaw
from schemas.models import KeyEntry, Roster
from tests.roster_sample import DAY, NOW, agency_of, entry_of, key_of, roster_of


def roster(*keys: dict[str, Any], **fields: Any) -> Roster:
    return Roster.model_validate(roster_of(1, agency_of("fra", *keys), **fields))


def key(name: str, **changed: Any) -> KeyEntry:
    return KeyEntry.model_validate(entry_of(name, **changed))


def changed(change: Any, before: Roster) -> Roster:
    after = change(before)
    assert isinstance(after, Roster), after
    assert find_flaw(after, before) is None, "a roster that may follow"
    return after


def test_successors_end_what_is_in_force_and_nothing_else() -> None:
    before = roster(
        entry_of("a"),
        entry_of("gone", valid_until=NOW - 1),
        entry_of("out", revoked_at=NOW - 1),
        entry_of("soon", valid_until=NOW + DAY),
    )
    after = changed(with_successors("fra", [key("new", valid_from=NOW)], NOW + 3 * DAY), before)
    [fra] = after.agencies
    assert [one.valid_until for one in fra.keys] == [NOW + 3 * DAY, NOW - 1, None, NOW + DAY, None]
    assert [one.key_id for one in in_force(fra, NOW + 2 * DAY)] == [key_of(n).public.key_id for n in ("a", "new")]
    assert [one.key_id for one in in_force(fra, NOW + 3 * DAY)] == [key_of("new").public.key_id]


def test_an_end_at_once_comes_after_the_keys_beginning() -> None:
    before = roster(entry_of("a", valid_from=NOW))
    after = changed(with_successors("fra", [key("new", valid_from=NOW)], NOW), before)
    assert after.agencies[0].keys[0].valid_until == NOW + 1


def test_a_revocation_keeps_its_time_and_a_theft_only_moves_earlier() -> None:
    ids = frozenset({key_of("a").public.key_id})
    before = roster(entry_of("a"), entry_of("b"))
    once = changed(with_revocation("fra", ids, NOW, None), before)
    again = changed(with_revocation("fra", ids, NOW + DAY, NOW - DAY), once)
    last = changed(with_revocation("fra", ids, NOW + DAY, NOW), again)
    for after, since in ((once, None), (again, NOW - DAY), (last, NOW - DAY)):
        a, b = after.agencies[0].keys
        assert (a.revoked_at, a.compromised_since) == (NOW, since)
        assert (b.revoked_at, b.compromised_since) == (None, None)


def test_a_change_of_somebody_unknown_is_refused() -> None:
    assert isinstance(with_revocation("nobody", frozenset(), NOW, None)(roster()), Refusal)
    assert isinstance(with_successors("nobody", [key("new")], NOW)(roster()), Refusal)


@pytest.mark.parametrize(
    ("enter", "leave", "threshold", "left"),
    [("x", "", None, "rsx"), ("x", "r", None, "sx"), (None, "r", 1, "s"), ("x", "", 3, "rsx")],
)
def test_roots_come_and_go(enter: str | None, leave: str, threshold: int | None, left: str) -> None:
    before = roster(roots="rs", threshold=2)
    public = None if enter is None else key_of(enter).public
    gone = frozenset(key_of(one).public.key_id for one in leave)
    after = changed(with_roots(enter=public, leave=gone, threshold=threshold), before)
    assert [one.key_id for one in after.roots.keys] == [key_of(one).public.key_id for one in left]
    assert after.roots.threshold == (threshold or 2)


@pytest.mark.parametrize(("leave", "threshold"), [("r", None), ("rs", None), ("", 3), ("", 0)])
def test_no_roster_asks_for_more_roots_than_there_are(leave: str, threshold: int | None) -> None:
    gone = frozenset(key_of(one).public.key_id for one in leave)
    refusal = with_roots(leave=gone, threshold=threshold)(roster(roots="rs", threshold=2))
    assert isinstance(refusal, Refusal)
    assert refusal.place == "roots.threshold"


def test_keys_near_their_end_are_named_with_whether_another_follows() -> None:
    before = roster(
        entry_of("followed", feeds=["main"], valid_until=NOW + 10 * DAY),
        entry_of("far", feeds=["main", "other"], valid_until=NOW + 100 * DAY),
        entry_of("lone", feeds=["field"], valid_until=NOW + 20 * DAY),
        entry_of("over", valid_until=NOW),
        entry_of("out", valid_until=NOW + DAY, revoked_at=NOW - 1),
    )
    found = [(one.key_id, one.ends_at, one.has_successor) for one in endings(before, NOW)]
    assert found == [
        (key_of("followed").public.key_id, NOW + 10 * DAY, True),
        (key_of("lone").public.key_id, NOW + 20 * DAY, False),
    ]
    assert [one.key_id for one in endings(before, NOW, 5 * DAY)] == []
    assert [days_left(one, NOW) for one in before.agencies[0].keys] == [10, 100, 20, None, None]
