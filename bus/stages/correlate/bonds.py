"""Links at work: for whom each one acts, and what it does to the graph and to `related`.

A link acts for the readers who have it and everything that it names: a reader who lacks one of the events gets no
effect, so a link can't betray an event by what it does to the others.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from bus.fusion.alert import Related
from bus.fusion.graph import Graph
from bus.fusion.masks import bits
from bus.stages.correlate.entry import IDLE, Bond, Entry, Ref
from bus.stages.correlate.rights import LabelState
from bus.stages.correlate.store import Store

BINDING: Final = frozenset({"SAME", "DIFFERENT"})
"""Relations that act on clusters."""
SHOWN: Final = frozenset({"SAME", "RELATED"})
"""Relations whose other events an alert names as related, where they are not among its members."""


class Tie(NamedTuple):
    """An event that a link ties to a cluster, with the labels of the event and of the link."""

    ref: str
    labels: tuple[LabelState, ...]

    def related(self) -> Related:
        """What an alert is built from."""
        return Related(self.ref, tuple(state.label for state in self.labels if state.label is not None))

    def readable(self) -> int:
        """The readers who may read all that the tie rests on."""
        mask = -1
        for state in self.labels:
            mask &= state.mask
        return mask


class Bonds:
    """All links that are in somebody's picture, found by the events that they name."""

    def __init__(self) -> None:
        """Begin without links."""
        self._naming: dict[Ref, list[Entry]] = {}
        self._acting: dict[Ref, tuple[Bond, int]] = {}

    def naming(self, ref: Ref) -> list[Entry]:
        """The links that name this event."""
        return self._naming.get(ref, [])

    def acting(self, link: Entry) -> int:
        """The readers for whom a link acts."""
        bond, mask = self._acting.get(link.ref, (None, 0))
        return mask if bond is not None and bond.relation != IDLE else 0

    def refresh(self, link: Entry, store: Store, graph: Graph) -> dict[Ref, int]:
        """Bring one link's effect up to date; returns the events and readers whose `related` may have changed."""
        bond = link.shown.bond if link.shown is not None else None
        mask = link.has if bond is not None else 0
        for ref in bond.refs if bond is not None else ():
            named = store.get("event", ref)
            mask &= named.has if named is not None else 0
        before, had = self._acting.get(link.ref, (None, 0))
        if bond == before and mask == had:
            return {}
        if bond != before:
            self._index(link, before, bond)
            if before is not None and before.relation in BINDING:
                graph.link(link.ref, before.relation, before.refs, 0)
        if bond is None:
            self._acting.pop(link.ref, None)
        else:
            self._acting[link.ref] = (bond, mask)
        if bond is not None and bond.relation in BINDING:
            graph.link(link.ref, bond.relation, bond.refs, mask)
        changed = had | mask if bond != before else had ^ mask
        if not changed:
            return {}
        return {ref: changed for b in (before, bond) if b is not None and b.relation in SHOWN for ref in b.refs}

    def enter(self, graph: Graph) -> None:
        """Tell a new graph of every link that acts."""
        for ref, (bond, mask) in self._acting.items():
            if bond.relation in BINDING and mask:
                graph.link(ref, bond.relation, bond.refs, mask)

    def related(self, members: tuple[Ref, ...], mask: int, store: Store) -> list[tuple[tuple[Tie, ...], int]]:
        """What links tie to these members, per distinct set; each tie once, however many links say it."""
        acting: dict[tuple[Bond, LabelState], int] = {}
        for ref in members:
            for link in self._naming.get(ref, ()):
                bond, who = self._acting[link.ref]
                if who & mask and bond.relation in SHOWN:
                    acting[bond, link.label] = acting.get((bond, link.label), 0) | who
        if not acting:
            return [((), mask)]
        inside = frozenset(members)
        found: dict[frozenset[tuple[Ref, LabelState]], int] = {}
        for bit in bits(mask):
            said = [(bond.refs, label) for (bond, label), who in acting.items() if who >> bit & 1]
            ties = frozenset((ref, label) for refs, label in said for ref in refs if ref not in inside)
            found[ties] = found.get(ties, 0) | 1 << bit
        return [(_ties(ties, store), who) for ties, who in found.items()]

    def _index(self, link: Entry, before: Bond | None, now: Bond | None) -> None:
        for ref in before.refs if before is not None else ():
            left = [e for e in self._naming.get(ref, ()) if e is not link]
            if left:
                self._naming[ref] = left
            else:
                self._naming.pop(ref, None)
        for ref in now.refs if now is not None else ():
            self._naming.setdefault(ref, []).append(link)


def _ties(named: Iterable[tuple[Ref, LabelState]], store: Store) -> tuple[Tie, ...]:
    """The events that links tie, each with its label and the link's, sorted by these."""
    ties = []
    for ref, label in sorted(named, key=lambda tie: (tie[0], tie[1].text)):
        event = store.get("event", ref)
        if event is None:
            raise AssertionError("a link acts only where all that it names is remembered")
        ties.append(Tie("/".join(ref), (event.label, label)))
    return tuple(ties)
