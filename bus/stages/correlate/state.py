"""What the fold knows at a position of `events`, shared by its steps."""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from bus.fusion.graph import Graph
from bus.fusion.node import Node
from bus.labels import Label
from bus.names import BUS
from bus.stages.control import Control
from bus.stages.correlate.bonds import Bonds
from bus.stages.correlate.deadlines import Deadlines
from bus.stages.correlate.entry import Entry, Key, Ref, Revision, Tally
from bus.stages.correlate.rights import LabelState, Rights
from bus.stages.correlate.shelf import Shelf
from bus.stages.correlate.step import AcceptedStep, Archive
from bus.stages.correlate.store import Store, View
from bus.units import DAY_MS

ADMISSION_MS: Final = 14 * DAY_MS
"""A reader whose rights grow gets the records accepted within 14 days of the last tick (pictures.md, 2)."""
MEMORY_MS: Final = 90 * DAY_MS
"""What is closed or gone for so long is forgotten; as long as outboxes are kept."""


@dataclass(slots=True)
class State:
    """The parts that the steps share. `changed`: what readers have differently since it was last asked for."""

    control: Control
    archive: Archive
    rights: Rights
    graph: Graph
    store: Store = field(default_factory=Store)
    bonds: Bonds = field(default_factory=Bonds)
    open: Shelf = field(default_factory=Shelf)
    closed: Shelf = field(default_factory=Shelf)
    tallies: dict[str, Tally] = field(default_factory=dict)
    deadlines: Deadlines = field(default_factory=Deadlines)
    changed: dict[Key, int] = field(default_factory=dict)
    tick: int | None = None

    @property
    def now(self) -> int:
        """The last tick (UTC ms); only asked for where there was one."""
        if self.tick is None:
            raise AssertionError("nothing is in a picture before the first tick")
        return self.tick

    @property
    def window_ms(self) -> int:
        """How long a record stays open after its first acceptance."""
        return int(self.control.parameters.cluster.closing_days * DAY_MS)

    @property
    def paused(self) -> bool:
        """An expired roster pauses deliveries; before the first roster and tick there is nobody to deliver to."""
        return self.tick is None or self.control.trust.expired(self.tick)

    @property
    def seal(self) -> str | None:
        """Stands for all that the roster says of thefts of the bus's keys; None where there was none."""
        thefts = self.control.trust.thefts(BUS)
        return sha256(repr(thefts).encode()).hexdigest()[:32] if thefts else None

    def is_past(self, first_at: int) -> bool:
        """Whether a record first accepted then is closed at the last tick."""
        return first_at + self.window_ms <= self.now

    def view(self, arriving: AcceptedStep | None = None) -> View:
        """What counts here and now; `arriving` needs no admission."""
        since = None if self.tick is None else self.tick - ADMISSION_MS
        return View(self.control.trust, self.tick, since, None if arriving is None else arriving.position)

    def mark(self, thing: Key, mask: int) -> None:
        """Remember that what these readers have of a thing has changed."""
        self.changed[thing] = self.changed.get(thing, 0) | mask

    def tally(self, alert_id: str) -> Tally:
        """The counters of an alert."""
        return self.tallies.setdefault(alert_id, Tally())

    def join(self, a: Label, b: Label) -> Label | None:
        """The join of two labels under the policies in force; None where there is none."""
        return self.control.join(a, b)

    def new_graph(self) -> Graph:
        """An empty graph under the parameters and policies in force."""
        return Graph(self.control.parameters, self.join)

    def node(self, ref: Ref, bears: LabelState, revision: Revision, arriving: AcceptedStep | None = None) -> Node:
        """The event, which bears this label, as fusion sees it: from the record at hand or read again from the log."""
        is_at_hand = arriving is not None and arriving.position == revision.position
        record = arriving if is_at_hand and arriving is not None else self.archive(revision.position)
        label = bears.label
        if label is None:
            raise AssertionError("a record whose label is invalid is in nobody's picture")
        return Node.from_event(
            record.header,
            record.body,
            digest=revision.digest,
            accepted_at=revision.accepted_at,
            first_at=revision.first_at,
            label=label,
            curated=revision.curated,
            parameters=self.control.parameters,
            key=ref,
        )

    def await_expiry(self, ref: Ref, revision: Revision, since: int) -> None:
        """Look at an event when it expires, or 90 days after `since`: by then it is most often forgotten."""
        if revision.leaves_at is not None:
            self.deadlines.expiring.push(min(revision.leaves_at, since + MEMORY_MS), ref)

    def place(self, entry: Entry, node: Node | None = None) -> None:
        """Tell the graph who has an event open, and its content where that is new to the graph."""
        mask = entry.has & ~entry.closed
        if node is not None:
            self.graph.put(node, mask)
        elif mask != entry.open:
            self.graph.set_mask(entry.ref, mask)
        entry.open = mask

    def entry(self, ref: Ref) -> Entry:
        """The entry of an event that somebody has."""
        entry = self.store.get("event", ref)
        if entry is None:
            raise AssertionError("what somebody has is remembered")
        return entry
