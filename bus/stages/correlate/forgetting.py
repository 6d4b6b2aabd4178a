"""Forgetting: what has been closed or gone for 90 days leaves the fold's memory, silently, and with it its counters.

So every state is bounded by time, never by how much others publish. Per reader, since what one has closed another may
have open.
"""

from bus.stages.correlate.entry import Entry
from bus.stages.correlate.groups import covered
from bus.stages.correlate.state import ADMISSION_MS, MEMORY_MS, State


def forget(state: State) -> None:
    """Forget what is due at this tick."""
    deadlines = state.deadlines
    held, deadlines.held = deadlines.held, set()
    for kind, name in [*deadlines.forgetting.due(state.now), *held]:
        if kind == "alert":
            _forget_alert(state, name[0])
        elif (entry := state.store.get(kind, (name[0], name[1], name[2]))) is not None:
            _forget_record(state, entry)


def _forget_alert(state: State, alert_id: str) -> None:
    tally = state.tallies.get(alert_id)
    if tally is None:
        return
    mask = _long_ended(state, tally.since)
    for variant in state.closed.of_id(alert_id):
        state.closed.take(variant, mask)
    tally.forget(mask)
    state.mark(("alert", (alert_id,)), mask)
    if not tally.counts:
        del state.tallies[alert_id]


def _forget_record(state: State, entry: Entry) -> None:
    mask = _ended(state, entry)
    if mask:
        entry.has &= ~mask
        entry.closed &= ~mask
        entry.tally.forget(mask)
        if not entry.has:
            entry.shown = None
        state.mark(entry.key, mask)
        _unbind(state, entry)
    state.store.prune(entry, state.now - ADMISSION_MS)
    if not entry.revisions and not entry.tally.counts:
        state.store.forget(entry)


def _ended(state: State, entry: Entry) -> int:
    """The readers for whom this record's time is over."""
    mask = _long_ended(state, entry.tally.since)
    shown = entry.shown
    if shown is None:
        return mask
    if entry.kind != "event":
        if shown.accepted_at + ADMISSION_MS + MEMORY_MS <= state.now:
            mask |= entry.has & ~_tied(state, entry)
        held = entry.has & _tied(state, entry)
    elif shown.accepted_at + MEMORY_MS > state.now:
        # Recent: else it would come again by admission.
        mask &= ~entry.has
        state.deadlines.forgetting.push(shown.accepted_at + MEMORY_MS, entry.key)
        return mask
    else:
        held = 0
        for link in state.bonds.naming(entry.ref):
            held |= state.bonds.acting(link) & _tied(state, link)
        held &= mask & entry.has
        mask &= ~held
    if held:
        state.deadlines.held.add(entry.key)
    return mask


def _long_ended(state: State, since: tuple[tuple[int, int], ...]) -> int:
    return covered(tuple((at, mask) for at, mask in since if at + MEMORY_MS <= state.now))


def _tied(state: State, link: Entry) -> int:
    """The readers who have an event open that this link names; for them it must go on to act."""
    bond = link.shown.bond if link.shown is not None else None
    mask = 0
    for ref in bond.refs if bond is not None else ():
        named = state.store.get("event", ref)
        mask |= named.open if named is not None else 0
    return mask


def _unbind(state: State, entry: Entry) -> None:
    """What is forgotten acts no more; where it still tied something open, it was not forgotten."""
    links = [entry] if entry.kind == "link" else list(state.bonds.naming(entry.ref))
    for link in links if entry.kind in ("link", "event") else ():
        state.bonds.refresh(link, state.store, state.graph)
