"""What the fold knows at a position of `events`: everything but the alerts that each reader has."""

from dataclasses import dataclass, field

from bus.fusion.graph import Graph
from bus.fusion.node import Node
from bus.labels import Label
from bus.stages.control import Control
from bus.stages.correlate.bonds import Bonds
from bus.stages.correlate.entry import DAY_MS, Entry, Revision
from bus.stages.correlate.rights import Rights, Standing
from bus.stages.correlate.step import AcceptedStep, Archive
from bus.stages.correlate.store import Store


@dataclass(slots=True)
class State:
    """The parts that the steps of the fold share."""

    control: Control
    archive: Archive
    graph: Graph
    rights: Rights = field(default_factory=Rights)
    store: Store = field(default_factory=Store)
    bonds: Bonds = field(default_factory=Bonds)
    tick: int | None = None

    @property
    def window_ms(self) -> int:
        """How long a record stays open after its first acceptance."""
        return self.control.parameters.closing_days * DAY_MS

    @property
    def paused(self) -> bool:
        """An expired roster pauses deliveries; before the first roster and tick there is nobody to deliver to."""
        return self.tick is None or self.control.trust is None or self.control.trust.expired(self.tick)

    def is_past(self, first_at: int) -> bool:
        """Whether a record first accepted then is closed at the last tick."""
        return self.tick is not None and first_at + self.window_ms <= self.tick

    def standing(self) -> Standing:
        """What rights are judged by at this position."""
        control = self.control
        return Standing(control.policies, control.clearances, control.roster_version, control.policy_versions, self.tick)

    def join(self, a: Label, b: Label) -> Label | None:
        """The join of two labels under the policies in force; None where there is none."""
        return self.control.join(a, b)

    def node(self, entry: Entry, revision: Revision, arriving: AcceptedStep | None = None) -> Node:
        """The event as fusion sees it, from the record at hand or read again from the log."""
        record = arriving if arriving is not None and arriving.position == revision.position else self.archive(revision.position)
        label = entry.label.label
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
        )
