"""Who may read which label: the slot's readers and, for each label that was met, the mask of readers that hold a permit for it.

A permit is asked for once per (reader, label) and standing of rights (roster, policies, last tick), never per delivery: thousands of
records share a handful of labels, and the verdict can't change in between.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bus.errors import Refusal
from bus.labels import Clearance, Label, Permit, Policy, parse_label, permits


@dataclass(slots=True, eq=False)
class LabelState:
    """One label as spelled, its meaning under the policies in force (None: invalid there), and the permits given for it."""

    text: str
    label: Label | None = None
    mask: int = 0
    permits: dict[int, Permit] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Standing:
    """What rights are judged by: policies and clearances in force, their versions, and the last tick (UTC ms; None: no tick yet)."""

    policies: Mapping[str, Policy]
    clearances: Mapping[str, Clearance]
    roster_version: int = 0
    policy_versions: Mapping[str, int] = field(default_factory=dict)
    tick: int | None = None


class Rights:
    """The slot's readers, each with its bit, and every label's mask."""

    def __init__(self) -> None:
        """No readers and no rights: nobody reads anything until a roster, a policy and a tick say so."""
        self.readers: list[str] = []
        self._bits: dict[str, int] = {}
        self._labels: dict[str, LabelState] = {}
        self._standing = Standing({}, {})

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
            state = self._labels[text] = LabelState(text)
            self._judge(state)
        return state

    def refresh(self, standing: Standing) -> bool:
        """Judge every known label anew under a changed standing; True if any mask or meaning changed."""
        self._standing = standing
        for reader in sorted(standing.clearances):
            self.bit(reader)
        before = [(s.mask, s.label) for s in self._labels.values()]
        for state in self._labels.values():
            self._judge(state)
        return before != [(s.mask, s.label) for s in self._labels.values()]

    def _judge(self, state: LabelState) -> None:
        standing = self._standing
        label = parse_label(state.text, standing.policies)
        state.label = None if isinstance(label, Refusal) else label
        state.mask, state.permits = 0, {}
        if state.label is None or standing.tick is None:
            return
        policy = standing.policies[state.label.policy]
        version = standing.policy_versions.get(state.label.policy, 0)
        for reader, clearance in standing.clearances.items():
            verdict = permits(policy, clearance, state.label, standing.tick, roster_version=standing.roster_version, policy_version=version)
            if isinstance(verdict, Permit):
                state.permits[self._bits[reader]] = verdict
                state.mask |= 1 << self._bits[reader]


def bits(mask: int) -> list[int]:
    """The bit numbers in a mask, ascending."""
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found
