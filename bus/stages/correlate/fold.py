"""The fold: one record of `events` after the other, and what it changes for every reader.

Everything happens at a record's position, in its numbered steps (pictures.md, 1): 1 who may read it, 2 match it, 3
re-cluster what it touches, 4 build the alerts, 5 permit again, 6 compare with what each reader last had; 7, writing
the deliveries, is the outbox's. Time acts at ticks only, in two steps of its own: expiry and rights, then one round
of closing.
"""

from collections.abc import Callable, Iterable

from bus.errors import Refusal
from bus.fusion.graph import Graph
from bus.stages.control import CONTROL_KINDS, Control
from bus.stages.correlate.alerts import Alerts
from bus.stages.correlate.closing import close
from bus.stages.correlate.deadlines import Drawers
from bus.stages.correlate.entry import Entry
from bus.stages.correlate.forgetting import forget
from bus.stages.correlate.frozen import Frozen
from bus.stages.correlate.notice import Notice
from bus.stages.correlate.records import Moves, Records
from bus.stages.correlate.rights import Rights
from bus.stages.correlate.state import ADMISSION_MS, State
from bus.stages.correlate.step import AcceptedStep, Archive, Step, TickStep
from bus.stages.correlate.store import Key
from bus.stages.correlate.verdict import KINDS, identity, judge
from schemas.models import MESSAGE_OF_KIND, validate


def follow(control: Control, step: AcceptedStep) -> Control:
    """What holds after a control record; one that can't come into force changes nothing."""
    message = validate(MESSAGE_OF_KIND[step.kind], {"header": step.header, "body": step.body})
    if isinstance(message, Refusal):
        return control
    following = control.apply(step.parsed, message, step.accepted_at)
    return control if isinstance(following, Refusal) else following


class Fold:
    """All readers' pictures at a position. Takes records in order; the same records give the same notices."""

    def __init__(self, control: Control, archive: Archive, is_mine: Callable[[str], bool] = lambda _: True) -> None:
        """Begin with what the authority has said so far and nothing else; `is_mine` picks the slot's readers."""
        self.state = State(control, archive, Rights(is_mine), Graph(control.parameters, control.join))
        self.state.rights.refresh(control, None)
        self._records = Records(self.state)
        self._alerts = Alerts(self.state)
        self._frozen = Frozen(self.state)
        self._is_graph_stale = False
        self._seal = self.state.seal

    def step(self, step: Step) -> list[Notice]:
        """Take one record; returns what it changes for readers, in the order in which each is told."""
        if isinstance(step, TickStep):
            return self._tick(step)
        if step.kind in CONTROL_KINDS:
            return self._control(step)
        return self._record(step) if step.kind in KINDS else []

    def refresh(self) -> list[Notice]:
        """Compare everything with what readers have; after a restart it finds nothing, unless the software changed."""
        if self.state.paused:
            self._is_graph_stale = True
            return []
        return self._reconcile_all(Moves(dirty={entry.ref: entry.open for entry in self.state.store if entry.open}))

    def absorb(self, step: AcceptedStep, control: Control) -> Entry | None:
        """Remember a record that may be visible under the control in force at its position."""
        revision = judge(step, control)
        if revision is None:
            return None
        state, ref = self.state, identity(step)
        label = state.rights.state(step.header["label"])
        entry = state.store.absorb(step.kind, ref, label, revision, state.view()._replace(trust=control.trust))
        if entry is not None:
            state.deadlines.forgetting.push(revision.accepted_at + ADMISSION_MS + 1, entry.key)
            state.await_expiry(ref, revision, revision.accepted_at)
        return entry

    def _record(self, step: AcceptedStep) -> list[Notice]:
        entry = self.absorb(step, self.state.control)
        if entry is None or self.state.paused:
            return []
        moves = Moves()
        touched = self.state.store.touched(entry)
        # 1. Who may read it. 2. Match it.
        self._records.reconcile(self._remembered(touched), moves, step)
        return self._outcome(moves, self._frozen.refresh(touched, step))

    def _remembered(self, keys: Iterable[Key]) -> list[Entry]:
        return [entry for kind, ref in keys if (entry := self.state.store.get(kind, ref)) is not None]

    def _outcome(self, moves: Moves, frozen: list[Notice]) -> list[Notice]:
        """Steps 3 to 6, after records moved: the alerts, open and closed, by id, behind the records."""
        alerts = frozen + self._alerts.compare(moves)
        return moves.notices() + sorted(alerts, key=lambda notice: notice.ref)

    def _tick(self, step: TickStep) -> list[Notice]:
        state = self.state
        if state.tick is not None and step.minute <= state.tick:
            return []
        is_first = state.tick is None
        state.tick = step.minute
        if state.paused:
            return []
        forget(state)
        if state.rights.refresh(state.control, state.tick) or is_first:
            notices = self._reconcile_all(Moves())
        else:
            # Closed alerts don't feel that time passes.
            notices = self._outcome(self._expire(), [])
        closed = close(state)
        return notices + self._outcome(Moves(), closed)

    def _expire(self) -> Moves:
        state, moves = self.state, Moves()
        due = self._remembered(("event", ref) for ref in state.deadlines.expiring.due(state.now))
        self._records.reconcile(due, moves)
        for entry in due:
            for revision in entry.revisions:
                if revision.leaves_at is not None and revision.leaves_at > state.now:
                    state.await_expiry(entry.ref, revision, state.now)
        return moves

    def _control(self, step: AcceptedStep) -> list[Notice]:
        state, before = self.state, self.state.control
        state.control = follow(before, step)
        if state.control is before:
            return []
        is_same = before.policies is state.control.policies and before.parameters is state.control.parameters
        self._is_graph_stale |= not is_same
        if state.paused:
            return []
        state.rights.refresh(state.control, state.tick)
        return self._reconcile_all(Moves())

    def _reconcile_all(self, moves: Moves) -> list[Notice]:
        """Rights, roster, policies or parameters changed: every record and every alert is judged anew."""
        if self._is_graph_stale:
            self._empty_graph(moves)
        if self._seal != self.state.seal:
            self._seal = self.state.seal
            moves.mark({entry.ref: entry.open for entry in self.state.store if entry.open})
        entries = sorted(self.state.store, key=lambda entry: (entry.kind, entry.ref))
        self._records.reconcile(entries, moves)
        if self._is_graph_stale:
            self._fill_graph(moves)
            self._is_graph_stale = False
        return self._outcome(moves, self._frozen.refresh_all())

    def _empty_graph(self, moves: Moves) -> None:
        """Another policy or other parameters: no edge, cluster or label of before holds."""
        state = self.state
        state.graph = state.new_graph()
        state.deadlines.closing, state.deadlines.lasting = Drawers(), Drawers()
        for entry in state.store:
            mask = entry.has & ~entry.closed
            if mask and entry.kind == "event":
                moves.mark({entry.ref: mask})
                entry.open = 0

    def _fill_graph(self, moves: Moves) -> None:
        """Enter what is open after all records were judged anew."""
        state = self.state
        for entry in state.store:
            if entry.kind == "event" and entry.has & ~entry.closed and entry.shown is not None:
                state.place(entry, state.node(entry.ref, entry.label, entry.shown))
                state.deadlines.closing.push(entry.shown.first_at, entry.ref)
                moves.mark({entry.ref: entry.open})
        state.bonds.enter(state.graph)
