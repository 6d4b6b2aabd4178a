"""Who may read which label: the slot's readers and, for each label, the mask of those that hold a permit for it.

A permit is asked for once per (reader, label) and standing of rights (roster, policies, last tick), never per
delivery: thousands of records share a handful of labels, and the verdict can't change in between.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from bus.errors import Refusal
from bus.labels import Label, Permit, permits
from bus.stages.control import Control


@dataclass(slots=True, eq=False, weakref_slot=True)
class LabelState:
    """One label as spelled, what it means under the policies in force (None: invalid), and the permits for it."""

    text: str
    label: Label | None = None
    mask: int = 0
    permits: dict[int, Permit] = field(default_factory=dict)


class Rights:
    """The slot's readers, each with its bit, and the mask of every label that something in memory bears."""

    def __init__(self, is_mine: Callable[[str], bool] = lambda _: True) -> None:
        """Nobody reads anything until a roster, a policy and a tick say so. `is_mine` picks the slot's readers."""
        self.readers: list[str] = []
        self._is_mine = is_mine
        self._bits: dict[str, int] = {}
        self._labels: WeakValueDictionary[str, LabelState] = WeakValueDictionary()
        self._control: Control | None = None
        self._tick: int | None = None

    def bit(self, reader: str) -> int:
        """The reader's bit number; a new reader gets the next one, and keeps it."""
        if reader not in self._bits:
            self._bits[reader] = len(self.readers)
            self.readers.append(reader)
        return self._bits[reader]

    def state(self, text: str) -> LabelState:
        """The state of a label by its spelling, judged under the present standing."""
        state = self._labels.get(text)
        if state is None:
            state = LabelState(text)
            self._labels[text] = state
            self._judge(state)
        return state

    def refresh(self, control: Control, tick: int | None) -> bool:
        """Judge every known label anew under this control and last tick; True if any mask or meaning changed."""
        is_same = control is self._control and not self._ends_clearance(tick)
        self._control, self._tick = control, tick
        if is_same:
            return False
        for reader in sorted(control.clearances):
            if self._is_mine(reader):
                self.bit(reader)
        changed = False
        for state in list(self._labels.values()):
            before = state.mask, state.label
            self._judge(state)
            changed |= before != (state.mask, state.label)
        return changed

    def _ends_clearance(self, tick: int | None) -> bool:
        """Whether time alone changes what somebody may read, between the tick before and this one."""
        control, before = self._control, self._tick
        if control is None or before is None or tick is None:
            return True
        ends = [clearance.not_after for clearance in control.clearances.values()]
        return any(end is not None and before < end <= tick for end in ends)

    def _judge(self, state: LabelState) -> None:
        control, tick = self._control, self._tick
        state.label, state.mask, state.permits = None, 0, {}
        if control is None:
            return
        label = control.label(state.text)
        if isinstance(label, Refusal):
            return
        state.label = label
        if tick is None:
            return
        policy, version = control.policies[label.policy], control.policy_versions[label.policy]
        for reader, clearance in control.clearances.items():
            if reader not in self._bits:
                continue
            verdict = permits(
                policy, clearance, label, tick, roster_version=control.roster_version, policy_version=version
            )
            if isinstance(verdict, Permit):
                state.permits[self._bits[reader]] = verdict
                state.mask |= 1 << self._bits[reader]
