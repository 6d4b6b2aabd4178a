"""Steps 1 and 2: who may read which record, and what the graph is told of it.

One routine serves a new record, an amendment, a retraction, a changed roster and a tick: it compares what a record's
readers have with what they should have now, and tells them the difference.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from bus.stages.correlate.entry import Entry, Ref, Revision
from bus.stages.correlate.notice import Notice
from bus.stages.correlate.state import ADMISSION_MS, MEMORY_MS, State
from bus.stages.correlate.step import AcceptedStep
from bus.stages.correlate.store import Life, View
from schemas.models import Change, DeliveryReason


@dataclass(slots=True)
class Moves:
    """What one step did to records: notices by position, why events left whom, whose alerts to look at again."""

    given: list[tuple[int, Notice]] = field(default_factory=list)
    taken: list[tuple[int, Notice]] = field(default_factory=list)
    left: dict[Ref, list[tuple[int, DeliveryReason]]] = field(default_factory=dict)
    dirty: dict[Ref, int] = field(default_factory=dict)

    def notices(self) -> list[Notice]:
        """NEW and UPDATE by position, then RETRACTED by position (pictures.md, 1)."""
        given = sorted(self.given, key=lambda one: one[0])
        return [notice for _, notice in given + sorted(self.taken, key=lambda one: one[0])]

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
        view = state.view(arriving)
        for entry in entries:
            if not entry.revisions:
                continue  # only its count is remembered
            life = state.store.life(entry, view)
            self._take(entry, life, view, moves)
            if life.revision is not None:
                self._give(entry, life.revision, arriving, view, moves)

    def _take(self, entry: Entry, life: Life, view: View, moves: Moves) -> None:
        shown = entry.shown
        if shown is None:
            return
        unread = entry.has & ~entry.label.mask
        ended = entry.has & ~unread if life.reason is not None else 0
        if not unread | ended:
            return
        if ended and view.trust.is_tainted(shown.key_id, shown.accepted_at):
            life = Life(None, DeliveryReason.TAINTED)
        # Who has lost the right learns only that: not, for instance, that the author has taken the record back.
        no_right = DeliveryReason.RIGHT_LOST if entry.label.label is not None else DeliveryReason.LABEL_INVALID
        for mask, reason in ((unread, no_right), (ended, life.reason)):
            if mask and reason is not None:
                self._tell_gone(entry, shown, mask, reason, moves)
        self._drop(entry, unread | ended, moves)

    @staticmethod
    def _tell_gone(entry: Entry, shown: Revision, mask: int, reason: DeliveryReason, moves: Moves) -> None:
        notice = Notice(mask, Change.RETRACTED, entry.kind, entry.name, entry.tally, reason)
        moves.taken.append((shown.position, notice))
        if entry.kind == "event":
            moves.left.setdefault(entry.ref, []).append((mask, reason))

    def _drop(self, entry: Entry, mask: int, moves: Moves) -> None:
        state = self._state
        entry.has &= ~mask
        entry.closed &= ~mask
        entry.tally.ended(mask, state.now)
        state.deadlines.forgetting.push(state.now, entry.key)
        state.deadlines.forgetting.push(state.now + MEMORY_MS, entry.key)
        if not entry.has:
            entry.shown = None
        if entry.kind == "event":
            state.place(entry)
        self._rebind(entry, moves)

    def _give(self, entry: Entry, live: Revision, arriving: AcceptedStep | None, view: View, moves: Moves) -> None:
        gained = entry.label.mask & ~entry.has if view.may_enter(live) else 0
        is_amended = entry.shown is not live
        amended = entry.has if is_amended else 0
        if not gained | amended:
            return
        at_hand = arriving if arriving is not None and arriving.position == live.position else None
        record = at_hand or self._state.archive(live.position)
        for mask, change, what in ((amended, Change.UPDATE, ("REVISION",)), (gained, Change.NEW, ())):
            if mask:
                notice = Notice(
                    mask,
                    change,
                    entry.kind,
                    entry.name,
                    entry.tally,
                    label=entry.label,
                    body=record.envelope,
                    what_changed=what,
                )
                moves.given.append((live.position, notice))
        if amended:
            self._state.deadlines.forgetting.push(self._state.now, entry.key)
        self._admit(entry, live, gained)
        if entry.kind == "event":
            self._match(entry, live, record, is_new=is_amended)
        self._rebind(entry, moves)

    def _admit(self, entry: Entry, live: Revision, gained: int) -> None:
        state = self._state
        entry.has |= gained
        entry.shown = live
        if entry.kind != "event":
            entry.tally.reopened(gained)
            state.deadlines.forgetting.push(live.accepted_at + ADMISSION_MS + MEMORY_MS, entry.key)
        elif state.is_past(live.first_at):
            entry.closed |= gained
            entry.tally.ended(gained, state.now)
            state.deadlines.forgetting.push(state.now + MEMORY_MS, entry.key)
        else:
            entry.tally.reopened(gained)

    def _match(self, entry: Entry, live: Revision, record: AcceptedStep, *, is_new: bool) -> None:
        """Step 2: the graph gets the event where somebody has it open."""
        state = self._state
        if not entry.has & ~entry.closed:
            state.place(entry)
            return
        if is_new or not entry.open:
            state.deadlines.closing.push(live.first_at, entry.ref)
            state.place(entry, state.node(entry.ref, entry.label, live, record))
        else:
            state.place(entry)

    def _rebind(self, entry: Entry, moves: Moves) -> None:
        """Bring the links up to date whose effect hangs on this record."""
        state = self._state
        if entry.kind == "link":
            moves.mark(state.bonds.refresh(entry, state.store, state.graph))
        elif entry.kind == "event":
            for link in list(state.bonds.naming(entry.ref)):
                moves.mark(state.bonds.refresh(link, state.store, state.graph))
