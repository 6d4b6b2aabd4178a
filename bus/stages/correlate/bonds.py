"""Links at work: for whom each one acts, and what it does to the graph and to `related`.

A link acts for the readers who have it and everything that it names: a reader who lacks one of the events gets no effect, so a link can't
betray an event by what it does to the others.
"""

from bus.fusion.graph import Graph
from bus.stages.correlate.entry import Bond, Entry, Ref
from bus.stages.correlate.store import Store

BINDING = frozenset({"SAME", "DIFFERENT"})
"""Relations that act on clusters."""
SHOWN = frozenset({"SAME", "RELATED"})
"""Relations whose other events an alert names as related, where they are not among its members."""


class Bonds:
    """All links that are in somebody's picture, found by the events that they name."""

    def __init__(self) -> None:
        """Begin without links."""
        self._naming: dict[Ref, list[Entry]] = {}
        self._acting: dict[Ref, tuple[Bond, int]] = {}

    def naming(self, ref: Ref) -> list[Entry]:
        """The links that name this event."""
        return self._naming.get(ref, [])

    def refresh(self, link: Entry, store: Store, graph: Graph) -> dict[Ref, int]:
        """Bring one link's effect up to date; returns, per named event, the readers whose `related` may have changed."""
        bond = link.shown.bond if link.shown is not None else None
        mask = link.has if bond is not None else 0
        for ref in bond.refs if bond is not None else ():
            named = store.get("event", ref)
            mask &= named.has if named is not None else 0
        before, had = self._acting.get(link.ref, (None, 0))
        if bond == before and mask == had:
            return {}
        self._index(link, before, bond)
        if before is not None and before.relation in BINDING and before != bond:
            graph.link(link.ref, before.relation, before.refs, 0)
        if bond is not None and bond.relation in BINDING:
            graph.link(link.ref, bond.relation, bond.refs, mask)
        if bond is None:
            self._acting.pop(link.ref, None)
        else:
            self._acting[link.ref] = (bond, mask)
        changed = had | mask if bond != before else had ^ mask
        return {ref: changed for b in (before, bond) if b is not None and b.relation in SHOWN for ref in b.refs if changed}

    def related(self, members: frozenset[Ref], bit: int) -> list[tuple[Ref, Entry]]:
        """Events that links tie to these members for this reader, each with its link, in the order of (event, link)."""
        found = {}
        for ref in members:
            for link in self._naming.get(ref, ()):
                bond, mask = self._acting.get(link.ref, (None, 0))
                if bond is None or not mask >> bit & 1 or bond.relation not in SHOWN:
                    continue
                for other in bond.refs:
                    if other not in members:
                        found[other, link.ref] = link
        return [(key[0], found[key]) for key in sorted(found)]

    def _index(self, link: Entry, before: Bond | None, now: Bond | None) -> None:
        for ref in before.refs if before is not None else ():
            left = [e for e in self._naming.get(ref, ()) if e is not link]
            if left:
                self._naming[ref] = left
            else:
                self._naming.pop(ref, None)
        for ref in now.refs if now is not None else ():
            naming = self._naming.setdefault(ref, [])
            if link not in naming:
                naming.append(link)
