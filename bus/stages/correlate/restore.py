"""Take over: rebuild what the fold knew at the slot's cursor (pictures.md, 5).

What readers have and what is closed for them is its only state, and stands in `delivered.<agency>`; all else follows
from the records:

1. what the authority had said, from `control`, and the last tick, from the note.
2. what each reader has, from `delivered.<agency>`.
3. the records accepted within the admission's window, from `events`, judged by what held at their own position.
4. the graph: every event that somebody has open; the links that act; the alerts as they were told.

Nothing is delivered here: the fold compares afterwards, and finds nothing unless the software changed.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from bus.errors import TocsinError
from bus.log.protocol import Log
from bus.log.topics import topic
from bus.stages.control import CONTROL_KINDS, Control
from bus.stages.correlate.bonds import Tie
from bus.stages.correlate.delivered import HEAD, Head, read_ref, read_revision, thing_of
from bus.stages.correlate.entry import Entry, Ref, Revision, Tally
from bus.stages.correlate.fold import Fold, follow
from bus.stages.correlate.groups import put
from bus.stages.correlate.note import Mark, Marks, Note
from bus.stages.correlate.shelf import Member, Variant
from bus.stages.correlate.state import ADMISSION_MS, MEMORY_MS
from bus.stages.correlate.step import AcceptedStep, TickStep, read_step
from bus.stages.correlate.verdict import KINDS, identity, revise
from bus.stages.stage import Progress
from schemas.codec import decode_head, decode_own
from schemas.models.delivered import Standing
from schemas.registry import newest

DELIVERED: Final = "delivered."
STRIDE: Final = 1_000
"""Records between two words about how far it is."""
_COUNTED: Final = 3
"""The first fields of a held record: revision, standing, since; the others are the same for all who have the same."""


class MissingRecordError(TocsinError):
    """A reader's picture rests on a record that `events` no longer holds: without it no alert can be rebuilt."""


def control_at(log: Log, pin: bytes, version: int) -> Control:
    """What held after so many control records."""
    control = Control.start(pin)
    if version:
        for record in log.read(topic("control")):
            step = read_step(record)
            if isinstance(step, AcceptedStep):
                control = follow(control, step)
            if control.version == version:
                break
    return control


