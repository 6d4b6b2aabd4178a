"""Bugs planted in the correlate stage: the comparison with the oracle finds each, in histories of the everyday test.

Each was made in earnest once, by us or by others. They are planted from outside; shipped code has no switch for them.
"""

from collections.abc import Callable
from typing import Any

import pytest

from bus.fusion.index import Index
from bus.stages.correlate import alerts, outbox
from bus.stages.correlate.bonds import Bonds
from bus.stages.correlate.delivered import Head
from bus.stages.correlate.frozen import Frozen
from bus.stages.correlate.outbox import Outbox
from bus.stages.correlate.records import Moves
from bus.stages.correlate.restore import Restore
from bus.stages.correlate.rights import Rights
from bus.stages.correlate.state import State
from bus.stages.correlate.store import View
from tests.support.compared import Plant, is_found

MOST = 24
"""Histories in which a bug must show."""


def wrapped(patch: pytest.MonkeyPatch, owner: Any, name: str, after: Callable[..., Any]) -> None:
    """Call `after(result, *arguments)` behind a function, and return what it returns."""
    right = getattr(owner, name)
    patch.setattr(owner, name, lambda *args, **more: after(right(*args, **more), *args, **more))


def forget_what_is_closed(patch: pytest.MonkeyPatch) -> None:
    def reopened(entry: Any, *_: Any) -> Any:
        entry.closed = 0
        return entry

    wrapped(patch, Restore, "_put_record", reopened)


def repeat_numbers_after_a_restart(patch: pytest.MonkeyPatch) -> None:
    def without_heads(fold: Any, restore: Restore, *_: Any) -> Any:
        restore.heads = {reader: Head(0, head.chain, head.position) for reader, head in restore.heads.items()}
        return fold

    wrapped(patch, Restore, "run", without_heads)


def leave_the_chain_as_it_is(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(outbox, "next_chain", lambda previous, _: previous)


def count_density_over_all_events(patch: pytest.MonkeyPatch) -> None:
    def over_all(dense: int, index: Index, bucket: Any) -> int:
        everyone = -1 if len(bucket.entries) > index._dense.limit else 0
        return everyone if dense or bucket.crowd is not None else 0

    wrapped(patch, Index, "recount", over_all)


def let_links_act_for_whoever_has_them(patch: pytest.MonkeyPatch) -> None:
    right = Bonds.refresh

    def refresh(self: Bonds, link: Any, store: Any, graph: Any) -> Any:
        class Everybody:
            has = -1

        class Store:
            @staticmethod
            def get(kind: str, ref: Any) -> Any:
                return store.get(kind, ref) and Everybody

        return right(self, link, Store, graph)  # type: ignore[arg-type]

    patch.setattr(Bonds, "refresh", refresh)


def take_before_giving(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        Moves, "notices", lambda self: [one for _, one in sorted([*self.taken, *self.given], key=lambda one: one[0])]
    )


def admit_without_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(View, "may_enter", lambda *_: True)


def keep_rights_until_the_next_roster(patch: pytest.MonkeyPatch) -> None:
    right = Rights.refresh
    patch.setattr(Rights, "refresh", lambda self, control, _: right(self, control, 0))


def close_a_day_late(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(State, "window_ms", property(lambda _: 15 * 86_400_000))


def forget_who_takes_over(patch: pytest.MonkeyPatch) -> None:
    right = alerts.gone
    patch.setattr(alerts, "gone", lambda state, alert_id, mask, reason, _=None: right(state, alert_id, mask, reason))


def leave_closed_alerts_alone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Frozen, "refresh", lambda *_: [])


def count_no_revisions(patch: pytest.MonkeyPatch) -> None:
    right = Outbox._send
    patch.setattr(Outbox, "_send", lambda self, parcel, _, key, position: right(self, parcel, 1, key, position))


PLANTS: list[Plant] = [
    forget_what_is_closed,
    repeat_numbers_after_a_restart,
    leave_the_chain_as_it_is,
    count_density_over_all_events,
    let_links_act_for_whoever_has_them,
    take_before_giving,
    admit_without_end,
    keep_rights_until_the_next_roster,
    close_a_day_late,
    forget_who_takes_over,
    leave_closed_alerts_alone,
    count_no_revisions,
]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_found(plant, range(MOST), monkeypatch), f"not found in {MOST} histories"
