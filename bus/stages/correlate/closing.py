"""Closing: what has had no new member for the window leaves the graph with all its members, and stays in the picture.

The only way out of memory. One round per tick: which clusters close is decided before any of them leaves.
"""

from bus.fusion.entry import Cluster
from bus.stages.correlate.entry import Ref
from bus.stages.correlate.notice import Notice
from bus.stages.correlate.state import MEMORY_MS, State
from schemas.models import Change, DeliveryReason


def close(state: State) -> list[Notice]:
    """Close every cluster, with an alert or without, whose latest `first_at` is a window before this tick."""
    notices = []
    for cluster, mask in _due(state):
        first = cluster.members[0].key
        for variant in state.open.of_member(first):
            if hit := variant.mask & mask:
                state.open.take(variant, hit)
                state.closed.put(variant.copy(), hit)
                notices.append(_closed(state, variant.alert_id, hit))
        for node in cluster.members:
            _leave(state, node.key, mask)
    return notices


def _due(state: State) -> list[tuple[Cluster, int]]:
    """The clusters whose time has come, each with its readers."""
    deadlines = state.deadlines
    refs = {ref for ref in deadlines.closing.due(state.now - state.window_ms) if _is_due(state, ref)}
    refs |= deadlines.overdue
    deadlines.overdue.clear()
    found: dict[int, tuple[Cluster, int]] = {}
    for ref in refs:
        for mask, cluster in state.graph.clusters_of(ref):
            if id(cluster) in found:
                _, had = found[id(cluster)]
                found[id(cluster)] = cluster, had | mask
            elif state.is_past(max(node.first_at for node in cluster.members)):
                found[id(cluster)] = cluster, mask
    return list(found.values())


def _is_due(state: State, ref: Ref) -> bool:
    """Whether an event's own time has come; whether its cluster's has is what its cluster says."""
    entry = state.store.get("event", ref)
    return entry is not None and entry.shown is not None and state.is_past(entry.shown.first_at)


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
