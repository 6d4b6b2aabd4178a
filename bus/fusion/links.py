"""What analysts say: SAME and DIFFERENT between events, by pair, for the readers for whom a link acts."""

from collections.abc import Iterable, Mapping
from functools import reduce
from operator import or_
from typing import Final, NamedTuple

from bus.fusion.node import Key

SAME: Final = "SAME"
DIFFERENT: Final = "DIFFERENT"


class Said(NamedTuple):
    """What is said of a pair: the readers for whom it is SAME, and for whom DIFFERENT, which beats SAME."""

    same: int
    different: int


NOTHING: Final = Said(0, 0)


class _Group:
    """All links that say the same of the same events, each with its readers."""

    __slots__ = ("links", "refs", "relation")

    def __init__(self, relation: str, refs: tuple[Key, ...]) -> None:
        self.relation = relation
        self.refs = refs
        self.links: dict[Key, int] = {}

    def said(self) -> Said:
        mask = reduce(or_, self.links.values())
        return Said(mask, 0) if self.relation == SAME else Said(0, mask)


class Links:
    """All links that act for somebody, found by the events that they name, whether these are open or not."""

    __slots__ = ("_by_ref", "_groups", "_links")

    def __init__(self) -> None:
        """Begin without links."""
        self._links: dict[Key, _Group] = {}
        self._groups: dict[tuple[str, tuple[Key, ...]], _Group] = {}
        self._by_ref: dict[Key, dict[_Group, None]] = {}

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._links)

    def set(self, link_key: Key, relation: str, refs: Iterable[Key], mask: int) -> dict[Key, int]:
        """Put a link, replace it, or with mask 0 take it away; returns of what now other things are said, for whom."""
        before = self._links.get(link_key)
        now = self._group(relation, tuple(sorted(set(refs)))) if mask and relation in {SAME, DIFFERENT} else None
        named = dict.fromkeys(ref for group in (before, now) if group is not None for ref in group.refs)
        said = {ref: self.of(ref) for ref in named}
        if before is not None:
            self._remove(link_key, before)
        if now is not None:
            self._links[link_key] = self._enter(now)
            now.links[link_key] = mask
        return {ref: readers for ref in named if (readers := _difference(said[ref], self.of(ref)))}

    def of(self, key: Key) -> dict[Key, Said]:
        """What is said of an event together with others."""
        found: dict[Key, Said] = {}
        for group in self._by_ref.get(key, ()):
            same, different = group.said()
            for other in group.refs:
                if other != key:
                    before = found.get(other, NOTHING)
                    found[other] = Said(before.same | same, before.different | different)
        return found

    def name(self, key: Key) -> bool:
        """Whether any link names an event."""
        return key in self._by_ref

    def readers_of(self, key: Key) -> int:
        """The readers for whom some link says something of an event and another."""
        groups = [group for group in self._by_ref.get(key, ()) if len(group.refs) > 1]
        return reduce(or_, (mask for group in groups for mask in group.links.values()), 0)

    def _group(self, relation: str, refs: tuple[Key, ...]) -> _Group:
        return self._groups.get((relation, refs)) or _Group(relation, refs)

    def _enter(self, group: _Group) -> _Group:
        self._groups[group.relation, group.refs] = group
        for ref in group.refs:
            self._by_ref.setdefault(ref, {})[group] = None
        return group

    def _remove(self, link_key: Key, group: _Group) -> None:
        del self._links[link_key], group.links[link_key]
        if group.links:
            return
        del self._groups[group.relation, group.refs]
        for ref in group.refs:
            del self._by_ref[ref][group]
            if not self._by_ref[ref]:
                del self._by_ref[ref]


def _difference(before: Mapping[Key, Said], now: Mapping[Key, Said]) -> int:
    """The readers for whom something else is said than before."""
    readers = 0
    for other in {**before, **now}:
        was, is_now = before.get(other, NOTHING), now.get(other, NOTHING)
        readers |= (was.same ^ is_now.same) | (was.different ^ is_now.different)
    return readers