class Restore:
    """One rebuilding of a fold; `heads` and `marks` are filled on the way."""

    def __init__(self, log: Log, pin: bytes, note: Note, is_mine: Callable[[str], bool], progress: Progress) -> None:
        """Step 1: the authority's word at the cursor, and the last tick."""
        self._log, self._pin, self._note = log, pin, note
        self.fold = Fold(control_at(log, pin, note.control), self.archive, is_mine)
        self._state = self.fold.state
        self._is_mine = is_mine
        self.heads: dict[str, Head] = {}
        self.marks = Marks()
        self._alerts: list[tuple[int, str, Mapping[str, Any]]] = []
        self._progress = progress

    def archive(self, position: int) -> AcceptedStep:
        """The accepted record at a position of `events`."""
        for record in self._log.read(topic("events"), position, position + 1):
            step = read_step(record)
            if isinstance(step, AcceptedStep):
                return step
        raise MissingRecordError(
            f"`events` has no accepted record at position {position}, on which a reader's picture rests",
            "Restore the log from a backup. Its retention removes nothing so young: it was damaged, or a roster that"
            " had expired stopped the bus for months.",
        )

    def run(self, cursor: int) -> Fold:
        """Steps 1 to 4; afterwards the fold stands where it stood before it read the record at `cursor`."""
        state = self._state
        state.tick = self._note.tick
        told = list(self._readers())
        for reader in told:
            state.rights.bit(reader)
        state.rights.refresh(state.control, state.tick)
        for number, reader in enumerate(told):
            self._progress("reading what readers have", number, len(told))
            self._read_delivered(state.rights.bit(reader), reader)
        self._read_events(cursor)
        self._fill_graph()
        for bit, alert_id, held in self._alerts:
            self._put_alert(bit, alert_id, held)
        self._schedule()
        return self.fold

    def _readers(self) -> Iterator[str]:
        """Everybody who ever was told something, in the roster still or not."""
        for one in self._log.describe().topics:
            reader = one.name.removeprefix(DELIVERED)
            if one.name.startswith(DELIVERED) and self._is_mine(reader):
                yield reader

    # 2. What each reader has.

    def _read_delivered(self, bit: int, reader: str) -> None:
        for record in self._log.latest(topic("delivered", reader)):
            if record.key == HEAD:
                self.heads[reader] = Head(**decode_own("heldhead", record.value))
                continue
            thing = thing_of(record.key)
            if thing[0] == "alert":
                held: Mapping[str, Any] = decode_own("heldalert", record.value)
                tally = self._state.tally(thing[1])
                if held["shown"] is not None:
                    self._alerts.append((bit, thing[1], held))
            else:
                held, tally = self._take_record(bit, thing, record.value)
            mask = 1 << bit
            tally.counts = put(tally.counts, mask, held["revision"])
            if held["since"] is not None:
                tally.since = put(tally.since, mask, held["since"])

    def _take_record(self, bit: int, thing: tuple[str, ...], value: bytes) -> tuple[Mapping[str, Any], Tally]:
        """What a reader has of a record, and the record's counters.

        All who have it have the same of it: what the first one's says is not decoded again.
        """
        entry = self._state.store.get(thing[0], (thing[1], thing[2], thing[3]))
        schema = newest("heldrecord")
        if entry is None or entry.shown is None or not value.startswith(schema.prefix):
            held = decode_own("heldrecord", value)
            return held, self._put_record(bit, thing, held).tally
        head = decode_head(schema, value, _COUNTED)
        self._stand(entry, bit, head["standing"])
        return head, entry.tally

    def _put_record(self, bit: int, thing: tuple[str, ...], held: Mapping[str, Any]) -> Entry:
        store = self._state.store
        ref = thing[1], thing[2], thing[3]
        entry = store.get(thing[0], ref)
        if entry is None:
            entry = Entry((thing[0], ref), self._state.rights.state(held["label"]))
            store.put(entry)
        if held["shown"] is not None:
            if entry.shown is None:
                entry.label = self._state.rights.state(held["label"])
                entry.shown = read_revision(held["shown"])
                entry.revisions = (entry.shown,)
                store.put(entry)
            self._stand(entry, bit, held["standing"])
        return entry

    @staticmethod
    def _stand(entry: Entry, bit: int, standing: str) -> None:
        """Whether the reader has it, and whether it is open to it."""
        if standing != Standing.GONE:
            entry.has |= 1 << bit
            entry.closed |= (standing == Standing.CLOSED) << bit

    # 3. The records of the admission's window.

    def _read_events(self, cursor: int) -> None:
        note, state = self._note, self._state
        self.marks.start(note)
        control = control_at(self._log, self._pin, note.from_control)
        since = None if state.tick is None else state.tick - ADMISSION_MS
        last = None
        for number, record in enumerate(self._log.read(topic("events"), note.from_position, cursor)):
            if number % STRIDE == 0:
                self._progress("reading open events", record.offset - note.from_position, cursor - note.from_position)
            step = read_step(record)
            if isinstance(step, TickStep):
                if last is None or step.minute > last:
                    last = step.minute
                    self.marks.add(Mark(step.minute, step.position, control.version))
            elif step.kind in CONTROL_KINDS:
                control = follow(control, step)
            elif step.kind in KINDS:
                self._take(step, control, is_recent=since is None or step.accepted_at >= since)

    def _take(self, step: AcceptedStep, control: Control, *, is_recent: bool) -> None:
        entry = self._state.store.get(step.kind, identity(step))
        if entry is not None and entry.shown is not None and entry.shown.position == step.position:
            self._open(entry, step)
        elif is_recent:
            self.fold.absorb(step, control)

    # 4. The graph, the links, the alerts.

    def _open(self, entry: Entry, step: AcceptedStep | None = None) -> None:
        state = self._state
        mask = entry.has & ~entry.closed
        if entry.kind == "event" and mask and not entry.open and entry.label.label is not None:
            if entry.shown is None:
                raise AssertionError("what somebody has is shown")
            state.place(entry, state.node(entry.ref, entry.label, entry.shown, step))

    def _fill_graph(self) -> None:
        state = self._state
        for entry in state.store:
            self._open(entry)
        for entry in state.store:
            if entry.kind == "link":
                state.bonds.refresh(entry, state.store, state.graph)

    def _put_alert(self, bit: int, alert_id: str, held: Mapping[str, Any]) -> None:
        state, shown = self._state, held["shown"]
        members = tuple(self._member(read_ref(one["ref"]), one["position"]) for one in shown["members"])
        ties = tuple(
            Tie(tie["ref"], tuple(state.rights.state(text) for text in tie["labels"])) for tie in shown["ties"]
        )
        label = state.rights.state(shown["label"])
        variant = Variant(
            alert_id, shown["variant"], label, members, ties, shown["level"], shown["probability"], shown["seal"]
        )
        shelf = state.closed if held["standing"] == Standing.CLOSED else state.open
        shelf.put(variant, 1 << bit)

    def _member(self, ref: Ref, position: int) -> Member:
        """A member as the alert cites it; the record may have left the picture, and memory, since."""
        entry = self._state.store.get("event", ref)
        if entry is not None:
            for revision in entry.revisions:
                if revision.position == position:
                    return Member(ref, revision, entry.label)
        step = self.archive(position)
        return Member(ref, revise(step, None), self._state.rights.state(step.header["label"]))

    def _schedule(self) -> None:
        """What comes due, and when; looking once too often does no harm."""
        deadlines = self._state.deadlines
        for entry in self._state.store:
            for since, _ in entry.tally.since:
                deadlines.forgetting.push(since + MEMORY_MS, entry.key)
            for revision in entry.revisions:
                self._schedule_revision(entry, revision)
        for alert_id, tally in self._state.tallies.items():
            for since, _ in tally.since:
                deadlines.forgetting.push(since + MEMORY_MS, ("alert", (alert_id,)))

    def _schedule_revision(self, entry: Entry, revision: Revision) -> None:
        deadlines = self._state.deadlines
        deadlines.forgetting.push(revision.accepted_at + ADMISSION_MS + 1, entry.key)
        if entry.kind != "event":
            deadlines.forgetting.push(revision.accepted_at + ADMISSION_MS + MEMORY_MS, entry.key)
            return
        self._state.await_expiry(entry.ref, revision, revision.accepted_at)
        if entry.open:
            deadlines.closing.push(revision.first_at, entry.ref)
