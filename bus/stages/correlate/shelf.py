"""Alerts as readers have them: one object per variant, shared by all who have it, found by id and by member."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

from bus.stages.correlate.bonds import Tie
from bus.stages.correlate.entry import Ref, Revision
from bus.stages.correlate.rights import LabelState

K = TypeVar("K", str, Ref)


class Member(NamedTuple):
    """One event of an alert, with the revision that the alert rests on, and the label of that."""

    ref: Ref
    revision: Revision
    label: LabelState


@dataclass(slots=True, eq=False)
class Variant:
    """One state of an alert and who has it. Members stand by (first_at, reference): the founder first."""

    alert_id: str
    variant: str
    label: LabelState
    members: tuple[Member, ...]
    ties: tuple[Tie, ...]
    level: int
    probability: float
    seal: str | None = None
    """Under which thefts of the bus's keys it was signed: where more are known, it is signed anew."""
    mask: int = 0

    @property
    def founder(self) -> Ref:
        """The earliest member: of a closed alert, of those that are left."""
        return self.members[0].ref

    def copy(self) -> "Variant":
        """The same state, had by nobody yet: a shelf keeps the object that it is given."""
        return replace(self, mask=0)

    def same_as(self, other: "Variant") -> bool:
        """Whether nothing that is remembered of both differs, but for who has them."""
        return (self.variant, self.seal, self.members, self.ties) == (
            other.variant,
            other.seal,
            other.members,
            other.ties,
        )

    def reads_as(self, other: "Variant") -> bool:
        """Whether a reader who has this is told nothing of the other: neither content nor signature differ."""
        return (self.variant, self.seal) == (other.variant, other.seal)

    def evidence(self) -> list[tuple[Ref, bytes]]:
        """What the alert rests on."""
        return sorted((member.ref, member.revision.digest) for member in self.members)

    def changes_to(self, now: "Variant") -> tuple[str, ...]:
        """What changed for a reader who had this and now has another (pictures.md, 4)."""
        said = (
            ("EVIDENCE", self.evidence() != now.evidence()),
            ("SEVERITY_UP", now.level > self.level),
            ("SEVERITY_DOWN", now.level < self.level),
            ("CONFIDENCE", now.probability != self.probability),
            ("LABEL", now.label.text != self.label.text),
            ("SIGNATURE", now.seal != self.seal),
        )
        return tuple(word for word, holds in said if holds)


class Shelf:
    """All alerts that some reader has: one shelf for the open ones, another for the closed."""

    def __init__(self) -> None:
        """Begin empty."""
        self._by_id: dict[str, list[Variant]] = {}
        self._by_member: dict[Ref, list[Variant]] = {}

    def __iter__(self) -> Iterator[Variant]:
        """All variants."""
        for variants in list(self._by_id.values()):
            yield from list(variants)

    def of_id(self, alert_id: str) -> list[Variant]:
        """The variants of one alert, which differ by reader."""
        return list(self._by_id.get(alert_id, ()))

    def of_member(self, ref: Ref) -> list[Variant]:
        """The variants of all alerts that this event is in, which differ by reader."""
        return list(self._by_member.get(ref, ()))

    def put(self, variant: Variant, mask: int) -> None:
        """Give these readers a variant; one that others have already is shared.

        A tie without a join stands in no byte of an alert, so that equal variants may differ in it.
        """
        for known in self._by_id.get(variant.alert_id, ()):
            if known.same_as(variant):
                known.mask |= mask
                return
        variant.mask = mask
        self._by_id.setdefault(variant.alert_id, []).append(variant)
        for member in variant.members:
            self._by_member.setdefault(member.ref, []).append(variant)

    def take(self, variant: Variant, mask: int) -> None:
        """Take a variant from these readers."""
        variant.mask &= ~mask
        if variant.mask:
            return
        _remove(self._by_id, variant.alert_id, variant)
        for member in variant.members:
            _remove(self._by_member, member.ref, variant)


def _remove(index: dict[K, list[Variant]], key: K, variant: Variant) -> None:
    left = [other for other in index[key] if other is not variant]
    if left:
        index[key] = left
    else:
        del index[key]
