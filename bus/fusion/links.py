"""What analysts say: SAME and DIFFERENT between events, by pair, for the readers for whom a link acts."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from bus.fusion.node import Key

SAME: Final = "SAME"
DIFFERENT: Final = "DIFFERENT"


class Said(NamedTuple):
    """What is said of a pair: the readers for whom it is SAME, and for whom DIFFERENT, which beats SAME."""

    same: int
    different: int


NOTHING: Final = Said(0, 0)


class _Link(NamedTuple):
    relation: str
    refs: tuple[Key, ...]
    mask: int


class Links:
    """All links that act for somebody, found by the events that they name, whether these are open or not."""

    __slots__ = ("_by_ref", "_links")

    def __init__(self) -> None:
        """Begin without links."""
        self._links: dict[Key, _Link] = {}
        self._by_ref: dict[Key, dict[Key, None]] = {}

    def set(self, link_key: Key, relation: str, refs: Iterable[Key], mask: int) -> dict[Key, int]:
        """Put a link, replace it, or with mask 0 take it away: events with the readers for whom it changed."""
        before = self._links.pop(link_key, None)
        now = _Link(relation, tuple(sorted(set(refs))), mask) if mask and relation in {SAME, DIFFERENT} else None
        for ref in () if before is None else before.refs:
            del self._by_ref[ref][link_key]
            if not self._by_ref[ref]:
                del self._by_ref[ref]
        if now is not None:
            self._links[link_key] = now
            for ref in now.refs:
                self._by_ref.setdefault(ref, {})[link_key] = None
        if before is not None and now is not None and before[:2] == now[:2]:
            return dict.fromkeys(now.refs, before.mask ^ now.mask)
        changed: dict[Key, int] = {}
        for link in (before, now):
            for ref in () if link is None else link.refs:
                changed[ref] = changed.get(ref, 0) | link.mask if link is not None else 0
        return changed

    def of(self, key: Key) -> dict[Key, Said]:
        """What is said of an event together with others."""
        acting: dict[tuple[str, tuple[Key, ...]], int] = {}
        for link_key in self._by_ref.get(key, ()):
            relation, refs, mask = self._links[link_key]
            acting[relation, refs] = acting.get((relation, refs), 0) | mask
        said: dict[Key, Said] = {}
        for (relation, refs), mask in acting.items():
            added = Said(mask, 0) if relation == SAME else Said(0, mask)
            for other in refs:
                if other != key:
                    same, different = said.get(other, NOTHING)
                    said[other] = Said(same | added.same, different | added.different)
        return said

    def name(self, key: Key) -> bool:
        """Whether any link names an event."""
        return key in self._by_ref
