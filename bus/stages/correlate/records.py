"""Authors' records in the readers' pictures: who gets one, who keeps it, who loses it and why.

One routine serves a new record, an amendment, a retraction, a changed roster and a tick: it compares what a record's readers have with what
they should have now, and tells them the difference.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from bus.stages.correlate.entry import DAY_MS, Entry, Ref, Revision
from bus.stages.correlate.notice import Notice
from bus.stages.correlate.state import State
from bus.stages.correlate.step import AcceptedStep
from schemas.models import Change, DeliveryReason

ADMISSION_MS = 14 * DAY_MS
"""A reader whose rights grow gets the records accepted within 14 days of the last tick (pictures.md, section 2)."""


@dataclass(slots=True)
class Moves:
    """What one step did to records: notices by position, why events left, and which alerts must be looked at again."""

    given: list[tuple[int, Notice]] = field(default_factory=list)
    taken: list[tuple[int, Notice]] = field(default_factory=list)
    left: dict[Ref, list[tuple[int, DeliveryReason]]] = field(default_factory=dict)
    dirty: dict[Ref, int] = field(default_factory=dict)

    def notices(self) -> list[Notice]:
        """NEW and UPDATE by position, then RETRACTED by position (pictures.md, section 1)."""
        return [n for _, n in sorted(self.given, key=lambda g: g[0])] + [n for _, n in sorted(self.taken, key=lambda t: t[0])]

    def mark(self, refs: dict[Ref, int]) -> None:
        """Remember events whose alerts may look different to these readers."""
        for ref, mask in refs.items():
            self.dirty[ref] = self.dirty.get(ref, 0) | mask


class Records:
    """Keeps every record's masks equal to what liveness, rights and admission say."""

    def __init__(self, state: State) -> None:
        """Work on the fold's state."""
        self._state = state

    def reconcile(self, entries: Iterable[Entry], moves: Moves, arriving: AcceptedStep | None = None) -> None:
        """Bring these records up to date; `arriving` is the step's own record, which needs no admission."""
        state = self._state
        for entry in entries:
            life = state.store.life(entry, state.control.trust, state.tick)
            live = life.revision
            if live is not None and not self._may_enter(entry, live, arriving):
                live = None
            self._take(entry, live, life.reason, moves)
            if live is not None:
                self._give(entry, live, arriving, moves)

    def _may_enter(self, entry: Entry, live: Revision, arriving: AcceptedStep | None) -> bool:
        """Whether this revision may be given at all: it is there already, arrives now, or was accepted within the admission's window."""
        if live is entry.shown or (arriving is not None and live.position == arriving.position):
            return True
        return self._is_recent(live)

    def _is_recent(self, live: Revision) -> bool:
        return self._state.tick is not None and live.accepted_at >= self._state.tick - ADMISSION_MS

    def _take(self, entry: Entry, live: Revision | None, reason: DeliveryReason | None, moves: Moves) -> None:
        lost = entry.has & ~(entry.label.mask if live is not None else 0)
        if not lost or entry.shown is None:
            return
        if reason is None:
            reason = DeliveryReason.TAINTED if live is None else DeliveryReason.RIGHT_LOST
            if entry.label.label is None:
                reason = DeliveryReason.LABEL_INVALID
        moves.taken.append((entry.shown.position, Notice(lost, Change.RETRACTED, entry.kind, entry.name, reason)))
        entry.has &= ~lost
        entry.closed &= ~lost
        if not entry.has:
            entry.shown = None
        if entry.kind == "event":
            moves.left.setdefault(entry.ref, []).append((lost, reason))
            self._place(entry, None)
        self._rebind(entry, moves)

    def _give(self, entry: Entry, live: Revision, arriving: AcceptedStep | None, moves: Moves) -> None:
        arrives = arriving is not None and live.position == arriving.position
        gained = entry.label.mask & ~entry.has if arrives or self._is_recent(live) else 0
        amended = entry.has if entry.shown is not live else 0
        if not gained | amended:
            return
        body = arriving.envelope if arrives and arriving is not None else self._state.archive(live.position).envelope
        for mask, change in ((amended, Change.UPDATE), (gained, Change.NEW)):
            if mask:
                what = ("REVISION",) if change is Change.UPDATE else ()
                moves.given.append((live.position, Notice(mask, change, entry.kind, entry.name, None, entry.label, body, what)))
        entry.has |= gained
        entry.ever |= gained
        if self._state.is_past(live.first_at):
            entry.closed |= gained
        changed = entry.shown is not live
        entry.shown = live
        if entry.kind == "event":
            self._place(entry, live if changed else None, arriving)
        self._rebind(entry, moves)

    def _place(self, entry: Entry, changed: Revision | None, arriving: AcceptedStep | None = None) -> None:
        """Tell the graph who has the event open, and its content where that is new to the graph."""
        mask = entry.has & ~entry.closed
        if mask and (changed is not None or not entry.open) and entry.shown is not None:
            self._state.graph.put(self._state.node(entry, entry.shown, arriving), mask)
        elif mask != entry.open:
            self._state.graph.set_mask(entry.ref, mask)
        entry.open = mask

    def _rebind(self, entry: Entry, moves: Moves) -> None:
        """Bring the links up to date whose effect hangs on this record."""
        state = self._state
        if entry.kind == "link":
            moves.mark(state.bonds.refresh(entry, state.store, state.graph))
        elif entry.kind == "event":
            for link in list(state.bonds.naming(entry.ref)):
                moves.mark(state.bonds.refresh(link, state.store, state.graph))

    def close(self, ref: Ref, mask: int, at: int) -> None:
        """Close an open event for these readers: it leaves the graph, and stays in their pictures."""
        entry = self._state.store.get("event", ref)
        if entry is None:
            raise AssertionError("only a remembered event is open")
        entry.closed |= mask
        entry.closed_at = at
        self._place(entry, None)
