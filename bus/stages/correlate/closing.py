"""Closing: what has had no new member for the window leaves the graph with all its members, and stays in the picture.

The only way out of memory, so a cluster that never rests closes too: 300 days after its first report. One round per
tick: which clusters close is decided before any of them leaves.
"""

from typing import Final

from bus.fusion.entry import Cluster
from bus.stages.control import LONGEST_OPEN_DAYS
from bus.stages.correlate.entry import Ref
from bus.stages.correlate.notice import Notice
from bus.stages.correlate.state import MEMORY_MS, State
from bus.units import DAY_MS
from schemas.models import Change, DeliveryReason

LONGEST_MS: Final = LONGEST_OPEN_DAYS * DAY_MS
"""With the 90 days for which what is closed is remembered, less than the 400 for which `events` is kept at least."""


def close(state: State) -> list[Notice]:
    """Close every cluster, with an alert or without, whose latest `first_at` is a window ago, or earliest 300 days."""
    notices = []
    past_window = state.deadlines.closing.due(state.now - state.window_ms)
    for cluster, mask in _due(state, past_window):
        first = cluster.members[0].key
        for variant in state.open.of_member(first):
            if hit := variant.mask & mask:
                state.open.take(variant, hit)
                state.closed.put(variant.copy(), hit)
                notices.append(_closed(state, variant.alert_id, hit))
        for node in cluster.members:
            _leave(state, node.key, mask)
    _keep(state, past_window)
    return notices


def _due(state: State, past_window: list[Ref]) -> list[tuple[Cluster, int]]:
    """The clusters whose time has come, each with its readers."""
    deadlines = state.deadlines
    refs = {ref for ref in past_window if _is_due(state, ref)}
    refs |= deadlines.overdue.union(deadlines.lasting.due(state.now - LONGEST_MS))
    deadlines.overdue.clear()
    found: dict[int, tuple[Cluster, int]] = {}
    for ref in refs:
        for mask, cluster in state.graph.clusters_of(ref):
            if id(cluster) in found:
                _, had = found[id(cluster)]
                found[id(cluster)] = cluster, had | mask
            elif _is_over(state, cluster):
                found[id(cluster)] = cluster, mask
    return list(found.values())


def _is_due(state: State, ref: Ref) -> bool:
    """Whether an event's own time has come; whether its cluster's has is what its cluster says."""
    entry = state.store.get("event", ref)
    return entry is not None and entry.shown is not None and state.is_past(entry.shown.first_at)


def _is_over(state: State, cluster: Cluster) -> bool:
    times = [node.first_at for node in cluster.members]
    return state.is_past(max(times)) or min(times) + LONGEST_MS <= state.now


def _keep(state: State, past_window: list[Ref]) -> None:
    """What is still open when its own time is over, for its cluster goes on, closes by age."""
    deadlines = state.deadlines
    for ref in past_window:
        entry = state.store.get("event", ref)
        if entry is None or entry.shown is None or not entry.open:
            continue
        if not deadlines.closing.is_looked_at_again(entry.shown.first_at, state.now - state.window_ms):
            deadlines.lasting.push(entry.shown.first_at, ref)


def _leave(state: State, ref: tuple[str, str, str], mask: int) -> None:
    entry = state.entry(ref)
    entry.closed |= mask
    entry.tally.ended(mask, state.now)
    state.mark(entry.key, mask)
    state.deadlines.forgetting.push(state.now + MEMORY_MS, entry.key)
    state.place(entry)


def _closed(state: State, alert_id: str, mask: int) -> Notice:
    tally = state.tally(alert_id)
    tally.ended(mask, state.now)
    state.deadlines.forgetting.push(state.now + MEMORY_MS, ("alert", (alert_id,)))
    return Notice(mask, Change.CLOSED, "alert", alert_id, tally, DeliveryReason.QUIET)
